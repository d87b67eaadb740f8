"""Combining the best levels of a sweep, and what is said about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from hpsearch.errors import UsageError
from hpsearch.goal import Goal
from hpsearch.lab.combine import Combination, combine, compare, describe_combination, seeds_of
from hpsearch.lab.table import FactorTable, LevelRow, SweepTable
from hpsearch.study.record import Point, make_record
from hpsearch.study.space import explore
from hpsearch.study_file import run_study_file
from hpsearch.task import ParamValue
from tests.lab.tables import GOAL, OVERFITS, UNDERFITS, training
from tests.study_texts import study_text

SPACE = (
    "trial.suggest_int('units', 1, 9)",
    "trial.suggest_float('rate', 0.0, 1.0)",
    "if trial.suggest_int('layers', 1, 2) == 2: trial.suggest_int('units_2', 1, 9)",
)
BASELINE = "units=4, rate=0.1, layers=1"
TASK = run_study_file(study_text(*SPACE, baseline=BASELINE), "task.py")
FULL = {"epochs": 1, "batch_size": 4, "units": 4, "rate": 0.1, "layers": 1}


def row(values: Sequence[float], **sets: ParamValue) -> LevelRow:
    return LevelRow(
        label=" ".join(map(str, sets.values())),
        sets=sets,
        params={**FULL, **sets},
        is_baseline=not sets,
        trainings=[training(value) for value in values],
        others=[],
    )


def swept(*best: LevelRow, baseline: LevelRow | None = None, goal: Goal = GOAL) -> SweepTable:
    """A sweep in which these levels are the best of a factor each."""
    return SweepTable(
        study="task-sweep",
        goal=goal,
        title="A task.",
        baseline=baseline or row([0.50, 0.51]),
        factors=[
            FactorTable(name=f"factor {i}", rows=[one], best=one) for i, one in enumerate(best)
        ],
        combined=[],
        n_epochs=9,
        n_epochs_apart=9,
    )


def combined(table: SweepTable) -> Combination:
    return combine(TASK, explore(TASK), table)


def test_the_best_levels_are_set_together():
    found = combined(swept(row([0.6], units=8), row([0.7], layers=2, units_2=3)))

    assert found.params == {**FULL, "units": 8, "layers": 2, "units_2": 3}
    assert found.label == "combined: units=8 layers=2 units_2=3"
    assert found.remarks == []


def test_a_factor_whose_best_level_is_no_better_than_the_baseline_stays_out():
    table = swept(row([0.6], units=8), row([0.7], layers=2, units_2=3), row([0.4], rate=0.5))

    assert combined(table).params["rate"] == 0.1


def test_of_two_levels_that_set_the_same_the_better_one_stays():
    table = swept(row([0.6], units=8), row([0.7], units=2), row([0.8], rate=0.5))

    found = combined(table)

    assert (found.params["units"], found.params["rate"]) == (2, 0.5)
    assert found.remarks == ["without 8: a better level sets another units"]


@pytest.mark.parametrize(
    ("best", "words"),
    [
        ([], "no factor has a level that is better"),
        ([row([0.4], units=8), row([0.3], rate=0.5)], "no factor has a level"),
        ([row([0.6], units=8), row([0.3], rate=0.5)], "only one factor has a level"),
    ],
)
def test_where_there_is_nothing_to_combine_that_is_said(best: list[LevelRow], words: str):
    with pytest.raises(UsageError, match=words):
        combined(swept(*best))


def test_levels_that_the_space_does_not_hold_together_are_refused():
    parts = [row([0.6], layers=1, units_2=3), row([0.7], units=8)]

    with pytest.raises(UsageError, match="the best levels cannot be combined: .*units_2"):
        combined(swept(*parts))


def told(values: Sequence[float], baseline: Sequence[float], *parts: Sequence[float]) -> str:
    rows = [row(part, units=i) for i, part in enumerate(parts, 5)]
    table = swept(*rows, baseline=row(baseline))
    return " ".join(describe_combination(table, row(values, units=9), rows))


def test_a_combination_that_gains_what_the_changes_promised_shows_no_interaction():
    text = told([0.70, 0.71], [0.50, 0.51], [0.60, 0.61], [0.60, 0.61])

    assert "The combination is better than the baseline: the difference is +0.2000" in text
    assert "promised +0.2000 together; the combination gained +0.2000" in text
    assert "no interaction of the factors can be shown" in text


def test_a_combination_that_gains_less_shows_that_the_factors_interact():
    text = told([0.60, 0.61], [0.50, 0.51], [0.60, 0.61], [0.60, 0.61])

    assert "The difference is -0.1000" in text
    assert "the factors interact" in text
    assert "The combination and the best single change (units=5) cannot be told apart" in text


def test_one_seed_tells_nothing_from_chance():
    text = told([0.7], [0.5], [0.6], [0.6])

    assert "one seed cannot tell that from chance" in text
    assert "interval" not in text


def test_what_it_did_to_time_and_overfitting_is_said():
    baseline = replace(row([]), trainings=[training(0.5, UNDERFITS)])
    slow = replace(training(0.7, OVERFITS), seconds=[4.0, 4.0])
    rows = [row([0.6], units=5), row([0.6], units=6)]
    both = replace(row([], units=9), trainings=[slow])

    text = " ".join(describe_combination(swept(*rows, baseline=baseline), both, rows))

    assert "A training takes 8 s instead of 4 s, 2 times as long." in text
    assert "The combination overfits from epoch 2; the baseline still underfits." in text


def test_a_combination_that_was_not_trained_has_no_figures():
    rows = [row([0.6], units=5), row([0.6], units=6)]

    assert describe_combination(swept(*rows), row([], units=9), rows) == [
        "The combination has no figures: not trained."
    ]


def test_lower_may_be_better():
    loss = Goal("val_loss", "minimize")

    assert "worse" in compare("This", row([0.9, 0.91]), "that", row([0.5, 0.51]), loss)


def test_several_seeds_that_come_to_the_same_are_not_called_one_seed():
    told = compare("This", row([0.9, 0.9]), "that", row([0.5, 0.5]), GOAL)

    assert told == "This minus that: +0.4000; all seeds come to the same."


def test_seeds_that_the_baseline_got_as_a_winner_are_not_the_sweeps():
    record = make_record(
        TASK, {}, data="", seed=0, sampler="tpe", pruner="none",
        points=[Point(FULL, 0), Point(FULL, 1), Point(FULL, 2, "searched: trial 0 of task")],
    )  # fmt: skip

    assert seeds_of(record, FULL) == [0, 1]
