"""The table of a sweep: means over seeds, and what is a difference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpsearch.curves.onset import Fit
from hpsearch.lab.table import against, spread
from tests.lab.tables import OVERFITS, UNDERFITS, level, training


def test_a_level_is_what_most_of_its_seeds_say():
    onsets = [OVERFITS, replace(OVERFITS, epoch=3), UNDERFITS, replace(OVERFITS, epoch=3)]
    row = replace(level("8", []), trainings=[training(0.5, onset) for onset in onsets])

    assert (row.fit, row.onset) == (Fit.OVERFITS, 3)
    assert replace(row, trainings=row.trainings[2:3]).onset is None


def test_time_is_a_median_for_an_epoch_and_a_mean_for_a_training():
    row = replace(level("8", []), trainings=[training(0.5), replace(training(0.5), seconds=[1, 1])])

    assert (row.epoch_s, row.total_s) == (1, 3)


def test_a_difference_needs_two_seeds_on_both_sides():
    baseline, other = level("4", [0.5, 0.6]), level("8", [0.7, 0.8], units=8)

    found = against(other, baseline)
    assert found is not None
    assert found.low < 0.2 < found.high
    assert against(level("8", [0.7], units=8), baseline) is None
    assert against(other, level("4", [0.5])) is None
    assert against(baseline, baseline) is None


@pytest.mark.parametrize(("values", "expected"), [([], None), ([0.5], None), ([0.4, 0.6], 0.1414)])
def test_one_seed_has_no_spread(values: list[float], expected: float | None):
    assert spread(values) == pytest.approx(expected, abs=1e-4)
