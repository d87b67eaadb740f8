"""Learning curves: training as dots, validation as a line, onset and best epoch marked."""

from __future__ import annotations

import math

import pytest

from hpsearch.curves.onset import find_onset
from hpsearch.goal import Goal, Logs
from hpsearch.pictures.curves import (
    Curves,
    LevelPanel,
    draw_curves,
    draw_gradient,
    draw_level_curves,
)
from tests.pictures.seen import drawn, note, points, texts, title

GOAL = Goal("val_accuracy", "maximize")
VAL_LOSS = [
    1.0,
    0.8,
    0.7,
    0.75,
    0.8,
    0.9,
    1.0,
]  # lowest at 3; a median over three epochs rises from 5 on


def logs_of(val_losses: list[float], shift: float = 0.0) -> list[Logs]:
    return [
        {
            "loss": 1 / epoch + shift,
            "val_loss": val_loss + shift,
            "accuracy": epoch / 10,
            "val_accuracy": 0.9 - val_loss / 10 + shift,
            "gradient_norm": 1.0 / epoch,
        }
        for epoch, val_loss in enumerate(val_losses, 1)
    ]


def curves_of(*seeds: list[Logs], best_epoch: int | None = 3) -> Curves:
    onset = find_onset(dict(enumerate(seeds[0], 1)))
    return Curves(label="Trial 7", seeds=seeds, best_epoch=best_epoch, onset=onset)


def test_training_is_dots_and_validation_a_line_for_loss_and_metric():
    logs = logs_of(VAL_LOSS)

    figure = draw_curves(curves_of(logs), GOAL)

    assert [panel.get_ylabel() for panel in figure.axes] == ["loss", "accuracy"]
    assert figure.axes[-1].get_xlabel() == "epoch"
    for panel, name in zip(figure.axes, ("loss", "accuracy"), strict=True):
        training, validation = drawn(panel, "training"), drawn(panel, "validation")
        assert (training.get_linestyle(), training.get_marker()) == ("None", ".")
        assert validation.get_linestyle() == "-"
        assert points(training) == [(i, one[name]) for i, one in enumerate(logs, 1)]
        assert points(validation) == [(i, one[f"val_{name}"]) for i, one in enumerate(logs, 1)]


def test_onset_and_best_epoch_are_marked_where_they_are_and_named():
    figure = draw_curves(curves_of(logs_of(VAL_LOSS)), GOAL)

    for panel in figure.axes:
        assert drawn(panel, "onset").get_xdata()[0] == 5
        assert drawn(panel, "best epoch").get_xdata()[0] == 3
    assert title(figure) == (
        "Trial 7: validation loss is lowest at epoch 3; from epoch 5 on the network overfits"
    )
    assert "best val_accuracy: epoch 3" in texts(figure)
    assert "overfits from epoch 5" in texts(figure)


def test_without_overfitting_nothing_is_marked_as_such():
    figure = draw_curves(curves_of(logs_of([1.0, 0.9, 0.9, 0.9, 0.9])), GOAL)

    assert not [
        line for panel in figure.axes for line in panel.lines if line.get_label() == "onset"
    ]
    assert title(figure) == "Trial 7: no overfitting within 5 epochs"


def test_several_seeds_are_a_mean_and_a_band_from_the_lowest_to_the_highest():
    figure = draw_curves(curves_of(logs_of(VAL_LOSS), logs_of(VAL_LOSS, 0.1)), GOAL)

    loss = figure.axes[0]
    (band,) = [one for one in loss.collections if one.get_label() == "band"]
    box = band.get_paths()[0].get_extents()
    assert points(drawn(loss, "validation"))[0] == (1, pytest.approx(1.05))
    assert (box.y0, box.y1) == pytest.approx((min(VAL_LOSS), max(VAL_LOSS) + 0.1))
    assert "Means of 2 seeds; bands: the lowest to the highest." in note(figure)


@pytest.mark.parametrize("n_epochs", [1, 2, 3])
def test_a_short_curve_can_be_seen(n_epochs):
    figure = draw_curves(curves_of(logs_of(VAL_LOSS[:n_epochs]), best_epoch=1), GOAL)

    validation = drawn(figure.axes[0], "validation")
    assert len(points(validation)) == n_epochs
    assert (validation.get_marker() == "s") == (n_epochs == 1)


def test_a_diverged_curve_shows_its_sound_epochs_and_says_when_it_broke():
    logs = [*logs_of([1.0, 0.9]), dict.fromkeys(("loss", "val_loss", "val_accuracy"), math.nan)]

    figure = draw_curves(curves_of(logs), GOAL)

    assert title(figure) == "Trial 7: diverged in epoch 3"
    assert [x for x, _ in points(drawn(figure.axes[0], "validation"))] == [1, 2]
    assert texts(figure)  # it can be written


def test_a_curve_of_nothing_but_nan_can_be_drawn():
    logs = [dict.fromkeys(("loss", "val_loss", "accuracy", "val_accuracy"), math.nan)]

    assert "diverged in epoch 1" in texts(draw_curves(curves_of(logs, best_epoch=None), GOAL))


def test_a_loss_that_explodes_does_not_press_the_others_flat():
    scales = [
        draw_curves(curves_of(logs_of([1.0, 0.9, 0.8, last])), GOAL).axes[0].get_yscale()
        for last in (2.0, 1e6)
    ]

    assert scales == ["linear", "log"]


def test_a_goal_that_is_the_loss_is_shown_beside_an_accuracy_if_there_is_one():
    goal = Goal("val_loss", "minimize")
    without = [{"loss": 1.0, "val_loss": 1.0}, {"loss": 0.9, "val_loss": 0.9}]

    assert len(draw_curves(curves_of(logs_of(VAL_LOSS)), goal).axes) == 2
    assert len(draw_curves(curves_of(without), goal).axes) == 1


def test_published_curves_lie_over_ours_with_gaps_where_nothing_was_printed():
    published = {epoch: {"val_loss": 0.5} for epoch in (1, 2, 6, 90)}

    figure = draw_curves(curves_of(logs_of(VAL_LOSS)), GOAL, published=published)

    found = points(drawn(figure.axes[0], "published val_loss"))
    assert [x for x, y in found if math.isfinite(y)] == [1, 2, 6]
    assert sum(math.isnan(y) for _, y in found) == 1
    assert "published validation" in texts(figure)


def test_levels_of_a_factor_are_told_apart_by_colour_and_dashes_and_say_when_they_overfit():
    levels = [
        Curves(label="50", seeds=[logs_of(VAL_LOSS)], best_epoch=3, onset=None),
        curves_of(logs_of(VAL_LOSS)),
    ]
    panels = [LevelPanel(title="units", log="val_accuracy", levels=levels)]

    figure = draw_level_curves(panels, title="units")

    (panel,) = figure.axes
    lines = [line for line in panel.lines if line.get_label() == "validation"]
    assert len({line.get_color() for line in lines}) == 2
    assert [line.is_dashed() for line in lines] == [False, True]
    assert points(drawn(panel, "onset"))[0][0] == 5
    assert "Trial 7: best at 3, overfits from epoch 5" in texts(figure)
    assert "dots: training" in note(figure)


def test_the_gradient_says_where_it_goes():
    figure = draw_gradient(curves_of(logs_of(VAL_LOSS)), title="Trial 7")

    assert title(figure) == "Trial 7: the gradient's norm goes from 1 to 0.143"
    assert points(drawn(figure.axes[0], "validation"))[1] == (2, 0.5)
