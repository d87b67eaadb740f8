"""Choosing on test: what it shows, and what it was worth."""

from __future__ import annotations

import pytest

from hpsearch.goal import Goal
from hpsearch.lab.as_published import LevelOpening, Measured, describe_flattery, flattery

ACCURACY = Goal("val_accuracy", "maximize")


def opening(*rows: tuple[int, int, float]) -> LevelOpening:
    """Of networks with units, seed and accuracy on test."""
    measured = [
        Measured(params={"units": units}, seed=seed, logs={"accuracy": value})
        for units, seed, value in rows
    ]
    return LevelOpening(opened="2026-11-25T01:38:28+00:00", measured=measured)


LUCK = opening((4, 1, 0.80), (4, 2, 0.90), (8, 1, 0.91), (8, 2, 0.79))


def test_what_is_best_with_one_seed_is_measured_with_the_others():
    found = flattery(LUCK, ACCURACY)

    assert found is not None
    assert found.chosen == pytest.approx((0.91 + 0.90) / 2)
    assert found.again == pytest.approx((0.79 + 0.80) / 2)
    assert found.difference == pytest.approx(0.11)


def test_a_level_that_is_best_with_every_seed_does_not_flatter():
    found = flattery(opening((4, 1, 0.5), (4, 2, 0.5), (8, 1, 0.9), (8, 2, 0.9)), ACCURACY)

    assert found is not None
    assert found.difference == 0


def test_lower_may_be_better():
    losses = [
        Measured(params={"units": units}, seed=seed, logs={"loss": value})
        for units, seed, value in [(4, 1, 0.2), (4, 2, 0.1), (8, 1, 0.9), (8, 2, 0.9)]
    ]
    found = flattery(LevelOpening(opened="", measured=losses), Goal("val_loss", "minimize"))

    assert found is not None
    assert found.chosen == pytest.approx(0.15)


def test_it_is_said_in_sentences():
    told = " ".join(describe_flattery(LUCK, ACCURACY))

    assert "At 2026-11-25 01:38 UTC, every level was measured on test" in told
    assert "notes 0.9050 (mean over seeds); the same levels with other seeds reach 0.7950" in told
    assert "flattered by +0.1100 (95 % interval" in told


def test_one_seed_shows_nothing():
    told = " ".join(describe_flattery(opening((4, 1, 0.8), (8, 1, 0.9)), ACCURACY))

    assert "nothing shows how much that flatters" in told
