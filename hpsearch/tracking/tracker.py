"""A tracker: a program elsewhere that keeps the curves and params of trials."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Protocol

from hpsearch.goal import Logs
from hpsearch.study.trials import BROKEN, Outcome
from hpsearch.task import Params

FAILURES = BROKEN | {Outcome.FAILED}
"""Outcomes of which a tracker hears as failures."""

CLOSING_S = 20.0  # how long the end of a search waits for a tracker


class Tracker(Protocol):
    """Keeps a run for each trial; called from one thread. Errors of any kind may be raised."""

    def begin(self, number: int, params: Params, curve: str) -> int:
        """A trial starts on a curve, or goes on with it in another search.

        Returns:
            The last epoch of that trial and curve that was logged; 0 if none was.
        """

    def log(self, number: int, epoch: int, logs: Logs) -> None:
        """The logs of an epoch of a trial that began; each epoch comes once, in order, from 1."""

    def end(self, number: int, outcome: Outcome | None) -> None:
        """A trial that began has ended; without an outcome it is paused, and may begin again."""

    def close(self) -> None:
        """Nothing more comes."""


class Feed:
    """Tells a tracker in a thread of its own, so that no search waits for it or fails with it.

    After its first error the tracker is told nothing more, and `say` is called once.

    Args:
        tracker: Whom to tell.
        name: What messages call it.
        say: Shows a line of text.
    """

    def __init__(self, tracker: Tracker, name: str, say: Callable[[str], None]) -> None:
        self._tracker, self._name, self._say = tracker, name, say
        self._logged: dict[int, int] = {}  # the last epoch, by trial
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"log {name}", daemon=True)
        self._thread.start()

    def begin(self, number: int, params: Params, curve: str) -> None:
        """As of a tracker; returns at once."""
        self._calls.put(lambda: self._begin(number, params, curve))

    def log(self, number: int, epoch: int, logs: Logs) -> None:
        """As of a tracker, which is told no epoch again; returns at once."""
        self._calls.put(lambda: self._log(number, epoch, logs))

    def end(self, number: int, outcome: Outcome | None) -> None:
        """As of a tracker; returns at once."""
        self._calls.put(lambda: self._end(number, outcome))

    def close(self, wait_s: float = CLOSING_S) -> None:
        """Wait until the tracker was told everything, but not for ever."""
        self._calls.put(self._tracker.close)
        self._calls.put(None)
        self._thread.join(wait_s)
        if self._thread.is_alive():
            self._say(f"--log {self._name} did not take the last epochs in {wait_s:.0f} s")

    def _begin(self, number: int, params: Params, curve: str) -> None:
        if number not in self._logged:  # else its process was started again
            self._logged[number] = self._tracker.begin(number, params, curve)

    def _log(self, number: int, epoch: int, logs: Logs) -> None:
        if epoch > self._logged[number]:
            self._tracker.log(number, epoch, logs)
            self._logged[number] = epoch

    def _end(self, number: int, outcome: Outcome | None) -> None:
        if self._logged.pop(number, None) is not None:  # it got as far as to have a curve
            self._tracker.end(number, outcome)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call()
            except Exception as error:
                reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
                self._say(f"--log {self._name} ends, and the search goes on: {reason}")
                return
