"""Hooks that report a search's progress."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from hpsearch.goal import Logs
from hpsearch.study.configurations import Configuration
from hpsearch.study.trials import TrialRow
from hpsearch.task import Params


class View:
    """Shows nothing. A search calls its hooks from all slots, one at a time."""

    def search_started(
        self, title: str, n_trials: int, n_before: int, n_slots: int, n_epochs: float
    ) -> None:
        """The search starts; `n_before` of the `n_trials` are already done.

        `n_epochs` may still be trained; infinitely many without such a budget.
        """

    def trial_started(self, number: int, params: Params, epochs: int) -> None:
        """A slot started or resumed a trial."""

    def curve_begun(self, number: int, params: Params, curve: str) -> None:
        """A trial that was started begins its curve, or continues it."""

    def epoch_reached(self, number: int, epoch: int, logs: Logs) -> None:
        """A trial's curve has reached an epoch, trained now or stored before."""

    def epoch_done(self, number: int, epoch: int, value: float, logs: Logs) -> None:
        """A trial's epoch was trained."""

    def trial_ended(self, row: TrialRow, best: Configuration | None) -> None:
        """A trial ended; `best` is the incumbent."""

    def trial_paused(self, number: int) -> None:
        """A trial was paused and waits to be resumed."""

    def slots_changed(self, n_slots: int) -> None:
        """Nodes came or went: so many trials can run at a time now."""

    def say(self, text: str) -> None:
        """Show a line of text."""


HOOKS = [name for name in vars(View) if not name.startswith("_")]


def one_at_a_time(view: View) -> View:
    """A view whose hooks may be called from several threads: `view` is called by one at a time."""
    lock = threading.RLock()

    def waiting(hook: Callable[..., None]) -> Callable[..., None]:
        def call(*args: Any, **kwargs: Any) -> None:
            with lock:
                hook(*args, **kwargs)

        return call

    safe = View()
    for name in HOOKS:
        setattr(safe, name, waiting(getattr(view, name)))
    return safe
