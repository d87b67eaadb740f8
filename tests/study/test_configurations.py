"""Which configuration is the best: by its mean over seeds, never by a lucky value."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.goal import Goal
from hpsearch.study.configurations import (
    Configuration,
    Incumbent,
    configurations_of,
    find_incumbent,
    ranked,
)
from hpsearch.study.trials import Outcome, TrialRow
from tests.summaries import trial

GOAL = Goal("val_accuracy", "maximize")


def repeated(number: int, *values: float, **fields: object) -> Configuration:
    """A configuration with these values, one for each seed."""
    first, *others = values
    params = {"epochs": 3, "units": number}
    replicates = [
        trial(100 * number + i, value, params=params, replicate_of=number, **fields)
        for i, value in enumerate(others, 1)
    ]
    return Configuration(first=trial(number, first, params=params), replicates=tuple(replicates))


def test_replicates_belong_to_the_trial_with_their_params():
    trials = [
        trial(0, 0.5, params={"units": 1}),
        trial(1, 0.6, params={"units": 2}),
        trial(2, 0.7, params={"units": 2}, replicate_of=1),
        trial(3, None, outcome=Outcome.RUNNING, params={"units": 2}, replicate_of=1),
    ]

    one, two = configurations_of(trials)

    assert (one.values, two.values) == ([0.5], [0.6, 0.7])
    assert (one.is_repeated, two.is_repeated) == (False, True)
    assert (one.is_pending, two.is_pending) == (False, True)


def test_a_mean_is_told_with_its_spread_and_seeds():
    assert str(repeated(1, 0.8)) == "0.8000"
    assert str(repeated(1, 0.8, 0.9)) == "0.8500 ±0.0707 over 2 seeds"


def test_a_lucky_value_does_not_beat_a_mean_and_is_the_first_to_be_doubted():
    lucky, steady, poor = repeated(0, 0.95), repeated(1, 0.90, 0.91), repeated(2, 0.7)

    assert find_incumbent([lucky, poor, steady], GOAL) is steady
    assert ranked([poor, lucky, steady], [GOAL]) == [steady, lucky, poor]


def test_before_anything_is_repeated_the_best_value_leads():
    assert find_incumbent([repeated(0, 0.8), repeated(1, 0.9)], GOAL) == repeated(1, 0.9)
    assert find_incumbent([], GOAL) is None


@pytest.mark.parametrize("outcome", [Outcome.DIVERGED, Outcome.FAILED])
def test_params_that_broke_with_some_seed_come_last(outcome: Outcome):
    broke = trial(5, None, outcome=outcome, params={"epochs": 3, "units": 1}, replicate_of=1)
    best: TrialRow = repeated(1, 0.9).first
    out = Configuration(first=best, replicates=(broke,))

    assert out.is_out
    assert ranked([out, repeated(0, 0.1)], [GOAL])[-1] is out


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),  # whose params
            st.sampled_from([0.25, 0.5, 0.75, None]),  # None: it broke
            st.booleans(),  # whether it is a replicate
        ),
        max_size=12,
    )
)
def test_the_incumbent_of_a_study_that_grows_is_that_of_all_its_trials(told):
    incumbent, trials = Incumbent(GOAL), []

    for number, (units, value, is_replicate) in enumerate(told):
        one = trial(
            number,
            value,
            params={"units": units},
            replicate_of=0 if is_replicate else None,
            outcome=Outcome.DIVERGED if value is None else Outcome.FINISHED,
        )
        if is_replicate:  # as it was while it ran
            incumbent.add(replace(one, value=None, outcome=Outcome.RUNNING))
        incumbent.add(one)
        trials.append(one)

        assert incumbent.now == find_incumbent(configurations_of(trials), GOAL)
