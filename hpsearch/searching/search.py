"""The search: slots that take trials from a schedule, train them and record the outcome."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hpsearch.curves.costs import measure_costs
from hpsearch.errors import DataError, HpsearchError, StudyFileError
from hpsearch.evaluation.candidates import fresh_seeds
from hpsearch.files import is_full
from hpsearch.goal import Goal
from hpsearch.processes.slots import NSlots, in_slots, now
from hpsearch.processes.stop import Stop, StopRequest
from hpsearch.processes.supervisor import Ending, How
from hpsearch.processes.trainer import Trainer
from hpsearch.searching.attempt import Attempt
from hpsearch.searching.schedule import News, Schedule, is_replicate
from hpsearch.searching.view import View, one_at_a_time
from hpsearch.study.artifacts import attach_texts
from hpsearch.study.claims import TrialTaken
from hpsearch.study.configurations import (
    Configuration,
    Incumbent,
    configurations_of,
    find_incumbent,
)
from hpsearch.study.distributions import lies_in
from hpsearch.study.launchers import Launchers
from hpsearch.study.note import write_note, write_trial_notes
from hpsearch.study.record import Record
from hpsearch.study.rounds import as_stored, plan_rounds
from hpsearch.study.session import TurnLost
from hpsearch.study.storage import Storage
from hpsearch.study.trials import BROKEN, CONSTRAINT, Attr, Outcome, onset_attrs, row
from hpsearch.task import Task

N_ERRORS_ALIKE = 3
UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
WAIT_S = 0.2  # between an idle slot's checks for a stop request
LOOK_S = 2.0  # between its looks at what other launchers have done


class Search:
    """One launcher's work on a study.

    Args:
        study: The study.
        record: Its stored description.
        task: The task to search.
        storage: Where it is kept.
        launchers: Those who work on it.
        schedule: Says what comes next.
        trainer: Trains.
        n_slots: Trials run in parallel; that number may change.
        stop: A request to stop, from signals, the deadline, or an error in here.
        view: Shows progress.
        note_table: The table in the note of a sweep, in Markdown; nothing for a search.
    """

    def __init__(
        self,
        study: Study,
        record: Record,
        task: Task,
        storage: Storage,
        *,
        launchers: Launchers,
        schedule: Schedule,
        trainer: Trainer,
        n_slots: NSlots,
        stop: StopRequest,
        view: View,
        note_table: Callable[[], str],
    ) -> None:
        self.study, self.record, self.task, self.storage = study, record, task, storage
        self.launchers = launchers
        self.schedule, self.trainer, self.n_slots = schedule, trainer, n_slots
        self.stop, self.view, self.note_table = stop, one_at_a_time(view), note_table
        self._news, self._incumbent = News(study), Incumbent(task.goal)
        self._n_running = 0
        self._has_told = False
        """Whether the user knows that this launcher waits for others."""
        self._error: BaseException | None = None
        self._errors: list[str] = []
        self._lock = threading.RLock()
        self._trial_ended = threading.Condition(self._lock)

    def run(self) -> Stop:
        """Work until the budget is spent or something else ends the search.

        Raises:
            HpsearchError: The storage is unavailable, a disk is full, or the study file cannot
                be used.
        """
        goals = ", ".join(map(str, self.record.objectives))
        title = f"{self.study.study_name}: {goals}"
        self.view.search_started(
            title,
            self.schedule.n_trials,
            self.schedule.n_counted,
            now(self.n_slots),
            self.schedule.n_epochs_left,
        )
        with self.storage.remembering():
            in_slots(self.n_slots, self._work_in)
        if self._error is not None:
            raise self._error
        return self.stop.why or (Stop.EXHAUSTED if self.schedule.is_exhausted else Stop.BUDGET)

    def _work_in(self, slot: int) -> bool:
        """Run a trial; returns whether there may be another."""
        try:
            if (trial := self._next_trial()) is None:
                return False
            try:
                self._run_trial(trial, slot)
            finally:
                with self._trial_ended:
                    self._n_running -= 1
                    self._trial_ended.notify_all()
        except BaseException as error:  # stop the other slots before it is raised
            self._error = self._error or _explained(error)
            self.stop.at_once(Stop.ERROR)
            return False
        return True

    def _next_trial(self) -> Trial | None:
        """The trial for a free slot; None when nothing is left to do.

        A slot may have to wait: when another slot's trial is pruned, here or elsewhere, an
        earlier one may turn out better and be promoted.
        """
        with self._trial_ended:
            while not self.stop.is_asked:
                try:
                    trial = self._take_turn()
                except TurnLost:
                    continue  # nothing is known: perhaps there is more to do
                if trial is not None:
                    self._n_running += 1
                    return trial
                others_run = self.launchers.others_run(self.study)
                if self._n_running == 0 and not others_run:
                    return None
                if self._n_running == 0 and not self._has_told:
                    self._has_told = True
                    self.view.say(
                        "no trial is left to begin: waiting for those of other launchers, as one "
                        "may need this one (Ctrl-C: leave)"
                    )
                n_running, until_s = self._n_running, time.monotonic() + LOOK_S
                while self._n_running == n_running and not self.stop.is_asked:
                    if others_run and time.monotonic() > until_s:
                        break
                    self._trial_ended.wait(WAIT_S)
        return None

    def _take_turn(self) -> Trial | None:
        """The next trial, claimed while no other launcher may take one.

        Raises:
            TurnLost: Others may have taken one, too; this one waits again.
        """
        trial = None
        try:
            with self.launchers.turn():
                self._look()
                self.launchers.adopt(self.study, self.view.say)
                trial = self.schedule.next_trial()
                if trial is not None:
                    self.launchers.claim(trial)
        except TurnLost:  # it may be one too many
            if trial is not None:
                self._give_up(trial)
            raise
        return trial

    def _look(self) -> None:
        """See what other launchers have done, where there may be some."""
        if self.storage.is_shared:
            self.storage.look()

    def _give_up(self, trial: Trial) -> None:
        """Queue a trial, for whoever comes next."""
        with suppress(TrialTaken):
            self.schedule.queue(trial)
        self.launchers.release(trial)

    def _run_trial(self, trial: Trial, slot: int) -> None:
        params = self.task.complete(trial.params)
        rounds = plan_rounds(self.task.fold_numbers, self._seeds(trial))
        attempt = Attempt(
            trial,
            slot,
            params,
            rounds,
            self.task.goal,
            self.schedule,
            self.stop,
            self.view,
            self._lock,
        )
        self.view.trial_started(trial.number, params, attempt.epochs * len(rounds))
        try:
            self._work_on(attempt)
        except TrialTaken as taken:
            self._drop(attempt, taken)
        except UpdateFinishedTrialError:
            self._drop(attempt, TrialTaken())
        finally:
            self.launchers.release(trial)

    def _work_on(self, attempt: Attempt) -> None:
        try:
            ending = self._take_rounds(attempt)
        except BaseException:
            # the storage may be what failed, or the trial another launcher's
            with suppress(HpsearchError, UpdateFinishedTrialError):
                self._pause(attempt)
            raise
        if attempt.is_paused or ending.how is How.INTERRUPTED:
            self._pause(attempt)
        else:
            self._conclude(attempt, ending)

    def _seeds(self, trial: Trial) -> list[int]:
        """The study's, then those that `evaluate` uses too; or the only one of a replicate."""
        seed = trial.user_attrs.get(Attr.SEED)
        if seed is not None:
            return [seed]
        return [self.record.seed, *fresh_seeds(self.record.seed, self.record.repeats - 1)]

    def _take_rounds(self, attempt: Attempt) -> Ending:
        """Train one round after the other; those that are stored are read off."""
        while True:
            taken = self.trainer.take(
                attempt.params,
                attempt.now.seed,
                attempt,
                name=attempt.name,
                fold=attempt.now.fold,
            )
            attempt.write_nodes(taken.nodes)
            ending = taken.ending
            if ending.how is not How.FINISHED or not attempt.next_round():
                return ending

    def _pause(self, attempt: Attempt) -> None:
        attempt.write_epochs()
        with self._lock:
            self._give_up(attempt.trial)
        self.view.trial_paused(attempt.trial.number)

    def _drop(self, attempt: Attempt, taken: TrialTaken) -> None:
        """Leave a trial to the launcher that has it now."""
        self.view.trial_paused(attempt.trial.number)
        self.view.say(f"trial {attempt.trial.number} was {taken}")

    def _conclude(self, attempt: Attempt, ending: Ending) -> None:
        """Record how the trial ended, and tell the study."""
        trial, outcome = attempt.trial, attempt.outcome or _OUTCOMES[ending.how]
        reason, output = ending.reason, ending.output
        if outcome is Outcome.DIVERGED:
            reason, output = f"loss or metric not finite in {attempt.place}", ""
        elif outcome in {Outcome.PRUNED, Outcome.FINISHED}:
            reason, output = "", ""
        if attempt.curve is not None:
            attach_texts(trial, attempt.curve, len(attempt.logs), self.storage.folder)
        attempt.write_end(outcome, reason, output)
        if outcome in BROKEN:
            trial.set_constraint(CONSTRAINT, 1.0)
        with self._lock, suppress(TurnLost), self.launchers.turn():
            self._look()
            read_off = self._read_off(attempt, outcome)
            if read_off is not None:
                self.schedule.add(read_off)
            self._tell(attempt, outcome)
        with self._lock:
            self._show(trial.number)
        if ending.is_fatal:
            raise StudyFileError(reason.partition(": ")[2] or reason)
        self._watch_errors(outcome, reason)

    def _tell(self, attempt: Attempt, outcome: Outcome) -> None:
        state, values = TrialState.PRUNED, None
        if outcome is Outcome.FINISHED:
            state, values = TrialState.COMPLETE, self._values(attempt, attempt.epochs)
        elif outcome is Outcome.FAILED:  # anything else is due to the params
            state = TrialState.FAIL
        self.schedule.tell(attempt.trial, state, values)

    def _values(self, attempt: Attempt, epoch: int) -> list[float]:
        """A value for each objective after an epoch; the costs are those of the whole curve."""
        assert attempt.curve is not None
        logs = attempt.logs
        costs = measure_costs(self.record.costs, attempt.curve, list(logs.values()))
        return [self.task.goal.value(logs[epoch]), *costs]

    def _read_off(self, attempt: Attempt, outcome: Outcome) -> FrozenTrial | None:
        """A shorter trial from the same curve, if its value is better there.

        For a finished trial: better than its own value. For any other: better than the best
        so far, so that the best trial has the best value seen.
        """
        trial, goal = attempt.trial, self.task.goal
        distribution = trial.distributions.get("epochs")
        if is_replicate(trial):  # it answers for its own epochs
            return None
        if distribution is None or not self.schedule.reads_off or attempt.curve is None:
            return None
        if len(attempt.rounds) > 1 and outcome is not Outcome.FINISHED:
            return None  # its mean would be one over fewer rounds
        lengths = {
            epoch: goal.value(logs)
            for epoch, logs in attempt.logs.items()
            if epoch in attempt.reported and lies_in(epoch, distribution)
        }
        best = self._best()
        to_beat = None if best is None else best.mean
        if outcome is Outcome.FINISHED:
            to_beat = lengths.pop(attempt.epochs)
        epoch = min(lengths, key=lambda e: (goal.key(lengths[e]), e), default=None)
        if epoch is None or not goal.is_better(lengths[epoch], to_beat):
            return None
        rounds = attempt.rounds_at(epoch) if len(attempt.rounds) > 1 else []
        params = {**trial.params, "epochs": epoch}
        for other in self.study.get_trials(deepcopy=False):
            if other.user_attrs.get(Attr.READ_OFF) == trial.number or other.params == params:
                return None  # already added by a launcher that then died, or searched
        return create_trial(
            state=TrialState.COMPLETE,
            values=self._values(attempt, epoch),
            params=params,
            distributions=trial.distributions,
            user_attrs={
                Attr.READ_OFF: trial.number,
                Attr.CURVE: attempt.curve.name,
                **({Attr.ROUNDS: as_stored(rounds)} if rounds else {}),
                **onset_attrs({e: logs for e, logs in attempt.logs.items() if e <= epoch}),
            },
        )

    def _best(self) -> Configuration | None:
        """The incumbent; a trial that has a value never changes."""
        for trial in self._news.trials():
            if trial.state.is_finished() or is_replicate(trial):
                self._incumbent.add(row(trial))
        return self._incumbent.now

    def _show(self, number: int) -> None:
        """Show the trial and what was read off it, in the view and in its note."""
        best = self._best()
        for trial in self.study.get_trials(deepcopy=False)[number:]:
            if trial.number == number or trial.user_attrs.get(Attr.READ_OFF) == number:
                shown = row(trial)
                self.view.trial_ended(shown, best)
                is_best = best is not None and shown.number == best.number
                if is_best or shown.replicate_of is not None or self.record.points:
                    write_note(self.study, self.record, best, self.note_table())
        write_trial_notes(self.study, number)

    def _watch_errors(self, outcome: Outcome, reason: str) -> None:
        with self._lock:
            if outcome is not Outcome.FAILED:
                self._errors.clear()
                return
            self._errors.append(reason)
            if self._errors[-N_ERRORS_ALIKE:] == [reason] * N_ERRORS_ALIKE:
                raise StudyFileError(
                    f"{N_ERRORS_ALIKE} trials in a row failed with {reason} "
                    f"(hpsearch show {self.study.study_name} --trial N shows where)"
                )


_OUTCOMES = {
    How.FINISHED: Outcome.FINISHED,
    How.FAILED: Outcome.FAILED,
    How.KILLED: Outcome.CRASHED,
    How.CRASHED: Outcome.CRASHED,
    How.TIMED_OUT: Outcome.TIMED_OUT,
    How.OUT_OF_MEMORY: Outcome.OUT_OF_MEMORY,
}


def find_best(study: Study, goal: Goal) -> Configuration | None:
    """The incumbent; None before a trial has finished or was read off."""
    trials = study.get_trials(deepcopy=False)
    return find_incumbent(configurations_of(map(row, trials)), goal)


def _explained(error: BaseException) -> BaseException:
    """Explain a disk that takes no more in one line, wherever it was noticed."""
    if not isinstance(error, OSError):
        return error
    if is_full(error):
        what = f"the disk is full ({error.filename or error.strerror}): free some space"
    elif error.errno in UNWRITABLE and error.filename:
        what = f"cannot write {error.filename}: {error.strerror}"
    else:
        return error
    explained = DataError(f"{what}; the same command continues")
    explained.__cause__ = error
    return explained
