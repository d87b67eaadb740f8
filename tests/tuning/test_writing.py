"""The values of a baseline that nobody chose."""

from __future__ import annotations

import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hpsearch.study.distributions import lies_in
from hpsearch.tuning.writing import complete_baseline, middle


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (IntDistribution(1, 4), 2),
        (IntDistribution(0, 100, step=10), 50),
        (IntDistribution(4, 64, log=True), 16),
        (IntDistribution(7, 7), 7),
        (FloatDistribution(0, 0.5), 0.25),
        (FloatDistribution(0.1, 0.5, step=0.1), 0.3),
        (FloatDistribution(1e-4, 1e-2, log=True), 1e-3),
        (FloatDistribution(0.12345, 0.12346), 0.12345),
        (CategoricalDistribution(["relu", None]), "relu"),
    ],
)
def test_the_middle_of_a_range_lies_in_it(distribution, value):
    assert middle(distribution) == pytest.approx(value)
    assert lies_in(middle(distribution), distribution)


def test_a_baseline_keeps_given_values_and_has_what_the_space_suggests_with_them():
    def space(trial):
        for i in range(trial.suggest_int("layers", 1, 3)):
            trial.suggest_int(f"units_{i}", 2, 8)

    assert complete_baseline(space, {"layers": 1, "epochs": 5}, "mine.py") == {
        "epochs": 5,
        "layers": 1,
        "units_0": 5,
    }
