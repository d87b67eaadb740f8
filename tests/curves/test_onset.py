"""Overfitting begins where validation loss rises for good while training loss falls."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hpsearch.curves.onset import Fit, Onset, find_onset
from hpsearch.goal import Logs


def onset_of(val_loss: Sequence[float], loss: Sequence[float] | None = None) -> Onset:
    """Of a curve whose training loss falls, unless it is given."""
    falling = [1 / epoch for epoch in range(1, len(val_loss) + 1)]
    pairs = zip(loss or falling, val_loss, strict=True)
    onset = find_onset({e: {"loss": a, "val_loss": b} for e, (a, b) in enumerate(pairs, 1)})
    assert onset is not None
    return onset


FALLS = [0.9, 0.7, 0.6, 0.5]
RISES = [0.51, 0.6, 0.7, 0.8]


def test_it_is_the_first_epoch_from_which_validation_loss_stays_above_its_minimum():
    onset = onset_of(FALLS + RISES)

    assert (onset.fit, onset.lowest, onset.epoch) == (Fit.OVERFITS, 4, 6)
    assert (
        str(onset) == "validation loss is lowest at epoch 4; from epoch 6 on the network overfits"
    )
    assert onset.brief == "overfits from epoch 6"


@pytest.mark.parametrize("known", range(3, 30))
def test_it_is_found_where_a_smooth_curve_turns(known: int):
    n_epochs = 40
    valley = [0.3 + 0.001 * (epoch - known) ** 2 for epoch in range(1, n_epochs + 1)]

    onset = onset_of(valley)

    assert onset.lowest == known
    assert onset.epoch is not None
    assert known < onset.epoch <= known + 4  # where the parabola is 2 % above its bottom


@pytest.mark.parametrize("seed", range(20))
def test_noise_moves_it_by_few_epochs(seed: int):
    noise = np.random.default_rng(seed).normal(0, 0.005, 40)
    valley = [0.5 + 0.04 * max(12 - e, 0) + 0.02 * max(e - 12, 0) for e in range(1, 41)]

    onset = onset_of(list(np.array(valley) + noise))

    assert onset.fit is Fit.OVERFITS
    assert onset.epoch is not None
    assert abs(onset.epoch - 13) <= 3


def test_a_single_bad_epoch_is_no_overfitting():
    assert onset_of([0.9, 0.6, 0.5, 0.9, 0.5, 0.49, 0.49, 0.49]).fit is Fit.NO_OVERFITTING


def test_a_rise_that_is_taken_back_is_no_overfitting():
    assert onset_of([0.9, 0.5, 0.6, 0.65, 0.6, 0.5, 0.5, 0.5, 0.5]).fit is Fit.NO_OVERFITTING


def test_a_rise_in_the_last_epoch_alone_is_not_for_good():
    assert onset_of([0.9, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5, 0.6]).fit is Fit.NO_OVERFITTING


def test_training_that_gets_worse_as_well_is_no_overfitting():
    losses = FALLS + RISES

    assert onset_of(losses, losses).fit is Fit.NO_OVERFITTING


def test_validation_loss_that_falls_to_the_end_is_underfitting():
    onset = onset_of([1 / epoch for epoch in range(1, 11)])

    assert (onset.fit, onset.lowest, onset.epoch) == (Fit.UNDERFITS, 10, None)
    assert str(onset) == "still underfitting: both losses fall until epoch 10"


def test_a_flat_curve_is_neither():
    onset = onset_of([0.5] * 12)

    assert onset.fit is Fit.NO_OVERFITTING
    assert str(onset) == "no overfitting within 12 epochs"


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["loss", "val_loss"])
def test_a_curve_that_is_not_finite_diverged(name: str, value: float):
    curve: dict[int, Logs] = {epoch: {"loss": 1, "val_loss": 1} for epoch in range(1, 9)}
    curve[3][name] = value

    onset = find_onset(curve)

    assert onset == Onset(fit=Fit.DIVERGED, n_epochs=8, epoch=3)
    assert str(onset) == "diverged in epoch 3"


@pytest.mark.parametrize(
    ("val_loss", "fit"),
    [
        ([0.5], Fit.TOO_SHORT),
        ([0.5, 0.4], Fit.UNDERFITS),
        ([0.4, 0.5], Fit.NO_OVERFITTING),  # one epoch is not for good
        ([0.5, 0.4, 0.3], Fit.UNDERFITS),
        ([0.3, 0.4, 0.5], Fit.OVERFITS),
        ([0.4, 0.4, 0.4], Fit.NO_OVERFITTING),
    ],
)
def test_few_epochs_say_what_they_can(val_loss: list[float], fit: Fit):
    assert onset_of(val_loss).fit is fit


def test_without_epochs_or_without_validation_nothing_is_known():
    assert find_onset({}) is None
    assert find_onset({1: {"loss": 0.5}, 2: {"loss": 0.4}}) is None


PUBLISHED = {
    ("fashion_mnist", "baseline"): (Fit.UNDERFITS, 100, None),
    ("imdb_lstm", "baseline"): (Fit.NO_OVERFITTING, 4, None),
    # the lab's text: the fourth epoch
    ("imdb_mlp", "baseline, 20 epochs"): (Fit.OVERFITS, 4, 6),
    ("imdb_mlp", "three hidden layers"): (Fit.OVERFITS, 3, 5),
    ("imdb_mlp", "three hidden layers, mse"): (Fit.OVERFITS, 4, 6),
    ("imdb_mlp", "three hidden layers, mse, tanh"): (Fit.OVERFITS, 3, 4),
}


def test_published_curves_overfit_where_their_labs_say(real_data: Path):
    labs = json.loads((real_data.parent / "labs-published.json").read_text())
    found = {}
    for lab, curves in labs.items():
        for name, curve in curves.items() if lab != "_comment" else ():
            if "val_loss" in curve:
                epochs = curve.get("epochs", range(1, len(curve["loss"]) + 1))
                losses = zip(epochs, curve["loss"], curve["val_loss"], strict=True)
                onset = find_onset({e: {"loss": a, "val_loss": b} for e, a, b in losses})
                assert onset is not None
                found[lab, name] = onset.fit, onset.lowest, onset.epoch

    assert found == PUBLISHED
