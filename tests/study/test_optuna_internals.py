"""What hpsearch does to studies that Optuna has no public name for."""

from __future__ import annotations

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.study import Study
from optuna.trial import TrialState, create_trial

from hpsearch.study.optuna_internals import (
    add_running,
    attach,
    contains,
    frozen,
    report,
    set_trial_state,
    with_trials,
)


@pytest.fixture
def study() -> Study:
    return optuna.create_study(direction="maximize")


def test_a_running_trial_is_put_back_and_taken_up_under_its_number_with_its_params(study):
    trial = study.ask()
    trial.suggest_int("units", 1, 99)
    params = trial.params

    set_trial_state(study, trial, TrialState.WAITING)
    again = study.ask()

    assert (again.number, again.suggest_int("units", 1, 99)) == (0, params["units"])


def test_a_reported_value_replaces_the_one_before(study):
    trial = study.ask()
    for value in (0.25, 0.75):
        report(trial, value, 1)

    assert frozen(trial).intermediate_values == {1: 0.75}


def test_a_pruner_sees_the_value_that_was_reported_last(study):
    study.pruner = optuna.pruners.ThresholdPruner(lower=0.5)
    trial = study.ask()
    report(trial, 0.25, 1)
    assert trial.should_prune()

    report(trial, 0.75, 1)

    assert not trial.should_prune()


def test_a_trial_is_read_as_another_launcher_left_it(study):
    trial = study.ask()
    attach(study, study.trials[0]).set_user_attr("curve", "a")

    assert frozen(trial).user_attrs == {"curve": "a"}


def test_a_trial_that_was_attached_is_finished_as_any_other(study):
    study.ask()
    trial = attach(study, study.trials[0])

    study.tell(trial, 0.5)

    assert study.best_trial.number == 0


def test_an_added_trial_runs_with_the_params_and_attributes_of_its_template(study):
    units = IntDistribution(1, 8)
    template = create_trial(
        state=TrialState.RUNNING,
        params={"units": 3},
        distributions={"units": units},
        user_attrs={"promoted_from": 0},
    )

    trial = add_running(study, template)

    assert frozen(trial).state is TrialState.RUNNING
    assert (trial.params, trial.user_attrs) == ({"units": 3}, {"promoted_from": 0})


@pytest.mark.parametrize(
    ("value", "is_contained"),
    [(0.5, True), (1.5, False), ("text", False), (None, False), (float("nan"), False)],
)
def test_what_no_range_can_hold_is_not_contained(value, is_contained):
    assert contains(FloatDistribution(0.0, 1.0), value) == is_contained


def test_a_sampler_sees_the_trials_that_it_is_shown_in_the_states_that_it_asks_for(study):
    study.add_trial(create_trial(value=0.25))
    shown = [create_trial(value=0.75), create_trial(state=TrialState.PRUNED)]

    view = with_trials(study, shown)

    assert view.get_trials() == shown
    assert [trial.value for trial in view.get_trials(states=(TrialState.COMPLETE,))] == [0.75]
    assert [trial.value for trial in study.trials] == [0.25]


def test_a_sampler_cannot_change_what_it_is_shown(study):
    shown = [create_trial(value=0.75)]

    with_trials(study, shown).get_trials()[0].set_user_attr("x", 1)

    assert shown[0].user_attrs == {}
