"""What a sampler is told: one row for each curve, and never that a broken trial was good."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch.choices import SamplerName
from hpsearch.goal import Goal
from hpsearch.searching.samplers import CurveRows, CurveSampler, make_sampler
from hpsearch.study.distributions import number_range

X = number_range("x", 0.0, 1.0, None, False)


def trial(
    curve: str,
    outcome: str,
    *values: float,
    x: float = 0.5,
    value: float | None = None,
    **attrs: int,
) -> FrozenTrial:
    is_finished = outcome in ("finished", "read off")
    return create_trial(
        state=TrialState.COMPLETE if is_finished else TrialState.PRUNED,
        value=(values[-1] if value is None else value) if is_finished else None,
        params={"x": x},
        distributions={"x": X},
        intermediate_values=dict(enumerate(values, 1)),
        user_attrs={"curve": curve, "outcome": outcome, **attrs},
    )


def rows_of(*trials: FrozenTrial) -> list[FrozenTrial]:
    study = optuna.create_study(direction="maximize")
    study.add_trials(trials)
    rows = CurveRows(Goal("val_accuracy", "maximize"))
    for one in study.trials:
        rows.add(one)
    return rows.of(study)


def test_a_promoted_trial_stands_for_the_pruned_one_that_it_goes_on_from():
    first = trial("a", "pruned", 0.5)
    second = trial("a", "pruned", 0.5, 0.6, 0.7, promoted_from=0)

    (row,) = rows_of(first, second)

    assert (row.number, row.intermediate_values) == (1, {1: 0.5, 2: 0.6, 3: 0.7})


def test_of_a_curve_that_was_finished_the_best_length_counts():
    longer = trial("a", "finished", 0.5, 0.9, 0.6)
    shorter = trial("a", "read off", value=0.9, read_off=0)

    (row,) = rows_of(longer, shorter)

    assert (row.number, row.value) == (1, 0.9)


def test_a_curve_that_broke_late_is_infeasible_whatever_it_was_before():
    (row,) = rows_of(trial("a", "pruned", 0.9), trial("a", "diverged", 0.9, 0.95, promoted_from=0))

    assert row.constraints == {"trains": 1.0}


def test_a_curve_that_was_finished_counts_although_a_longer_trial_of_it_broke():
    (row,) = rows_of(trial("a", "finished", 0.5), trial("a", "out of memory", 0.5, 0.6))

    assert row.value == 0.5


def test_failed_trials_teach_nothing_and_other_curves_are_rows_of_their_own():
    failed = create_trial(state=TrialState.FAIL, params={"x": 0.1}, distributions={"x": X})

    assert [row.number for row in rows_of(failed, trial("a", "pruned", 0.1), trial("b", "crashed"))]


def test_running_trials_are_rows_but_for_promoted_ones_and_replicates():
    study = optuna.create_study(direction="maximize")
    study.ask()
    for attr in ("promoted_from", "replicate_of"):
        study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs={attr: 0}))

    rows = CurveRows(Goal("val_accuracy", "maximize"))

    assert [row.number for row in rows.of(study)] == [0]


def test_a_configuration_with_several_seeds_is_one_row_with_their_mean():
    first = trial("a", "finished", 0.9, x=0.2)
    replicates = [
        trial(f"a {seed}", "finished", value, x=0.2, replicate_of=0, seed=seed)
        for seed, value in ((1, 0.6), (2, 0.6))
    ]

    lucky, other = rows_of(first, *replicates, trial("b", "finished", 0.8))

    assert (lucky.number, lucky.value) == (0, pytest.approx(0.7))
    assert other.value == 0.8


def test_a_configuration_that_broke_with_some_seed_is_infeasible():
    first = trial("a", "finished", 0.9)

    (row,) = rows_of(first, trial("a 1", "diverged", 0.9, replicate_of=0, seed=1))

    assert row.constraints == {"trains": 1.0}


def test_with_several_objectives_tpe_learns_from_pruned_trials_by_the_first():
    """Optuna's own refuses intermediate values there."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    rows = CurveRows(Goal("val_accuracy", "maximize"))
    for i in range(20):
        one = trial(str(i), "pruned", i / 20, x=i / 20)
        if i % 5 == 0:
            one = create_trial(
                values=[i / 20, 1.0],
                params=one.params,
                distributions=one.distributions,
                user_attrs={"curve": str(i), "outcome": "finished"},
            )
        study.add_trial(one)
        rows.add(study.trials[-1])
    fixed = {"seed": 0, "n_trials": 20, "fixed": {}, "rows": rows}

    study.sampler = make_sampler(SamplerName.TPE, **fixed)

    assert 0 <= study.ask().suggest_float("x", 0, 1) <= 1


@pytest.mark.parametrize("outcome", ["diverged", "out of memory", "timed out", "crashed"])
def test_tpe_keeps_away_from_what_broke_late(outcome):
    """Half of the space breaks, after more epochs than any other trial came to."""
    trials = []
    for i in range(30):
        x = i / 30
        values = [0.9] * 20 if x > 0.5 else [0.1 + x] * (1 + i % 3)
        trials.append(trial(str(i), outcome if x > 0.5 else "pruned", *values, x=x))
    study = optuna.create_study(direction="maximize")
    study.add_trials(trials)
    rows = CurveRows(Goal("val_accuracy", "maximize"))
    for one in study.trials:
        rows.add(one)

    proposed = []
    for seed in range(20):
        study.sampler = CurveSampler(TPESampler(seed=seed), rows)
        proposed.append(study.ask().suggest_float("x", 0, 1))
    told_by_trials = []
    for seed in range(20):
        study.sampler = TPESampler(seed=seed)
        told_by_trials.append(study.ask().suggest_float("x", 0, 1))

    assert sum(x > 0.5 for x in proposed) < 5
    assert sum(x > 0.5 for x in told_by_trials) > 10


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_tpe_proposes_what_optuna_s_own_proposes_in_a_space_with_conditions():
    """It looks at the names of each trial's hyperparameters once only."""

    def space(trial: optuna.Trial) -> None:
        for name in ["a", "b"][: trial.suggest_int("depth", 0, 2)]:
            if trial.suggest_categorical(name, ["x", "y"]) == "x":
                trial.suggest_float(f"{name}_rate", 0.0, 1.0)

    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0))
    study.optimize(lambda trial: space(trial) or float(len(trial.params)), n_trials=30)
    rows = CurveRows(Goal("val_accuracy", "maximize"))
    for trial in study.trials:
        rows.add(trial)

    proposed = []
    for seed in range(10):
        drawn = int(np.random.default_rng([seed, 30]).integers(2**32))
        for sampler in (
            make_sampler(SamplerName.TPE, seed=seed, n_trials=30, fixed={}, rows=rows),
            TPESampler(seed=drawn, multivariate=True, group=True),
        ):
            study.sampler = sampler
            trial = study.ask()
            space(trial)
            proposed.append(trial.params)
            study.tell(trial, state=TrialState.FAIL)

    assert proposed[::2] == proposed[1::2]
    assert len({str(params) for params in proposed}) > 3
