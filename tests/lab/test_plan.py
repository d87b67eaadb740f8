"""What a sweep trains, and how it is made to fit into a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hpsearch.errors import UsageError
from hpsearch.evaluation.cost import Cost
from hpsearch.lab.plan import SweepPlan, fit, make_plan
from hpsearch.study.space import explore
from hpsearch.study_file import run_study_file
from tests.study_texts import study_text

SPACE = (
    "trial.suggest_int('epochs', 1, 99)",
    "for i in range(1, trial.suggest_int('layers', 1, 2) + 1):",
    "    trial.suggest_int(f'units_{i}', 1, 9)",
)
FACTORS = "epochs=[5, 10, 20], units_1=[2, 4, 8], layer=[dict(layers=1), dict(layers=2, units_2=3)]"
COST = Cost(first_epoch_s=2.0, epoch_s=1.0, start_s=0.0, value=0.5, n_weights=9)


def on(n_slots: int, cost: Cost = COST) -> Callable[[SweepPlan], float]:
    return lambda plan: plan.seconds(cost, n_slots)


def plan_of(names: list[str] | None = None, n_seeds: int = 1, **fields: str) -> SweepPlan:
    """Of a baseline that trains 10 epochs, with 4 units in its only layer."""
    fields = {"factors": FACTORS, "baseline": "layers=1, units_1=4", **fields}
    text = study_text(*SPACE, **fields).replace("dict(epochs=1", "dict(epochs=10")
    study_file = run_study_file(text, "task.py")
    return make_plan(study_file, explore(study_file), names, n_seeds)


def test_the_baseline_comes_first_and_each_setting_once():
    networks = plan_of().networks

    assert [(n["epochs"], n["units_1"], n["layers"]) for n in networks] == [
        (10, 4, 1),
        (5, 4, 1),
        (20, 4, 1),
        (10, 2, 1),
        (10, 8, 1),
        (10, 4, 2),
    ]


def test_levels_of_epochs_cost_one_curve_and_the_baseline_is_trained_once():
    plan = plan_of(n_seeds=2)

    assert plan.n_epochs == 2 * (20 + 10 + 10 + 10)
    assert plan.n_epochs_apart == 2 * (10 + 5 + 10 + 20 + 3 * 10 + 2 * 10)


def test_all_settings_get_one_seed_before_any_gets_the_next():
    points = plan_of(["units_1"], n_seeds=3).points(7)

    seeds = [point.seed for point in points]
    assert seeds[:3] == [7, 7, 7]
    assert len(set(seeds)) == 3
    assert [point.params["units_1"] for point in points] == [4, 2, 8] * 3


@pytest.mark.parametrize(
    ("name", "words"),
    [("unit_1", "no factor 'unit_1': did you mean 'units_1'?"), ("", "no factor ''")],
)
def test_a_factor_that_does_not_exist_is_refused(name: str, words: str):
    with pytest.raises(UsageError, match=words):
        plan_of([name])


def test_a_task_without_factors_has_nothing_to_vary():
    with pytest.raises(UsageError, match="task.py declares no factors to vary"):
        plan_of(factors="")


def test_what_fits_is_left_as_it_is():
    plan = plan_of(n_seeds=2)

    assert fit(plan, 100, on(1)) == (plan, [])
    assert fit(plan, 50, on(2)) == (plan, [])


def test_a_plan_counts_what_starting_each_training_takes():
    plan = plan_of(["epochs", "units_1"])  # one curve for three settings of epochs

    slow = replace(COST, start_s=5.0)
    assert plan.seconds(slow, 1) == (20 + 10 + 10) + 3 * 5
    assert plan.seconds(slow, 9) == plan.seconds(slow, 3)  # no more slots than trainings


def test_first_seeds_are_left_out_then_the_levels_that_save_most():
    plan = plan_of(n_seeds=3)

    fewer, remarks = fit(plan, 60, on(1))
    assert (fewer, remarks) == (replace(plan, n_seeds=1), ["1 of 3 seeds"])

    fewer, remarks = fit(plan, 40, on(1))
    assert remarks == ["1 of 3 seeds", "without epochs 20"]
    assert fewer.n_epochs == 40


def test_each_factor_keeps_a_level_besides_the_baseline():
    with pytest.raises(UsageError, match="even one level of each factor takes about 5 minutes"):
        fit(plan_of(), 60, on(1, replace(COST, epoch_s=10.0)))
