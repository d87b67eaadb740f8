"""Who goes on from a rung, at once or later."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch.searching.rungs import Rungs


def pruned(curve: str, *values: float, promoted_from: int | None = None) -> FrozenTrial:
    """A trial that was pruned after the epochs that have these values."""
    origin = {} if promoted_from is None else {"promoted_from": promoted_from}
    return create_trial(
        state=TrialState.PRUNED,
        intermediate_values=dict(enumerate(values, 1)),
        user_attrs={"curve": curve, "outcome": "pruned", **origin},
    )


def rungs(trials: Sequence[FrozenTrial], *, maximize: bool = True, is_last: bool = False) -> Rungs:
    study = optuna.create_study()
    study.add_trials(trials)
    return Rungs(study.trials, maximize, is_last)


def test_the_first_trials_wait_until_there_is_a_best_third():
    two = [pruned("a", 0.5), pruned("b", 0.7)]

    assert rungs(two).promotable({}) is None
    assert not rungs(two).may_go_on("b", 1)


def test_the_best_of_three_is_promoted_even_if_it_came_first():
    three = [pruned("a", 0.7), pruned("b", 0.5), pruned("c", 0.6)]

    assert rungs(three).promotable({}).number == 0


def test_a_trial_that_is_among_the_best_third_on_arrival_goes_on_at_once():
    three = [pruned("a", 0.5), pruned("b", 0.6), pruned("c", 0.7)]

    assert rungs(three).may_go_on("c", 1)
    assert not rungs(three).may_go_on("b", 1)


def test_the_lowest_is_the_best_where_the_metric_is_minimized():
    three = [pruned("a", 0.7), pruned("b", 0.5), pruned("c", 0.6)]

    assert rungs(three, maximize=False).promotable({}).number == 1


def test_between_two_rungs_every_trial_goes_on():
    assert rungs([pruned("a", 0.1, 0.1)]).may_go_on("a", 2)
    assert rungs([pruned("a", *[0.1] * 8)]).may_go_on("a", 8)
    assert not rungs([pruned("a", *[0.1] * 9)]).may_go_on("a", 9)


def test_a_trial_is_promoted_once_and_its_curve_counted_once():
    parent, *others = [pruned("a", 0.7), pruned("b", 0.5), pruned("c", 0.6)]
    child = pruned("a", 0.7, 0.7, 0.8, promoted_from=0)

    assert rungs([parent, *others, child]).promotable({}) is None
    assert rungs([parent, *others, child, pruned("d", 0.65)]).promotable({}) is None


def test_who_came_further_is_promoted_first():
    low = [pruned(name, 0.9) for name in "abc"]
    high = [
        pruned(name, 0.1, 0.1, value) for name, value in zip("def", (0.2, 0.4, 0.3), strict=True)
    ]

    assert rungs([*low, *high]).promotable({}).number == 4


def test_who_has_another_value_than_the_one_fixed_now_is_not_promoted():
    def layers(value: float, **params: int) -> FrozenTrial:
        trial = pruned(str(value), value)
        trial.distributions = {name: IntDistribution(1, 3) for name in params}
        trial.params = params
        return trial

    best = layers(0.9, layers=2, units=3)
    others = [layers(0.8, layers=1), layers(0.7, layers=2), *(layers(i / 10) for i in range(6))]

    assert rungs([best, *others]).promotable({"layers": 1, "units": 1}).number == 1
    assert rungs([best, *others]).promotable({"layers": 2}).number == 0


def test_when_no_more_trials_come_three_of_each_rung_go_on():
    four = [pruned("a", 0.1), pruned("b", 0.2), pruned("c", 0.3), pruned("d", 0.4)]

    last = rungs(four, is_last=True)

    assert last.promotable({}).number == 3
    assert [last.may_go_on(curve, 1) for curve in "abcd"] == [False, True, True, True]


def test_what_another_pruner_gave_up_between_rungs_stays_given_up():
    assert rungs([pruned("a", 0.9, 0.9)], is_last=True).promotable({}) is None


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.RUNNING])
def test_only_pruned_trials_are_promoted(state):
    trial = create_trial(
        state=state,
        value=0.9 if state is TrialState.COMPLETE else None,
        intermediate_values={1: 0.9},
        user_attrs={"curve": "a"},
    )

    assert rungs([trial], is_last=True).promotable({}) is None
