"""How a trial came out, read from what is stored with it."""

from __future__ import annotations

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch.study.trials import Outcome, row
from tests.summaries import pruned, trial


def stored(state: TrialState, **attrs: object) -> FrozenTrial:
    value = 0.5 if state is TrialState.COMPLETE else None
    return create_trial(state=state, value=value, user_attrs=attrs)


@pytest.mark.parametrize(
    ("state", "attrs", "outcome"),
    [
        pytest.param(TrialState.WAITING, {"outcome": "pruned"}, Outcome.WAITING, id="waiting"),
        pytest.param(TrialState.RUNNING, {"outcome": "pruned"}, Outcome.RUNNING, id="running"),
        pytest.param(TrialState.COMPLETE, {"read_off": 3}, Outcome.READ_OFF, id="read off"),
        pytest.param(TrialState.PRUNED, {"outcome": "timed out"}, Outcome.TIMED_OUT, id="too slow"),
        pytest.param(
            TrialState.PRUNED, {"outcome": "melted"}, Outcome.PRUNED, id="of a newer hpsearch"
        ),
        pytest.param(TrialState.COMPLETE, {}, Outcome.FINISHED, id="told by others"),
        pytest.param(TrialState.PRUNED, {}, Outcome.PRUNED, id="pruned by others"),
        pytest.param(TrialState.FAIL, {}, Outcome.FAILED, id="failed by others"),
    ],
)
def test_the_state_of_an_unfinished_trial_counts_and_the_outcome_of_a_finished_one(
    state, attrs, outcome
):
    assert row(stored(state, **attrs)).outcome is outcome


def test_a_trial_that_stored_nothing_reads_as_one_that_did_nothing():
    found = row(stored(TrialState.RUNNING))

    assert (found.value, found.epochs_done, found.epochs_trained, found.seconds) == (None, 0, 0, 0)
    assert (found.reason, found.output, found.curve) == ("", "", None)


def test_a_read_off_trial_saves_no_epochs_beside_its_longer_trials():
    found = row(stored(TrialState.COMPLETE, read_off=3, epochs_reused=2))

    assert found.epochs_reused == 0


@pytest.mark.parametrize(
    ("one", "is_counted"),
    [
        pytest.param(trial(0, 0.5), True, id="finished"),
        pytest.param(pruned(0, 0.5), True, id="pruned"),
        pytest.param(trial(0, outcome=Outcome.FAILED), True, id="failed"),
        pytest.param(trial(0, outcome=Outcome.RUNNING), True, id="running"),
        pytest.param(trial(0, outcome=Outcome.WAITING), False, id="waiting"),
        pytest.param(trial(0, 0.5, read_off=0), False, id="read off trial 0"),
        pytest.param(trial(0, 0.5, promoted_from=0), False, id="promoted from trial 0"),
    ],
)
def test_the_budget_counts_trials_that_began_and_were_not_free(one, is_counted):
    assert one.is_counted == is_counted


@pytest.mark.parametrize(
    ("one", "epochs"),
    [
        pytest.param(pruned(0, 0.5), 27, id="in its params"),
        pytest.param(pruned(0, 0.5, params={}), 27, id="pruned"),
        pytest.param(trial(0, 0.5, params={}), 3, id="finished"),
        pytest.param(trial(0, outcome=Outcome.DIVERGED, params={}), None, id="broken"),
    ],
)
def test_the_epochs_a_trial_asked_for_are_known_unless_it_broke_in_a_space_without_them(
    one, epochs
):
    assert one.epochs == epochs
