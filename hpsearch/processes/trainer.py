"""Take a curve to an epoch: stored epochs are read off, the rest are trained.

Search, evaluation and `check --train` all train this way. A trial process that dies is
restarted where its curve ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hpsearch.curves.curve import Curve
from hpsearch.curves.store import CurveStore, key_of, network_of
from hpsearch.data.arrays import Prepared
from hpsearch.errors import DataError
from hpsearch.goal import Goal, Logs
from hpsearch.messages import TRAIN, EpochDone, Job, Verdict
from hpsearch.processes.runner import Runner
from hpsearch.processes.stop import StopRequest
from hpsearch.processes.supervisor import NO_LIMITS, Ending, How, Limits, supervise
from hpsearch.study_file import StudyFile
from hpsearch.task import Params, epochs_of

RETRIES = 2


class Watcher(Protocol):
    """Sees each epoch, and decides whether training continues."""

    def begins(self, curve: Curve, n_stored: int) -> None:
        """The curve is locked; `n_stored` of the requested epochs are stored."""

    def epoch_done(self, epoch: int, logs: Logs, *, is_stored: bool) -> Verdict:
        """An epoch was read off the curve, or trained."""


class UntilDiverged:
    """Stops training only if it diverges.

    Args:
        goal: The task's goal.
    """

    def __init__(self, goal: Goal) -> None:
        self.goal = goal

    def begins(self, curve: Curve, n_stored: int) -> None:
        """Nothing to do."""

    def epoch_done(self, epoch: int, logs: Logs, *, is_stored: bool) -> Verdict:
        """Stop if loss or metric is NaN or infinite."""
        return Verdict.GO_ON if self.goal.is_finite(logs) else Verdict.STOP


@dataclass(frozen=True, kw_only=True)
class Taken:
    """How far a curve was taken, and how that ended."""

    curve: Curve
    logs: list[Logs]
    """Keras's, of each epoch so far, up to the last requested one."""
    n_stored: int
    """How many of these epochs were read off the curve."""
    ending: Ending
    test: Logs = field(default_factory=dict)
    """The logs on the test split, if requested."""
    nodes: list[str] = field(default_factory=list)
    """The machines that trained, in this order; empty for the launcher's own."""


class Trainer:
    """Takes curves to an epoch, each in its own processes.

    Args:
        study_file: The text and task that a study stores.
        data: The prepared arrays.
        store: Where curves are kept.
        runner: Where trial processes come from.
        versions: Library versions, which a curve depends on.
        stop: A request to stop, checked between epochs and while waiting.
        n_threads: Threads of a trial process.
        limits: Limits of a trial process.
        retries: Restarts allowed for a dead trial process that makes no progress.
        process_name: What `ps` calls the trial processes.
        say: Called with each line of progress.
    """

    def __init__(
        self,
        study_file: StudyFile,
        data: Prepared,
        store: CurveStore,
        runner: Runner,
        *,
        versions: Mapping[str, str],
        stop: StopRequest,
        n_threads: int = 1,
        limits: Limits = NO_LIMITS,
        retries: int = RETRIES,
        process_name: str = "hpsearch",
        say: Callable[[str], object] = lambda text: None,
    ) -> None:
        self.study_file, self.data, self.store, self.runner = study_file, data, store, runner
        self.versions, self.stop, self.say = versions, stop, say
        self.n_threads, self.limits, self.retries = n_threads, limits, retries
        self.process_name = process_name
        self.network = network_of(study_file)

    def curve(
        self, params: Params, seed: int, fit_on: str = TRAIN, fold: int | None = None
    ) -> Curve:
        """Where the curve of some params is kept."""
        n_folds = self.study_file.task.folds
        key = key_of(
            params,
            seed=seed,
            data=self.data.fingerprint,
            network=self.network,
            versions=self.versions,
            fit_on=fit_on,
            fold=None if fold is None or n_folds is None else (fold, n_folds),
        )
        return self.store.curve(key)

    def take(
        self,
        params: Params,
        seed: int,
        watcher: Watcher,
        *,
        name: str,
        fit_on: str = TRAIN,
        fold: int | None = None,
        export: Path | None = None,
    ) -> Taken:
        """Take the curve of some params to their last epoch, or as far as it gets.

        Args:
            params: Complete: `epochs` and `batch_size` included.
            seed: The training seed.
            watcher: Sees each epoch, the stored ones first.
            name: What messages call it.
            fit_on: `TRAIN`, `TRAIN_AND_VALID` or `ALL_FOLDS`.
            fold: Which fold to hold out, with `TRAIN` and a task that has folds.
            export: Receives `model.keras`, once the last epoch was measured on test.

        Raises:
            DataError: The disk is full.
            NothingFinished: No trial process can be started.
        """
        curve, epochs = self.curve(params, seed, fit_on, fold), epochs_of(params)
        job = Job(
            study_file=self.study_file.text,
            study_file_name=self.study_file.filename,
            params=params,
            seed=seed,
            data=str(self.data.folder),
            curve=str(curve.folder),
            process_name=self.process_name,
            n_threads=self.n_threads,
            fit_on=fit_on,
            fold=fold,
            export=None if export is None else str(export),
        )
        progress, n_stored = _Progress(watcher), 0
        with self.store.locked(
            curve, lambda: self.stop.is_asked, lambda text: self.say(f"{name}: {text}")
        ) as is_held:
            if is_held:
                n_stored = len(curve.logs[:epochs])
                watcher.begins(curve, n_stored)
                progress.read(curve, epochs)
            if progress.is_stopped:
                ending = Ending(how=How.STOPPED)
            elif is_held and len(progress.logs) == epochs and export is None:
                ending = Ending(how=How.FINISHED)
            else:
                ending = self._train(job, curve, progress, name)
        logs = [progress.logs[epoch] for epoch in sorted(progress.logs)]
        return Taken(
            curve=curve,
            logs=logs,
            n_stored=n_stored,
            ending=ending,
            test=ending.test,
            nodes=list(filter(None, dict.fromkeys(progress.nodes))),
        )

    def _train(self, job: Job, curve: Curve, progress: _Progress, name: str) -> Ending:
        """Train what is missing, in as many processes as it takes."""
        epochs, deaths = epochs_of(job.params), 0
        while not self.stop.is_asked:
            n_before = len(progress.logs)
            ending = supervise(
                self.runner,
                job,
                answer=progress.answer,
                limits=self.limits,
                must_stop_now=lambda: self.stop.now,
                may_begin=lambda: not self.stop.is_asked,
            )
            progress.nodes.append(ending.node)
            if ending.is_machine_fault:
                raise DataError(f"{name}: {ending.reason}")
            progress.read(curve, epochs)  # the last epoch may be stored but not reported
            if job.export is None and len(progress.logs) == epochs:
                # all is trained, however the process ended
                return Ending(how=How.STOPPED if progress.is_stopped else How.FINISHED)
            if ending.how not in {How.KILLED, How.CRASHED, How.LOST} or progress.is_stopped:
                return ending
            if ending.how is not How.LOST:  # which is no fault of the network
                deaths = 1 if len(progress.logs) > n_before else deaths + 1
            if deaths > self.retries:
                return ending
            if not self.stop.is_asked:
                self.say(f"{name}: {ending.reason}; it continues after epoch {len(progress.logs)}")
        return Ending(how=How.INTERRUPTED)


class _Progress:
    """The epochs of a curve as they come in.

    Args:
        watcher: Sees each epoch once.
    """

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.logs: dict[int, Logs] = {}
        self.is_stopped = False
        self.nodes: list[str] = []
        """The machines that trained."""

    def read(self, curve: Curve, epochs: int) -> None:
        """Report stored epochs, up to the last requested one."""
        for epoch, logs in enumerate(curve.logs[:epochs], 1):
            if not self.is_stopped and epoch not in self.logs:
                self._note(epoch, logs, is_stored=True)

    def answer(self, message: EpochDone) -> Verdict:
        """Report a trained epoch; one that is trained again was reported before."""
        if message.epoch not in self.logs:
            self._note(message.epoch, message.logs, is_stored=False)
        return Verdict.STOP if self.is_stopped else Verdict.GO_ON

    def _note(self, epoch: int, logs: Logs, *, is_stored: bool) -> None:
        self.logs[epoch] = logs
        verdict = self.watcher.epoch_done(epoch, logs, is_stored=is_stored)
        self.is_stopped = verdict is Verdict.STOP
