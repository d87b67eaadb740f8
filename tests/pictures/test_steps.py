"""What is left of the gradient at each time step."""

from __future__ import annotations

import math

import pytest

from hpsearch.lab.gradients import LevelGradients
from hpsearch.pictures.steps import draw_step_gradients
from tests.pictures.seen import drawn, note, points, texts, title


def level(label: str, *norms: float) -> LevelGradients:
    return LevelGradients(label=label, params={}, norms=list(norms))


def test_each_level_is_a_line_to_the_last_step_on_a_logarithmic_axis():
    figure = draw_step_gradients([level("RNN", 1e-8, 1e-4, 1.0), level("GRU", 0.1, 0.2)], "seed 0")

    (panel,) = figure.axes
    assert panel.get_yscale() == "log"
    assert points(drawn(panel, "RNN: first / last step 1e-08")) == [(-2, 1e-8), (-1, 1e-4), (0, 1)]
    assert points(drawn(panel, "GRU: first / last step 0.5")) == [(-1, 0.1), (0, 0.2)]
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in panel.lines}
    assert len(looks) == 2
    assert title(figure) == "Most of the gradient reaches the first step with GRU"
    assert note(figure) == "seed 0"
    assert "GRU: first / last step 0.5" in texts(figure)


def test_a_gradient_of_zero_or_that_is_not_finite_has_no_line_and_the_picture_says_so():
    figure = draw_step_gradients(
        [level("RNN", 0.0, 1.0), level("LSTM", math.nan, math.inf)], "seed 0"
    )

    (panel,) = figure.axes
    assert [math.isnan(y) for _x, y in points(drawn(panel, "RNN: first / last step 0"))] == [1, 0]
    assert "No line where the gradient is 0 or not finite." in note(figure)


@pytest.mark.parametrize(
    ("norms", "point"),
    [
        ((0.01, 1.0), "At the first of 2 time steps, 0.01 of the gradient is left"),
        ((0.1, 0.0), "No network has a gradient to compare"),
    ],
)
def test_the_title_of_one_network_is_what_reaches_its_first_step(norms, point):
    assert title(draw_step_gradients([level("baseline", *norms)], "")) == point
