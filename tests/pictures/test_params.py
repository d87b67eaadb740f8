"""What hyperparameters have to do with the value."""

from __future__ import annotations

import pytest

from hpsearch.goal import Goal
from hpsearch.pictures.drawing import as_svg
from hpsearch.pictures.params import (
    Scale,
    draw_importances,
    draw_parallel,
    draw_slices,
    too_few,
)
from tests.pictures.seen import drawn, note, points, texts, title
from tests.summaries import trial

GOAL = Goal("val_accuracy", "maximize")
ROWS = [
    trial(0, 0.5, params={"epochs": 9, "units": 8, "optimizer": "sgd", "rate": 0.1}),
    trial(1, 0.9, params={"epochs": 9, "units": 64, "optimizer": "adam", "rate": 0.001}),
    trial(2, 0.7, params={"epochs": 9, "units": None, "optimizer": "$adam$", "rate": 0.01}),
]


@pytest.mark.parametrize(("n_finished", "n_params", "n_needed"), [(19, 3, 20), (25, 15, 30)])
def test_importances_of_too_few_trials_bear_a_warning(n_finished, n_params, n_needed):
    warning = f"take {n_needed} or more"
    importances = {f"param_{i}": 1 / n_params for i in range(n_params)}

    assert warning in too_few(n_finished, n_params)
    figure = draw_importances(importances, n_finished)
    assert warning in note(figure)
    assert title(figure).startswith("Too few trials to tell")
    assert too_few(n_needed, n_params) == ""


def test_importances_are_bars_with_their_share_the_greatest_on_top():
    figure = draw_importances({"units": 0.2, "rate": 0.7, "epochs": 0.1}, 100)

    bars = figure.axes[0].patches
    assert [bar.get_width() for bar in bars] == [0.1, 0.2, 0.7]  # from below
    assert title(figure) == "rate matters most: 70%"


def test_numbers_lie_on_a_scale_in_proportion_or_by_their_logarithm():
    scale = Scale.of("units", [0, 5, 10])
    assert [scale.place(value) for value in (0, 5, 10)] == [0.0, 0.5, 1.0]

    scale = Scale.of("rate", [0.001, 0.01, 0.1])
    assert [scale.place(value) for value in (0.001, 0.01, 0.1)] == pytest.approx([0.0, 0.5, 1.0])


def test_names_are_spread_and_a_hyperparameter_that_is_not_there_has_a_place_of_its_own():
    assert [Scale.of("mode", ["b", "a"]).place(value) for value in "ab"] == [0.25, 0.75]

    scale = Scale.of("units_2", [None, 8, 64])
    assert scale.place(None) == 0.0 < scale.place(8)
    assert scale.ticks()[0.0] == "none"


@pytest.mark.parametrize("found", [[None, None], [True, False], [7, 7], [0.0, 0.0]])
def test_any_values_can_be_placed(found):
    scale = Scale.of("odd", found)

    assert all(0 <= scale.place(value) <= 1 for value in found)


def test_each_trial_is_a_line_through_the_place_of_each_of_its_params():
    figure = draw_parallel(ROWS, GOAL)

    panel = figure.axes[0]
    lines = [line for line in panel.lines if line.get_label().startswith("trial ")]
    assert len(lines) == 3
    assert points(drawn(panel, "best")) == points(drawn(panel, "trial 1"))
    assert title(figure) == "Trial 1 has the best of 3 values, 0.9000"
    assert "$adam$" in texts(figure)


def test_slices_leave_out_what_never_varies():
    figure = draw_slices(ROWS, GOAL)

    assert [panel.get_title(loc="left") for panel in figure.axes] == [
        "units",
        "optimizer",
        "rate",
        "",
    ]
    assert drawn(figure.axes[0], "best").get_ydata()[0] == 0.9
    assert len(points(drawn(figure.axes[0], "trials"))) == 3


def test_a_study_of_one_trial_has_slices_too():
    assert texts(draw_slices(ROWS[:1], GOAL))
    assert texts(draw_parallel(ROWS[:1], GOAL))


def test_slices_of_many_trials_are_still_a_small_file():
    rows = [trial(n, n / 500, params={"units": n, "rate": 1 / (n + 1)}) for n in range(500)]

    assert len(as_svg(draw_slices(rows, GOAL))) < 60_000
