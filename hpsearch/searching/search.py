"""The search: slots that ask, train, decide and tell until the budget is spent."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hpsearch.choices import PrunerName, SamplerName
from hpsearch.curves.curve import Curve
from hpsearch.curves.store import key_of, network_of
from hpsearch.data.arrays import Prepared
from hpsearch.errors import HpsearchError, StudyFileError
from hpsearch.goal import Logs
from hpsearch.messages import EpochDone, Job, Verdict
from hpsearch.processes.slots import side_by_side
from hpsearch.processes.supervisor import Ending, How, Limits, ProcessServer, supervise
from hpsearch.searching.rungs import Rungs
from hpsearch.searching.samplers import make_pruner, make_sampler
from hpsearch.searching.view import View
from hpsearch.study import trials as attr
from hpsearch.study.artifacts import attach_texts
from hpsearch.study.note import write_note, write_trial_notes
from hpsearch.study.record import Record, versions
from hpsearch.study.storage import patiently
from hpsearch.study.trials import Outcome
from hpsearch.study_file import StudyFile, describe
from hpsearch.task import Params, ParamValue, epochs_of

N_ERRORS_ALIKE = 3
WAIT_S = 0.2  # of a slot without a trial, until it looks whether the search was stopped


class Stop(StrEnum):
    """Why a search came to its end."""

    BUDGET = "the budget is spent"
    EXHAUSTED = "every combination was tried"
    TIMEOUT = "the time is up"
    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"
    ERROR = "an error"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one launcher is asked to do."""

    n_trials: int
    timeout_s: float | None
    n_slots: int
    n_threads: int
    limits: Limits
    retries: int
    """How often a trial whose process died is taken up again without any progress."""
    sampler: SamplerName
    pruner: PrunerName
    fixed: Mapping[str, ParamValue]


@dataclass
class Attempt:
    """A trial while a slot works on it."""

    trial: Trial
    params: Params
    epochs: int
    curve: Curve
    reported: dict[int, float]
    """Intermediate values by epoch, this launcher's and earlier ones'."""
    began_s: float = field(default_factory=time.monotonic)
    logs: dict[int, Logs] = field(default_factory=dict)
    outcome: Outcome | None = None
    """Set once the verdict on it has been reached."""
    is_paused: bool = False
    seconds: float = 0.0

    @property
    def epochs_done(self) -> int:
        return max(self.logs, default=0)

    @property
    def promoted_at(self) -> int:
        """The epochs that a promoted trial took over: they were judged on then; else 0."""
        attrs = self.trial.user_attrs
        return attrs[attr.EPOCHS_REUSED] if attr.PROMOTED_FROM in attrs else 0


class Search:
    """One launcher's work on a study.

    Args:
        study: The study; its queue holds what is to be taken up first.
        study_file: The text and task that the study stores.
        record: What is stored with the study.
        data: The prepared arrays.
        curves: The folder of all curves.
        process_name: What `ps` calls the trial processes.
        max_epochs: Of the longest trials.
        plan: How much and how.
        server: Where trial processes come from.
        view: Who is told.
    """

    def __init__(
        self,
        study: Study,
        study_file: StudyFile,
        record: Record,
        *,
        data: Prepared,
        curves: Path,
        process_name: str,
        max_epochs: int,
        plan: Plan,
        server: ProcessServer,
        view: View,
    ) -> None:
        self.study, self.study_file, self.task = study, study_file, study_file.task
        self.record, self.seed, self.plan = record, record.seed, plan
        self.data, self.curves, self.process_name = data, curves, process_name
        self.versions = versions()
        self.server, self.view = server, view
        self.study.pruner = make_pruner(plan.pruner, max_epochs)
        self.network = network_of(study_file)
        self.stop: Stop | None = None
        self.kills = False
        self.is_exhausted = False
        """Whether the sampler has nothing left to propose."""
        self._n_running = 0
        self.deadline_s = None if plan.timeout_s is None else time.monotonic() + plan.timeout_s
        self._error: BaseException | None = None
        self._errors: list[str] = []
        self._lock = threading.RLock()
        self._trial_ended = threading.Condition(self._lock)

    def run(self) -> Stop:
        """Work until the budget is spent or something else ends the search.

        Raises:
            HpsearchError: The storage stayed away, or the study file cannot be used.
        """
        self._adopt()
        n_before = _n_counted(self.study.get_trials(deepcopy=False))
        title = f"{self.study.study_name}: {self.task.direction} {self.task.metric}"
        self.view.search_started(title, self.plan.n_trials, n_before, self.plan.n_slots)
        n_slots = self.plan.n_slots
        side_by_side(n_slots, lambda _slot: self._slot(), range(n_slots))
        if self._error is not None:
            raise self._error
        return self.stop or (Stop.EXHAUSTED if self.is_exhausted else Stop.BUDGET)

    def finish_epochs(self, why: Stop) -> None:
        """Let running epochs finish, then stop; their trials wait to be taken up."""
        self.stop = self.stop or why

    def kill(self, why: Stop) -> None:
        """Stop now; the trials wait to be taken up from their last epoch."""
        self.stop = why
        self.kills = True

    def _adopt(self) -> None:
        """Queue the trials of a launcher that is gone, each under its own number.

        The lock on the study proves that whoever ran them is gone.
        """
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._queue(trial._trial_id)
            self.view.say(f"trial {trial.number} was interrupted: taken up again")

    def _queue(self, trial_id: int) -> None:
        storage = self.study._storage
        patiently(lambda: storage.set_trial_state_values(trial_id, TrialState.WAITING))

    def _slot(self) -> None:
        try:
            while (trial := self._next_trial()) is not None:
                try:
                    self._run_trial(trial)
                finally:
                    with self._trial_ended:
                        self._n_running -= 1
                        self._trial_ended.notify_all()
        except BaseException as error:  # the other slots must hear of it before it is raised
            self._error = self._error or error
            self.kill(Stop.ERROR)

    def _next_trial(self) -> Trial | None:
        """The trial for a slot that has none; None when there is no more to do.

        A slot may have to wait: when another one's trial is pruned, an earlier one may turn
        out to be the better one, and is promoted.
        """
        with self._trial_ended:
            while True:
                self._check_deadline()
                if self.stop is not None:
                    return None
                trials = self.study.get_trials(deepcopy=False)
                trial = self._promoted(trials)
                if trial is None and not self._is_spent(trials):
                    trial = self._ask(len(trials))
                if trial is not None:
                    self._n_running += 1
                    return trial
                if self._n_running == 0:
                    return None
                self._trial_ended.wait(WAIT_S)

    def _is_spent(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether no more new trials are to come."""
        return self.is_exhausted or _n_counted(trials) >= self.plan.n_trials

    def _promoted(self, trials: Sequence[FrozenTrial]) -> Trial | None:
        """A trial that goes on where another one was pruned, if there is one to promote."""
        storage = self.study._storage
        waiting = [trial for trial in trials if trial.state is TrialState.WAITING]
        for trial in waiting:
            if attr.PROMOTED_FROM in trial.user_attrs:  # by a launcher that was stopped
                trial_id = trial._trial_id
                patiently(partial(storage.set_trial_state_values, trial_id, TrialState.RUNNING))
                return Trial(self.study, trial_id)
        if self.plan.pruner is not PrunerName.HALVING:
            return None
        if waiting and not self._is_spent(trials):
            return None  # first who was interrupted
        pruned = self._rungs(trials).promotable(self.plan.fixed)
        if pruned is None:
            return None
        promoted = create_trial(
            state=TrialState.RUNNING,
            params=pruned.params,
            distributions=pruned.distributions,
            user_attrs={attr.PROMOTED_FROM: pruned.number},
        )
        study_id = self.study._study_id
        return Trial(self.study, patiently(lambda: storage.create_new_trial(study_id, promoted)))

    def _rungs(self, trials: Sequence[FrozenTrial]) -> Rungs:
        return Rungs(trials, self.task.goal.maximize, self._is_spent(trials))

    def _ask(self, n_trials: int) -> Trial:
        """A trial from Optuna's queue or sampler."""
        self.study.sampler = make_sampler(
            self.plan.sampler, seed=self.seed, n_trials=n_trials, fixed=self.plan.fixed
        )
        trial = patiently(self.study.ask)
        try:
            patiently(lambda: self.task.space(trial))
        except HpsearchError:
            raise
        except Exception as error:
            filename = self.study_file.filename
            raise StudyFileError(f"{filename}: space(trial) raised {describe(error)}") from error
        return trial

    def _check_deadline(self) -> None:
        if self.deadline_s is not None and time.monotonic() > self.deadline_s:
            self.finish_epochs(Stop.TIMEOUT)

    def _run_trial(self, trial: Trial) -> None:
        params = self.task.complete(trial.params)
        epochs = epochs_of(params)
        key = key_of(
            params,
            seed=self.seed,
            data=self.data.fingerprint,
            network=self.network,
            versions=self.versions,
        )
        curve = Curve(self.curves / key)
        attempt = Attempt(
            trial,
            params,
            epochs,
            curve,
            reported=dict(trial.study._storage.get_trial(trial._trial_id).intermediate_values),
        )
        self._tell_view(lambda: self.view.trial_started(trial.number, params, epochs))
        curve.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(curve.folder / ".lock"):  # two trials may want the same curve
            self._replay(attempt)
            if attempt.outcome is None and attempt.epochs_done < epochs:
                ending = self._train(attempt)
            else:
                ending = Ending(how=How.FINISHED)
        attempt.seconds = time.monotonic() - attempt.began_s
        if attempt.is_paused or ending.how is How.INTERRUPTED:
            self._pause(attempt)
        else:
            self._conclude(attempt, ending)

    def _replay(self, attempt: Attempt) -> None:
        """Take what the curve has already; judge only where training would go on."""
        stored = attempt.curve.logs[: attempt.epochs]
        trial = attempt.trial
        if attr.EPOCHS_REUSED not in trial.user_attrs:  # written last
            self._set(trial, attr.CURVE, attempt.curve.folder.name)
            self._set(trial, attr.EPOCHS_REUSED, len(stored))
        for epoch, logs in enumerate(stored, 1):
            self._keep(attempt, epoch, logs)
        if 0 < len(stored) < attempt.epochs and attempt.outcome is None:
            self._judge(attempt, len(stored))

    def _train(self, attempt: Attempt) -> Ending:
        """Train the rest, in as many processes as it takes."""
        deaths = 0
        while True:
            epochs_done = attempt.epochs_done
            ending = supervise(
                self.server,
                self._job(attempt),
                answer=lambda message: self._answer(attempt, message),
                limits=self.plan.limits,
                must_stop_now=lambda: self.kills,
            )
            if ending.how not in {How.KILLED, How.CRASHED}:
                return ending
            if attempt.epochs_done > epochs_done:
                deaths = 0
            deaths += 1
            if attempt.outcome is not None or attempt.is_paused or deaths > self.plan.retries:
                return ending
            self.view.say(
                f"trial {attempt.trial.number}: {ending.reason}; "
                f"it continues after epoch {attempt.epochs_done}"
            )

    def _job(self, attempt: Attempt) -> Job:
        return Job(
            study_file=self.study_file.text,
            study_file_name=self.study_file.filename,
            params=attempt.params,
            seed=self.seed,
            data=str(self.data.folder),
            curve=str(attempt.curve.folder),
            process_name=self.process_name,
            n_threads=self.plan.n_threads,
        )

    def _answer(self, attempt: Attempt, message: EpochDone) -> Verdict:
        """The verdict on an epoch that was just trained."""
        self._keep(attempt, message.epoch, message.logs)
        number = attempt.trial.number
        value = message.logs[self.task.metric]
        self._tell_view(lambda: self.view.epoch_done(number, message.epoch, value, message.logs))
        if attempt.outcome is None and message.epoch < attempt.epochs:
            self._judge(attempt, message.epoch)
            self._check_deadline()
            if attempt.outcome is None and self.stop is not None:
                attempt.is_paused = True
        is_over = attempt.outcome is not None or attempt.is_paused
        return Verdict.STOP if is_over else Verdict.GO_ON

    def _keep(self, attempt: Attempt, epoch: int, logs: Logs) -> None:
        """Take note of an epoch, here and in the study, once."""
        attempt.logs[epoch] = logs
        value = logs[self.task.metric]
        if not self.task.goal.is_finite(logs):
            attempt.outcome = Outcome.DIVERGED
        elif epoch not in attempt.reported:
            patiently(lambda: attempt.trial.report(value, step=epoch))
            attempt.reported[epoch] = value

    def _judge(self, attempt: Attempt, epoch: int) -> None:
        with self._lock:
            if self.plan.pruner is PrunerName.HALVING:
                rungs = self._rungs(self.study.get_trials(deepcopy=False))
                is_promoted_here = epoch <= attempt.promoted_at
                goes_on = is_promoted_here or rungs.may_go_on(attempt.curve.folder.name, epoch)
            else:
                goes_on = not patiently(attempt.trial.should_prune)
            if not goes_on:
                attempt.outcome = Outcome.PRUNED

    def _pause(self, attempt: Attempt) -> None:
        self._write_epochs(attempt)
        self._queue(attempt.trial._trial_id)
        self._tell_view(lambda: self.view.trial_paused(attempt.trial.number))

    def _conclude(self, attempt: Attempt, ending: Ending) -> None:
        """Write down how the trial came out, and tell."""
        outcome = attempt.outcome or _OUTCOMES[ending.how]
        reason, output = ending.reason, ending.output
        if outcome is Outcome.DIVERGED:
            reason, output = f"loss or metric not finite in epoch {attempt.epochs_done}", ""
        elif outcome in {Outcome.PRUNED, Outcome.FINISHED}:
            reason, output = "", ""
        self._write_epochs(attempt)
        attach_texts(attempt.trial, attempt.curve, attempt.epochs_done, self.curves.parent)
        texts = {attr.OUTCOME: outcome.value, attr.REASON: reason, attr.OUTPUT: output}
        for name, text in texts.items():
            if text:
                self._set(attempt.trial, name, text)
        with self._lock:
            self._add_read_off(attempt, outcome)
            self._tell(attempt, outcome)
            self._show(attempt.trial.number)
        if ending.is_fatal:
            raise StudyFileError(reason.partition(": ")[2] or reason)
        self._watch_errors(outcome, reason)

    def _write_epochs(self, attempt: Attempt) -> None:
        trial = attempt.trial
        reused = trial.user_attrs[attr.EPOCHS_REUSED]
        seconds = trial.user_attrs.get(attr.SECONDS, 0.0) + attempt.seconds
        self._set(trial, attr.SECONDS, round(seconds, 3))
        self._set(trial, attr.EPOCHS_TRAINED, max(0, attempt.epochs_done - reused))
        if attempt.outcome is Outcome.PRUNED:
            self._set(trial, attr.EPOCHS_PRUNED, attempt.epochs - attempt.epochs_done)

    def _set(self, trial: Trial, name: str, value: Any) -> None:
        patiently(lambda: trial.set_user_attr(name, value))

    def _tell(self, attempt: Attempt, outcome: Outcome) -> None:
        number = attempt.trial.number
        if outcome is Outcome.FINISHED:
            state, value = TrialState.COMPLETE, attempt.logs[attempt.epochs][self.task.metric]
        elif outcome is Outcome.FAILED:
            state, value = TrialState.FAIL, None
        else:  # the configuration's own doing: as FAIL the sampler would not learn of it
            state, value = TrialState.PRUNED, None
        try:
            patiently(lambda: self.study.tell(number, value, state, skip_if_finished=True))
        except RuntimeError as error:
            # so an exhaustive sampler says, having told, that nothing is left to ask for
            if "Study.stop" not in str(error):
                raise
            self.is_exhausted = True

    def _add_read_off(self, attempt: Attempt, outcome: Outcome) -> None:
        """If the curve was better at an earlier length of the space, add that trial.

        Of a trial that came to its end, better than its own end; of any other, better
        than the best so far, or the best would not be the best seen.
        """
        trial, metric, goal = attempt.trial, self.task.metric, self.task.goal
        distribution = trial.distributions.get("epochs")
        if distribution is None or "epochs" in self.plan.fixed:
            return
        lengths = {
            epoch: logs[metric]
            for epoch, logs in attempt.logs.items()
            if distribution._contains(distribution.to_internal_repr(epoch))
            and epoch in attempt.reported
        }
        best = find_best(self.study)
        to_beat = None if best is None else best.value
        if outcome is Outcome.FINISHED:
            to_beat = lengths.pop(attempt.epochs)
        epoch = min(lengths, key=lambda e: (goal.key(lengths[e]), e), default=None)
        if epoch is None or not goal.is_better(lengths[epoch], to_beat):
            return
        params = {**trial.params, "epochs": epoch}
        for other in self.study.get_trials(deepcopy=False):
            if other.user_attrs.get(attr.READ_OFF) == trial.number or other.params == params:
                return  # there already: by a launcher that did not live to tell, or by itself
        read_off = create_trial(
            state=TrialState.COMPLETE,
            value=lengths[epoch],
            params=params,
            distributions=trial.distributions,
            user_attrs={attr.READ_OFF: trial.number, attr.CURVE: attempt.curve.folder.name},
        )
        patiently(lambda: self.study.add_trial(read_off))

    def _show(self, number: int) -> None:
        """Let people see the trial and what was read off it, here and on its page."""
        best = find_best(self.study)
        for trial in self.study.get_trials(deepcopy=False):
            if trial.number == number or trial.user_attrs.get(attr.READ_OFF) == number:
                row = attr.row(trial)
                self._tell_view(lambda row=row: self.view.trial_ended(row, best))
                if best is not None and row.number == best.number:
                    write_note(self.study, self.record, best)
        write_trial_notes(self.study, number)

    def _tell_view(self, tell: Any) -> None:
        with self._lock:
            tell()

    def _watch_errors(self, outcome: Outcome, reason: str) -> None:
        with self._lock:
            if outcome is not Outcome.FAILED:
                self._errors.clear()
                return
            self._errors.append(reason)
            if self._errors[-N_ERRORS_ALIKE:] == [reason] * N_ERRORS_ALIKE:
                raise StudyFileError(
                    f"{N_ERRORS_ALIKE} trials in a row ended with {reason} "
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


def _n_counted(trials: Sequence[FrozenTrial]) -> int:
    return sum(attr.row(trial).is_counted for trial in trials)


def find_best(study: Study) -> attr.TrialRow | None:
    """The best finished trial, read-off ones included; None before there is one."""
    try:
        return attr.row(study.best_trial)
    except ValueError:
        return None
