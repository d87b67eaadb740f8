"""Fixed points: each trained once, those of one curve one after the other."""

from __future__ import annotations

import optuna
import pytest
from optuna.study import Study
from optuna.trial import TrialState

from hpsearch.searching.fixed import FixedSchedule
from hpsearch.searching.rungs import Mark
from hpsearch.study.distributions import whole_number_range
from hpsearch.study.record import Point

SPACE = {name: whole_number_range(name, 1, 30, 1, False) for name in ("epochs", "units")}
BASELINE = {"epochs": 10, "batch_size": 4, "units": 2}


def point(seed: int = 0, **params: int) -> Point:
    return Point({**BASELINE, **params}, seed)


def schedule_of(study: Study, *points: Point) -> FixedSchedule:
    return FixedSchedule(study, points, SPACE, seed=0, baseline=BASELINE)


@pytest.fixture
def study() -> Study:
    return optuna.create_study(direction="maximize")


def test_points_become_trials_with_their_seeds_in_their_order(study):
    schedule = schedule_of(study, point(), point(units=3), point(seed=5))

    for _ in range(3):
        trial = schedule.next_trial()
        assert trial is not None
        schedule.tell(trial, TrialState.COMPLETE, 0.5)

    assert schedule.next_trial() is None
    assert [trial.params for trial in study.trials] == [
        BASELINE,
        {**BASELINE, "units": 3},
        BASELINE,
    ]
    attrs = [trial.user_attrs for trial in study.trials]
    assert attrs == [{"seed": 0, "baseline": True}, {"seed": 0}, {"seed": 5}]


def test_the_longest_of_a_curve_comes_first_and_the_others_wait_for_it(study):
    schedule = schedule_of(study, point(epochs=5), point(epochs=20), point(units=3))

    first, second = schedule.next_trial(), schedule.next_trial()

    assert first is not None
    assert second is not None
    assert first.params["epochs"] == 20
    assert second.params["units"] == 3
    assert schedule.next_trial() is None  # the curve is being trained
    schedule.tell(first, TrialState.COMPLETE, 0.5)
    third = schedule.next_trial()
    assert third is not None
    assert third.params["epochs"] == 5


def test_other_seeds_are_other_curves(study):
    schedule = schedule_of(study, point(), point(seed=1))

    assert schedule.next_trial() is not None
    assert schedule.next_trial() is not None


def test_a_trial_that_was_put_back_is_resumed_under_its_number(study):
    schedule = schedule_of(study, point(), point(units=3))
    trial = schedule.next_trial()
    assert trial is not None
    schedule.queue(trial)
    assert schedule.n_counted == 0

    resumed = schedule_of(study, point(), point(units=3)).next_trial()

    assert resumed is not None
    assert resumed.number == trial.number
    assert resumed.params == BASELINE


def test_a_finished_point_is_not_trained_again_but_a_failed_one_is(study):
    schedule = schedule_of(study, point(), point(units=3))
    for state, value in ((TrialState.COMPLETE, 0.5), (TrialState.FAIL, None)):
        trial = schedule.next_trial()
        assert trial is not None
        schedule.tell(trial, state, value)

    again = schedule_of(study, point(), point(units=3))

    assert (again.n_counted, again.n_trials) == (1, 2)
    trial = again.next_trial()
    assert trial is not None
    assert trial.params["units"] == 3
    assert again.next_trial() is None


def test_nothing_is_pruned_or_read_off(study):
    schedule = schedule_of(study, point())
    trial = schedule.next_trial()
    assert trial is not None

    schedule.reached(trial, "curve", Mark(0, 1), 0.1)

    assert schedule.may_go_on(trial, "curve", Mark(0, 1), judged_below=Mark(0, 0))
    assert not schedule.reads_off
