"""A trial while a slot works on it: epochs in, verdicts out."""

from __future__ import annotations

import time
from threading import RLock
from typing import Any

from optuna.trial import Trial

from hpsearch.curves.curve import Curve
from hpsearch.goal import Goal, Logs
from hpsearch.messages import Verdict
from hpsearch.processes.stop import StopRequest
from hpsearch.searching.schedule import Schedule
from hpsearch.searching.view import View
from hpsearch.study.optuna_internals import frozen, report
from hpsearch.study.trials import Attr, Outcome, onset_attrs
from hpsearch.task import Params, epochs_of


class Attempt:
    """Watches a curve for a trial: reports each epoch, and asks whether to continue.

    Args:
        trial: A running trial.
        params: Complete: `epochs` and `batch_size` included.
        goal: The task's goal.
        schedule: Says whether the trial may continue.
        stop: A request to stop pauses it.
        view: Shows epochs.
        lock: Held while the schedule is asked.
    """

    def __init__(
        self,
        trial: Trial,
        params: Params,
        goal: Goal,
        schedule: Schedule,
        stop: StopRequest,
        view: View,
        lock: RLock,
    ) -> None:
        self.trial, self.params, self.goal = trial, params, goal
        self.schedule, self.stop, self.view, self.lock = schedule, stop, view, lock
        self.epochs = epochs_of(params)
        self.curve: Curve | None = None
        self.logs: dict[int, Logs] = {}
        self.outcome: Outcome | None = None
        """Set once it is decided."""
        self.is_paused = False
        stored = frozen(trial)
        self.reported = dict(stored.intermediate_values)
        """Intermediate values by epoch, this launcher's and earlier ones'."""
        with lock:
            self._judged_below = schedule.judged_below(stored)
        self._n_stored = 0
        self._began_s = time.monotonic()

    @property
    def epochs_done(self) -> int:
        return max(self.logs, default=0)

    def begins(self, curve: Curve, n_stored: int) -> None:
        """Record the curve, which is another one if a library was upgraded."""
        self.curve, self._n_stored = curve, n_stored
        if self.trial.user_attrs.get(Attr.CURVE) != curve.name:
            self.trial.set_user_attr(Attr.EPOCHS_REUSED, n_stored)
            self.trial.set_user_attr(Attr.CURVE, curve.name)  # written last
        with self.lock:
            self.view.curve_begun(self.trial.number, self.params, curve.name)

    def epoch_done(self, epoch: int, logs: Logs, *, is_stored: bool) -> Verdict:
        """Report an epoch, and judge whether training continues."""
        assert self.curve is not None
        value = self.goal.value(logs)
        self.logs[epoch] = logs
        with self.lock:
            self.view.epoch_reached(self.trial.number, epoch, logs)
        if not self.goal.is_finite(logs):
            self.outcome = Outcome.DIVERGED
            return Verdict.STOP
        if self.reported.get(epoch) != value:  # replaces values of an earlier curve
            report(self.trial, value, epoch)
            self.reported[epoch] = value
        with self.lock:
            if not is_stored:
                self.view.epoch_done(self.trial.number, epoch, value, logs)
            self.schedule.reached(self.trial, self.curve.name, epoch, value)
            if epoch == self.epochs or epoch < self._n_stored:
                return Verdict.GO_ON
            goes_on = self.schedule.may_go_on(
                self.trial, self.curve.name, epoch, judged_below=self._judged_below
            )
        self._judged_below = epoch + 1
        if not goes_on:
            self.outcome = Outcome.PRUNED
        elif self.stop.is_asked:
            self.is_paused = True
        else:
            return Verdict.GO_ON
        return Verdict.STOP

    def write_epochs(self) -> None:
        """Store the trial's epochs and time over all attempts."""
        attrs = self.trial.user_attrs
        seconds = attrs.get(Attr.SECONDS, 0.0) + time.monotonic() - self._began_s
        self._set(Attr.SECONDS, round(seconds, 3))
        n_trained = max(0, self.epochs_done - attrs.get(Attr.EPOCHS_REUSED, 0))
        self._set(Attr.EPOCHS_TRAINED, n_trained)
        if self.outcome is Outcome.PRUNED:
            self._set(Attr.EPOCHS_PRUNED, self.epochs - self.epochs_done)

    def write_onset(self) -> None:
        """Store when overfitting began."""
        for name, value in onset_attrs(self.logs).items():
            self._set(name, value)

    def write_outcome(self, outcome: Outcome, reason: str, output: str) -> None:
        """Store how the trial ended. Empty texts are stored only over earlier ones."""
        texts = {Attr.OUTCOME: outcome.value, Attr.REASON: reason, Attr.OUTPUT: output}
        for name, text in texts.items():
            if text or name in self.trial.user_attrs:
                self._set(name, text)

    def _set(self, name: str, value: Any) -> None:
        self.trial.set_user_attr(name, value)
