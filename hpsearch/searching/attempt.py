"""A trial while a slot works on it: epochs in, verdicts out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from threading import RLock
from typing import Any

from optuna.trial import FrozenTrial, Trial

from hpsearch.curves.curve import Curve, mean_logs
from hpsearch.goal import Goal, Logs
from hpsearch.messages import Verdict
from hpsearch.processes.stop import StopRequest
from hpsearch.searching.rungs import Mark
from hpsearch.searching.schedule import Schedule
from hpsearch.searching.view import View
from hpsearch.study.optuna_internals import frozen, report, set_user_attrs
from hpsearch.study.rounds import Round, as_stored, name_round, read_rounds, values_of
from hpsearch.study.trials import NODES_APART, Attr, Outcome, onset_attrs
from hpsearch.task import Params, epochs_of


class Attempt:
    """Watches a trial's rounds: reports each epoch, and asks whether to continue.

    Args:
        trial: A running trial.
        slot: The number of the slot.
        params: Complete: `epochs` and `batch_size` included.
        rounds: What the trial consists of: one for each fold and seed.
        goal: The task's goal.
        schedule: Says whether the trial may continue.
        stop: A request to stop pauses it.
        view: Shows epochs.
        lock: Held while the schedule is asked.
    """

    def __init__(
        self,
        trial: Trial,
        slot: int,
        params: Params,
        rounds: Sequence[Round],
        goal: Goal,
        schedule: Schedule,
        stop: StopRequest,
        view: View,
        lock: RLock,
    ) -> None:
        self.trial, self.slot, self.params, self.goal = trial, slot, params, goal
        self.schedule, self.stop, self.view, self.lock = schedule, stop, view, lock
        self.epochs = epochs_of(params)
        """Of each round."""
        self.rounds = list(rounds)
        self.curve: Curve | None = None
        """Of the first round."""
        self.outcome: Outcome | None = None
        """Set once it is decided."""
        self.is_paused = False
        self._logs: list[dict[int, Logs]] = [{}]
        """By epoch, of each round so far."""
        stored = frozen(trial)
        self._restore(stored)
        self.reported = dict(stored.intermediate_values)
        """Intermediate values by epoch, this launcher's and earlier ones'."""
        self._judged_below = schedule.judged_below(stored)
        self._n_stored = 0
        self._began_s = time.monotonic()

    @property
    def now(self) -> Round:
        """The round under way."""
        return self.rounds[self._n_ended]

    @property
    def name(self) -> str:
        """`trial 3`, or `trial 3, fold 2`."""
        return ", ".join(filter(None, (f"trial {self.trial.number}", self._round_name)))

    @property
    def place(self) -> str:
        """`epoch 7`, or `epoch 7 of fold 2`."""
        return " of ".join(filter(None, (f"epoch {len(self._logs[-1])}", self._round_name)))

    @property
    def logs(self) -> dict[int, Logs]:
        """Keras's logs by epoch, as means over the rounds so far."""
        return dict(enumerate(mean_logs([list(one.values()) for one in self._logs]), 1))

    @property
    def epochs_done(self) -> int:
        """In all rounds together."""
        return sum(map(len, self._logs))

    @property
    def _n_ended(self) -> int:
        return len(self._logs) - 1

    @property
    def _round_name(self) -> str:
        return name_round(self.now, self.rounds)

    def begins(self, curve: Curve, n_stored: int) -> None:
        """Record the slot and the curve, which is another one if a library was upgraded."""
        self._n_stored = n_stored
        attrs: dict[str, Any] = {}
        if self.curve is None:
            self.curve = curve
            self.view.curve_begun(self.trial.number, self.params, curve.name)
            attrs[Attr.SLOT] = self.slot
        if self.now.curve != curve.name:
            attrs |= self._begin(curve, n_stored)
        if attrs:
            self._set(attrs)

    def epoch_done(self, epoch: int, logs: Logs, *, is_stored: bool) -> Verdict:
        """Report an epoch, and judge whether training continues.

        After the first round, trials are judged between rounds only.
        """
        assert self.curve is not None
        value = self.goal.value(logs)
        self._logs[-1][epoch] = logs
        n_epochs = self._n_ended * self.epochs + epoch
        self.view.epoch_reached(self.trial.number, n_epochs, logs)
        if not self.goal.is_finite(logs):
            self.outcome = Outcome.DIVERGED
            return Verdict.STOP
        is_first, mark = self._n_ended == 0, Mark(0, epoch)
        if is_first and self.reported.get(epoch) != value:  # replaces values of an earlier curve
            report(self.trial, value, epoch)
            self.reported[epoch] = value
        if not is_stored:
            self.view.epoch_done(self.trial.number, n_epochs, value, logs)
        with self.lock:
            if is_first:
                self.schedule.reached(self.trial, self.curve.name, mark, value)
            if epoch == self.epochs or epoch < self._n_stored:
                return Verdict.GO_ON
            goes_on = self._may_go_on(mark) if is_first else True
        return Verdict.GO_ON if self._goes_on(goes_on) else Verdict.STOP

    def next_round(self) -> bool:
        """Note the value of a round that was trained in full, and begin the next.

        Returns:
            Whether there is a next round, and the trial may go on.
        """
        n, value = self._n_ended + 1, self.goal.value(self._logs[-1][self.epochs])
        if len(self.rounds) == 1:
            return False
        if self.now.value != value:
            self.rounds[n - 1] = replace(self.now, value=value)
            self._set(self._rounds())
        if n == len(self.rounds):
            return False
        assert self.curve is not None
        mark, mean = Mark(n, 0), fmean(values_of(self.rounds[:n]))
        with self.lock:
            self.schedule.reached(self.trial, self.curve.name, mark, mean)
            goes_on = self._may_go_on(mark)
        if not self._goes_on(goes_on):
            return False
        self._logs.append({})
        return True

    def rounds_at(self, epoch: int) -> list[Round]:
        """The rounds as they were after an epoch; all of them have ended."""
        return [
            replace(one, value=self.goal.value(logs[epoch]))
            for one, logs in zip(self.rounds, self._logs, strict=True)
        ]

    def _begin(self, curve: Curve, n_stored: int) -> dict[str, Any]:
        """Let the round under way have a curve; what to store of that."""
        n = self._n_ended
        begun = replace(self.now, curve=curve.name, n_stored=n_stored, value=None)
        # with another curve, what later rounds came to is of no use
        self.rounds[n:] = [begun, *(Round(seed=o.seed, fold=o.fold) for o in self.rounds[n + 1 :])]
        attrs = {Attr.EPOCHS_REUSED: sum(one.n_stored for one in self.rounds), **self._rounds()}
        return {Attr.CURVE: curve.name, **attrs} if n == 0 else attrs

    def _may_go_on(self, mark: Mark) -> bool:
        assert self.curve is not None
        judged_below = self._judged_below
        self._judged_below = max(judged_below, Mark(mark.rounds, mark.epochs + 1))
        return self.schedule.may_go_on(self.trial, self.curve.name, mark, judged_below=judged_below)

    def _goes_on(self, may: bool) -> bool:
        """Whether training continues; if not, the outcome says why, or that it is paused."""
        if not may:
            self.outcome = Outcome.PRUNED
        elif self.stop.is_asked:
            self.is_paused = True
        return may and not self.is_paused

    def _restore(self, stored: FrozenTrial) -> None:
        """Take over what earlier attempts stored of the rounds."""
        attrs = stored.user_attrs
        if len(self.rounds) == 1:
            reused = attrs.get(Attr.EPOCHS_REUSED, 0)
            self.rounds[0] = replace(self.now, curve=attrs.get(Attr.CURVE), n_stored=reused)
        elif Attr.ROUNDS in attrs:
            self.rounds = list(read_rounds(attrs[Attr.ROUNDS]))

    def write_epochs(self) -> None:
        """Store the trial's epochs and time over all attempts."""
        self._set(self._epochs(self.trial.user_attrs))

    def write_nodes(self, names: Sequence[str]) -> None:
        """Add to the machines that the trial ran on; the launcher's own is none of them."""
        if names:
            stored = self.trial.user_attrs.get(Attr.NODE)
            known = [] if stored is None else str(stored).split(NODES_APART)
            self._set({Attr.NODE: NODES_APART.join(dict.fromkeys([*known, *names]))})

    def write_end(self, outcome: Outcome, reason: str, output: str) -> None:
        """Store how the trial ended, its epochs, and when overfitting began.

        Empty texts are stored only over earlier ones.
        """
        stored = self.trial.user_attrs
        texts = {Attr.OUTCOME: outcome.value, Attr.REASON: reason, Attr.OUTPUT: output}
        self._set(
            {
                **self._epochs(stored),
                **onset_attrs(self.logs),
                **{name: text for name, text in texts.items() if text or name in stored},
            }
        )

    def _epochs(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        seconds = stored.get(Attr.SECONDS, 0.0) + time.monotonic() - self._began_s
        attrs = {
            Attr.SECONDS: round(seconds, 3),
            Attr.EPOCHS_TRAINED: max(0, self.epochs_done - stored.get(Attr.EPOCHS_REUSED, 0)),
        }
        if self.outcome is Outcome.PRUNED:
            attrs[Attr.EPOCHS_PRUNED] = self.epochs * len(self.rounds) - self.epochs_done
        return attrs

    def _rounds(self) -> dict[str, Any]:
        if len(self.rounds) == 1:
            return {Attr.CURVE: self.rounds[0].curve}
        return {Attr.ROUNDS: as_stored(self.rounds)}

    def _set(self, attrs: Mapping[str, Any]) -> None:
        set_user_attrs(self.trial, attrs)
