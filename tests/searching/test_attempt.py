"""A trial while a slot works on it: what is reported, judged, and stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from threading import RLock

import optuna
import pytest
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from hpsearch.curves.curve import Curve
from hpsearch.goal import Goal, Logs
from hpsearch.messages import Verdict
from hpsearch.processes.stop import Stop, StopRequest
from hpsearch.searching.attempt import Attempt
from hpsearch.searching.rungs import Mark
from hpsearch.searching.view import View
from hpsearch.study.optuna_internals import attach, frozen, set_trial_state
from hpsearch.study.rounds import Round, read_rounds
from hpsearch.study.trials import Attr, Outcome

SLOT = 3
PARAMS = {"epochs": 9, "batch_size": 16}
GOAL = Goal("val_score", "maximize")


class Judge:
    """A schedule that gives trials up after an epoch, and writes down what it is asked."""

    is_exhausted = False

    def __init__(self, last_epoch: int = 99, judged_below: int = 0) -> None:
        self.last_epoch, self._judged_below = last_epoch, Mark(0, judged_below)
        self.told: list[tuple[str, Mark, float]] = []
        self.asked: list[tuple[Mark, Mark]] = []
        """Each mark at which it was asked, and the mark from which on it was to judge."""

    def next_trial(self) -> Trial | None:
        return None

    def judged_below(self, trial: FrozenTrial) -> Mark:
        return self._judged_below

    def reached(self, trial: Trial, curve: str, mark: Mark, value: float) -> None:
        self.told.append((curve, mark, value))

    def may_go_on(self, trial: Trial, curve: str, mark: Mark, *, judged_below: Mark) -> bool:
        self.asked.append((mark, judged_below))
        return mark.epochs < self.last_epoch

    def queue(self, trial: Trial) -> None:
        raise NotImplementedError

    def tell(self, trial: Trial, state: TrialState, value: float | None) -> FrozenTrial:
        raise NotImplementedError


class Watching(View):
    """Writes down the epochs that it is told of."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def epoch_done(self, number: int, epoch: int, value: float, logs: Logs) -> None:
        self.epochs.append(epoch)


@pytest.fixture
def study() -> Study:
    return optuna.create_study(direction="maximize")


def attempt_at(
    trial: Trial,
    schedule: Judge | None = None,
    *,
    stop: StopRequest | None = None,
    view: View | None = None,
    rounds: Sequence[Round] = (Round(seed=0),),
) -> Attempt:
    return Attempt(
        trial,
        SLOT,
        PARAMS,
        rounds,
        GOAL,
        schedule or Judge(),
        stop or StopRequest(),
        view or View(),
        RLock(),
    )


def train(
    attempt: Attempt, first: int, *values: float, curve: str = "curve", n_stored: int = 0
) -> Verdict:
    """Let epochs come in, from `first` on, the stored ones first; the verdict on the last."""
    attempt.begins(Curve(Path(curve)), n_stored)
    for epoch, value in enumerate(values, first):
        logs = {"loss": 1.0, "val_score": value}
        verdict = attempt.epoch_done(epoch, logs, is_stored=epoch <= n_stored)
    return verdict


def taken_up_again(study: Study, trial: Trial) -> Trial:
    """The same trial as another launcher gets it."""
    set_trial_state(study, trial, TrialState.WAITING)
    set_trial_state(study, trial, TrialState.RUNNING)
    return attach(study, frozen(trial))


def test_each_epoch_is_reported_to_study_and_schedule(study):
    trial, schedule = study.ask(), Judge()

    verdict = train(attempt_at(trial, schedule), 1, 0.25, 0.5)

    assert verdict is Verdict.GO_ON
    assert frozen(trial).intermediate_values == {1: 0.25, 2: 0.5}
    assert schedule.told == [("curve", Mark(0, 1), 0.25), ("curve", Mark(0, 2), 0.5)]


def test_only_epochs_that_were_trained_are_shown(study):
    view = Watching()

    train(attempt_at(study.ask(), view=view), 1, 0.25, 0.5, 0.75, n_stored=2)

    assert view.epochs == [3]


def test_stored_epochs_are_judged_at_the_last_of_them_alone(study):
    schedule = Judge()

    train(attempt_at(study.ask(), schedule), 1, 0.25, 0.5, 0.75, 0.75, n_stored=3)

    assert [mark.epochs for mark, _ in schedule.asked] == [3, 4]


def test_no_epoch_is_judged_twice(study):
    schedule = Judge(judged_below=2)

    train(attempt_at(study.ask(), schedule), 1, 0.25, 0.5, 0.75)

    assert schedule.asked == [
        (Mark(0, asked), Mark(0, below)) for asked, below in ((1, 2), (2, 2), (3, 3))
    ]


def test_the_last_epoch_is_the_end_whatever_the_schedule_would_say(study):
    attempt = attempt_at(study.ask(), Judge(last_epoch=9))

    verdict = train(attempt, 1, *[0.5] * 9)

    assert (verdict, attempt.outcome, attempt.is_paused) == (Verdict.GO_ON, None, False)


def test_a_trial_that_may_not_go_on_is_pruned(study):
    trial = study.ask()
    attempt = attempt_at(trial, Judge(last_epoch=2))

    verdict = train(attempt, 1, 0.5, 0.5)
    attempt.write_epochs()

    assert (verdict, attempt.outcome) == (Verdict.STOP, Outcome.PRUNED)
    assert frozen(trial).user_attrs[Attr.EPOCHS_PRUNED] == 9 - 2


def test_a_trial_that_diverges_stops_and_its_value_is_not_reported(study):
    trial, schedule = study.ask(), Judge()
    attempt = attempt_at(trial, schedule)

    verdict = train(attempt, 1, 0.5, math.nan)

    assert (verdict, attempt.outcome) == (Verdict.STOP, Outcome.DIVERGED)
    assert attempt.epochs_done == 2
    assert frozen(trial).intermediate_values == {1: 0.5}
    assert len(schedule.told) == 1


def test_a_stop_pauses_a_trial_that_could_go_on(study):
    stop = StopRequest()
    stop.after_epochs(Stop.INTERRUPTED)
    attempt = attempt_at(study.ask(), stop=stop)

    verdict = train(attempt, 1, 0.5)

    assert (verdict, attempt.outcome, attempt.is_paused) == (Verdict.STOP, None, True)


@pytest.mark.parametrize(
    ("schedule", "values", "outcome"),
    [
        pytest.param(Judge(last_epoch=1), [0.5], Outcome.PRUNED, id="pruned"),
        pytest.param(Judge(), [math.nan], Outcome.DIVERGED, id="diverged"),
        pytest.param(Judge(), [0.5] * 9, None, id="at its end"),
    ],
)
def test_a_trial_that_is_over_is_not_paused_by_a_stop(study, schedule, values, outcome):
    stop = StopRequest()
    stop.after_epochs(Stop.INTERRUPTED)
    attempt = attempt_at(study.ask(), schedule, stop=stop)

    train(attempt, 1, *values, n_stored=len(values))

    assert (attempt.outcome, attempt.is_paused) == (outcome, False)


def test_the_epochs_of_a_stored_curve_are_reused_and_the_rest_trained(study):
    trial = study.ask()
    attempt = attempt_at(trial)

    train(attempt, 1, 0.25, 0.5, 0.75, n_stored=2)
    attempt.write_epochs()

    attrs = frozen(trial).user_attrs
    assert (attrs[Attr.CURVE], attrs[Attr.EPOCHS_REUSED], attrs[Attr.EPOCHS_TRAINED]) == (
        "curve",
        2,
        1,
    )


def test_seconds_and_epochs_are_those_of_all_attempts(study):
    trial = study.ask()
    first = attempt_at(trial)
    train(first, 1, 0.25, 0.5)
    trial.set_user_attr(Attr.SECONDS, 1000.0)  # of an attempt before
    first.write_epochs()

    again = taken_up_again(study, trial)
    second = attempt_at(again)
    train(second, 1, 0.25, 0.5, 0.75, n_stored=2)
    second.write_epochs()

    attrs = frozen(again).user_attrs
    assert (attrs[Attr.EPOCHS_REUSED], attrs[Attr.EPOCHS_TRAINED]) == (0, 3)
    assert attrs[Attr.SECONDS] >= 1000


def test_a_curve_of_another_name_replaces_the_values_of_the_one_before(study):
    """After an upgrade of a library, an interrupted trial is trained again."""
    trial = study.ask()
    train(attempt_at(trial), 1, 0.25, 0.5)

    again = taken_up_again(study, trial)
    attempt = attempt_at(again)
    train(attempt, 1, 0.125, 0.375, curve="renamed")
    attempt.write_epochs()

    stored = frozen(again)
    assert stored.intermediate_values == {1: 0.125, 2: 0.375}
    assert stored.user_attrs[Attr.CURVE] == "renamed"
    assert stored.user_attrs[Attr.EPOCHS_TRAINED] == 2


def test_an_outcome_without_a_reason_leaves_no_empty_texts(study):
    trial = study.ask()

    attempt_at(trial).write_end(Outcome.FINISHED, "", "")

    stored = frozen(trial).user_attrs
    assert stored[Attr.OUTCOME] == "finished"
    assert not {Attr.REASON, Attr.OUTPUT} & set(stored)


def test_an_outcome_replaces_the_texts_of_the_attempt_before(study):
    """That one's launcher died between writing the outcome and telling it."""
    trial = study.ask()
    attempt_at(trial).write_end(Outcome.CRASHED, "SIGSEGV", "a traceback")

    again = taken_up_again(study, trial)
    attempt_at(again).write_end(Outcome.FINISHED, "", "")

    stored = frozen(again).user_attrs
    names = (Attr.OUTCOME, Attr.REASON, Attr.OUTPUT)
    assert [stored[name] for name in names] == ["finished", "", ""]


FOLDS = [Round(seed=0, fold=fold) for fold in (1, 2, 3)]


def test_after_each_round_the_schedule_is_asked_about_the_mean_so_far(study):
    trial, schedule = study.ask(), Judge()
    attempt = attempt_at(trial, schedule, rounds=FOLDS)

    for fold, value in enumerate((0.25, 0.75, 0.5), 1):
        train(attempt, 1, *[value] * 9, curve=f"fold {fold}")
        is_last = not attempt.next_round()

    assert is_last
    assert schedule.told[-2:] == [("fold 1", Mark(1, 0), 0.25), ("fold 1", Mark(2, 0), 0.5)]
    # intermediate values, like rungs of epochs, are those of the first round
    assert set(frozen(trial).intermediate_values.values()) == {0.25}
    stored = read_rounds(frozen(trial).user_attrs[Attr.ROUNDS])
    assert [(one.curve, one.value) for one in stored] == [
        ("fold 1", 0.25),
        ("fold 2", 0.75),
        ("fold 3", 0.5),
    ]
    assert attempt.logs[9] == {"loss": 1.0, "val_score": 0.5}


def test_a_round_in_which_loss_or_metric_is_nan_makes_the_trial_diverge(study):
    attempt = attempt_at(study.ask(), rounds=FOLDS)
    train(attempt, 1, *[0.25] * 9, curve="fold 1")
    assert attempt.next_round()

    verdict = train(attempt, 1, 0.5, math.nan, curve="fold 2")

    assert (verdict, attempt.outcome) == (Verdict.STOP, Outcome.DIVERGED)
    assert attempt.place == "epoch 2 of fold 2"


def test_a_trial_taken_up_again_in_its_third_round_keeps_the_others(study):
    trial = study.ask()
    attempt = attempt_at(trial, rounds=FOLDS)
    for fold in (1, 2):
        train(attempt, 1, *[0.25] * 9, curve=f"fold {fold}")
        assert attempt.next_round()
    train(attempt, 1, 0.5, curve="fold 3")
    attempt.write_epochs()

    again = taken_up_again(study, trial)
    attempt = attempt_at(again, rounds=FOLDS)
    for fold in (1, 2):
        train(attempt, 1, *[0.25] * 9, curve=f"fold {fold}", n_stored=9)
        assert attempt.next_round()
    train(attempt, 1, *[0.5] * 9, curve="fold 3", n_stored=1)
    attempt.write_epochs()

    assert not attempt.next_round()
    attrs = frozen(again).user_attrs
    assert (attrs[Attr.EPOCHS_REUSED], attrs[Attr.EPOCHS_TRAINED]) == (0, 27)


def test_after_an_upgrade_all_rounds_begin_anew(study):
    trial = study.ask()
    attempt = attempt_at(trial, rounds=FOLDS)
    for fold in (1, 2):
        train(attempt, 1, *[0.25] * 9, curve=f"fold {fold}")
        assert attempt.next_round()

    train(attempt_at(taken_up_again(study, trial), rounds=FOLDS), 1, 0.75, curve="another")

    stored = read_rounds(frozen(trial).user_attrs[Attr.ROUNDS])
    assert [(one.curve, one.value) for one in stored] == [("another", None), *[(None, None)] * 2]
