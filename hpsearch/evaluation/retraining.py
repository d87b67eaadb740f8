"""Retraining: given params with given seeds, in slots, through the store of curves.

What was trained before is read off; what was interrupted continues after its last epoch.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from hpsearch.curves.curve import Curve
from hpsearch.curves.store import key_of, network_of
from hpsearch.errors import NothingFinished
from hpsearch.goal import Logs
from hpsearch.messages import TRAIN, EpochDone, Job, Verdict
from hpsearch.processes.runner import Runner
from hpsearch.processes.signals import handled
from hpsearch.processes.slots import side_by_side
from hpsearch.processes.supervisor import Ending, How, Limits, supervise
from hpsearch.study_file import StudyFile
from hpsearch.task import Params, epochs_of

Result = TypeVar("Result")

# Sums come out differently with other numbers of threads. With one, the figures do not
# depend on how many slots or cores there were, and an exported script can repeat them.
N_THREADS = 1


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """A network to be trained anew."""

    name: str
    """What messages call it."""
    params: Params
    """Complete: `epochs` and `batch_size` included."""
    seed: int
    fit_on: str = TRAIN

    @property
    def epochs(self) -> int:
        return epochs_of(self.params)

    def __str__(self) -> str:
        return f"{self.name} on {self.fit_on} with seed {self.seed}"


class Retrainer:
    """Trains, and measures on test, in processes of their own.

    Args:
        study_file: The text and task that the study stores.
        data: The folder of the prepared arrays.
        fingerprint: Theirs.
        curves: The folder of all curves.
        versions: What a curve depends on beside its params.
        process_name: What `ps` calls the trial processes.
        n_slots: How many train at a time.
        runner: Starts trial processes.
        say: Takes a line of progress.
    """

    def __init__(
        self,
        study_file: StudyFile,
        *,
        data: Path,
        fingerprint: str,
        curves: Path,
        versions: Mapping[str, str],
        process_name: str,
        n_slots: int,
        runner: Runner,
        say: Callable[[str], None],
    ) -> None:
        self.study_file, self.goal = study_file, study_file.task.goal
        self.metric = self.goal.metric
        self.data, self.fingerprint, self.curves = data, fingerprint, curves
        self.versions, self.n_slots, self.runner, self.say = versions, n_slots, runner, say
        self.process_name = process_name
        self.network = network_of(study_file)
        self.signal: int | None = None
        self._error: BaseException | None = None
        self._must_stop = threading.Event()

    def train(self, retrainings: Sequence[Retraining]) -> list[list[Logs]]:
        """Train each to its last epoch, or to the one in which it diverged.

        Returns:
            Keras's logs of the epochs of each, in the order of the retrainings.

        Raises:
            NothingFinished: One of them failed; says which and why. What the others have
                trained is kept for the next time.
            KeyboardInterrupt: Stopped by Ctrl-C.
            SystemExit: Stopped by another signal.
        """
        # the long ones first: slots come to rest together, shorter ones read theirs off
        order = sorted(range(len(retrainings)), key=lambda i: -retrainings[i].epochs)
        logs = self._in_slots(self._train, [retrainings[i] for i in order])
        return [logs[order.index(i)] for i in range(len(retrainings))]

    def measure(self, retrainings: Sequence[Retraining], folder: Path) -> list[Logs]:
        """Measure each on test, after its last epoch; opens the test split.

        Args:
            retrainings: Trained before, by `train`.
            folder: Takes `model.keras` of the first one.

        Returns:
            Keras's logs on the test split, in the order of the retrainings.

        Raises:
            NothingFinished: One of them failed; says which and why.
            KeyboardInterrupt: Stopped by Ctrl-C.
            SystemExit: Stopped by another signal.
        """

        def measure(numbered: tuple[int, Retraining]) -> Logs:
            number, retraining = numbered
            # a process saves what it measures: all but the first lie aside until the end
            place = folder if number == 0 else folder / f"aside-{number}"
            curve = self.curve(retraining)
            with FileLock(curve.folder / ".lock"):
                ending = self._supervise(retraining, export=place)
            if number > 0:
                (place / "model.keras").unlink(missing_ok=True)
                place.rmdir()
            return ending.test

        return self._in_slots(measure, list(enumerate(retrainings)))

    def curve(self, retraining: Retraining) -> Curve:
        """Where the learning curve is kept."""
        key = key_of(
            retraining.params,
            seed=retraining.seed,
            data=self.fingerprint,
            network=self.network,
            versions=self.versions,
            fit_on=retraining.fit_on,
        )
        return Curve(self.curves / key)

    def has_diverged(self, logs: Sequence[Logs]) -> bool:
        """Whether loss or metric are no numbers any more after some epoch."""
        return not all(self.goal.is_finite(of_epoch) for of_epoch in logs)

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Let Ctrl-C, SIGTERM and SIGHUP stop the processes at once; epochs done stay."""

        def on_signal(number: int, _frame: object) -> None:
            self.signal = number
            self._must_stop.set()
            self.say("stopping; the same command goes on from the last epochs")

        with handled(dict.fromkeys(("SIGINT", "SIGTERM", "SIGHUP"), on_signal)):
            yield

    def _in_slots(self, act: Callable[..., Result], items: Sequence[object]) -> list[Result]:
        def guarded(item: object) -> Result | None:
            if self._must_stop.is_set():
                return None
            try:
                return act(item)
            except BaseException as error:  # noqa: BLE001  # raised when all slots have heard
                self._error = self._error or error
                self._must_stop.set()
                return None

        results = side_by_side(self.n_slots, guarded, items)
        if self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        if self.signal is not None:
            raise SystemExit(128 + self.signal)
        if self._error is not None:
            raise self._error
        return results  # type: ignore[return-value]  # None only where an error was raised

    def _train(self, retraining: Retraining) -> list[Logs]:
        curve, epochs = self.curve(retraining), retraining.epochs
        curve.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(curve.folder / ".lock"):  # two may want the same curve
            stored = curve.logs[:epochs]
            if len(stored) == epochs or self.has_diverged(stored):
                return stored
            self._supervise(retraining)
        logs = curve.logs[:epochs]
        if not self.has_diverged(logs):
            self.say(f"trained {retraining}: {self._figure(logs[-1])}")
        return logs

    def _supervise(self, retraining: Retraining, export: Path | None = None) -> Ending:
        """Run a retraining to its end.

        Raises:
            NothingFinished: It came to another end.
        """
        job = Job(
            study_file=self.study_file.text,
            study_file_name=self.study_file.filename,
            params=retraining.params,
            seed=retraining.seed,
            data=str(self.data),
            curve=str(self.curve(retraining).folder),
            n_threads=N_THREADS,
            process_name=self.process_name,
            fit_on=retraining.fit_on,
            export=None if export is None else str(export),
        )

        def answer(message: EpochDone) -> Verdict:
            return Verdict.GO_ON if self.goal.is_finite(message.logs) else Verdict.STOP

        ending = supervise(
            self.runner,
            job,
            answer=answer,
            limits=Limits(),
            must_stop_now=self._must_stop.is_set,
        )
        if ending.how not in {How.FINISHED, How.STOPPED}:
            reason = ending.reason or ending.how.value
            raise NothingFinished(f"retraining {retraining} failed: {reason}; nothing was recorded")
        return ending

    def _figure(self, logs: Logs) -> str:
        name = self.metric if self.metric in logs else "loss"
        return f"{name} {logs[name]:.4f}"
