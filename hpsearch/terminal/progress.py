"""How far a search has come, and how long it will take."""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from hpsearch.study.trials import Outcome, TrialRow
from hpsearch.task import Params
from hpsearch.terminal.durations import describe_seconds

N_BEFORE_ESTIMATE = 3  # trials that must end before their mean says anything
N_RECENT = 8  # trials that the estimate is made from


@dataclass
class Running:
    """A trial that a slot works on."""

    params: Params
    epochs: int
    """That it asks for."""
    epoch: int = 0
    value: float | None = None
    seconds: list[float] = field(default_factory=list)
    """Of each epoch that was trained, not reused."""

    @property
    def left_s(self) -> float | None:
        """Until its last epoch, if nothing stops it before; None before its first."""
        if not self.seconds:
            return None
        return statistics.median(self.seconds) * (self.epochs - self.epoch)


@dataclass
class Progress:
    """A search under way."""

    clock: Callable[[], float] = time.monotonic
    n_trials: int = 0
    """The budget."""
    n_slots: int = 1
    n_before: int = 0
    """Trials that were done before this launcher began."""
    n_epochs: float = math.inf
    """Epochs that this launcher may train; infinite without such a budget."""
    n_epochs_done: int = 0
    """Epochs that it has trained."""
    n_free: int = 0
    """Trials that ended and took nothing from the budget."""
    running: dict[int, Running] = field(default_factory=dict)
    counts: Counter[Outcome] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)
    """The time that each trial took, but for those that were read off."""
    began_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.began_s = self.clock()

    def begin(self, n_trials: int, n_before: int, n_slots: int, n_epochs: float) -> None:
        """Note the budget, when the search starts."""
        self.n_trials, self.n_before, self.n_slots = n_trials, n_before, n_slots
        self.n_epochs = n_epochs

    @property
    def has_epochs(self) -> bool:
        """Whether the budget is one of epochs."""
        return math.isfinite(self.n_epochs)

    def describe_done(self) -> str:
        """`7 of 40 trials`, or of the epochs, if they are the budget."""
        if self.has_epochs:
            return f"{self.n_epochs_done} of {self.n_epochs:.0f} epochs"
        return f"{self.n_done} of {self.n_trials} trials"

    @property
    def n_done(self) -> int:
        """Trials of the budget that are done."""
        return self.n_before + self.counts.total() - self.n_free

    @property
    def elapsed_s(self) -> float:
        return self.clock() - self.began_s

    @property
    def left_s(self) -> float | None:
        """A guess at the time left; None while it is too early for one.

        Once the budget holds no more trials, it is the time that the running ones need; how
        many will be promoted after them, nobody knows.
        """
        if self.has_epochs and self.n_epochs_done < self.n_epochs:
            if len(self.took_s) < N_BEFORE_ESTIMATE:
                return None
            return self.elapsed_s / self.n_epochs_done * (self.n_epochs - self.n_epochs_done)
        if self.n_done < self.n_trials and not self.has_epochs:
            if len(self.took_s) < N_BEFORE_ESTIMATE:
                return None
            mean_s = statistics.fmean(self.took_s[-N_RECENT:])
            return mean_s * (self.n_trials - self.n_done) / max(1, self.n_slots)
        known = [one.left_s for one in self.running.values() if one.left_s is not None]
        return max(known, default=None)

    def ended(self, row: TrialRow) -> Running | None:
        """Count a trial; returns what was known while it ran."""
        self.counts[row.outcome] += 1
        self.n_free += row.is_free
        if row.read_off is None:
            self.took_s.append(row.seconds)
        return self.running.pop(row.number, None)

    def describe_left(self) -> str:
        """`about 3m 10s left`; empty while it is too early to tell."""
        left_s = self.left_s
        if left_s is None:
            return ""
        is_spent = self.n_epochs_done >= self.n_epochs or self.n_done >= self.n_trials
        more = ", then perhaps promoted trials" if is_spent else ""
        return f"about {describe_seconds(left_s)} left{more}"
