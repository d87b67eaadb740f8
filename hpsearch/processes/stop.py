"""A request to stop: after the running epochs, or now."""

from __future__ import annotations

import time
from enum import StrEnum


class Stop(StrEnum):
    """Why a search ended."""

    BUDGET = "the budget is spent"
    EXHAUSTED = "every combination was tried"
    TIMEOUT = "the time is up"
    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"
    ERROR = "an error"

    @property
    def is_end(self) -> bool:
        """Whether all was done that was to be done: the same command would add nothing."""
        return self in {Stop.BUDGET, Stop.EXHAUSTED}


class StopRequest:
    """A request to stop, from signals, errors or a deadline, which slots check.

    Signal handlers set it, so it takes no lock.

    Args:
        timeout_s: Seconds from now after which no new epoch starts; None for no deadline.
    """

    def __init__(self, timeout_s: float | None = None) -> None:
        self.now = False
        """Whether to cut off running epochs, too."""
        self._why: Stop | None = None
        self._deadline_s = None if timeout_s is None else time.monotonic() + timeout_s

    @property
    def why(self) -> Stop | None:
        """Why no new epoch may start; None without a request."""
        is_late = self._deadline_s is not None and time.monotonic() > self._deadline_s
        if self._why is None and is_late:
            self._why = Stop.TIMEOUT
        return self._why

    @property
    def is_asked(self) -> bool:
        """Whether a stop was requested: no new epoch may start."""
        return self.why is not None

    def after_epochs(self, why: Stop) -> None:
        """Let running epochs finish."""
        self._why = why

    def at_once(self, why: Stop) -> None:
        """Stop now; trials can be resumed from their last epoch."""
        self._why, self.now = why, True
