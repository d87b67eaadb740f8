"""A request to stop: after the running epochs, or now."""

from __future__ import annotations

import time
from enum import StrEnum


class Stop(StrEnum):
    """Why a search came to its end."""

    BUDGET = "the budget is spent"
    EXHAUSTED = "every combination was tried"
    TIMEOUT = "the time is up"
    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"
    ERROR = "an error"


class StopRequest:
    """What signals, errors and a deadline ask for, and slots look at.

    Signal handlers write it, so it takes no lock.

    Args:
        timeout_s: Seconds from now until no new epoch is to begin; None for no deadline.
    """

    def __init__(self, timeout_s: float | None = None) -> None:
        self.now = False
        """Whether running epochs are not to be waited for either."""
        self._why: Stop | None = None
        self._deadline_s = None if timeout_s is None else time.monotonic() + timeout_s

    @property
    def why(self) -> Stop | None:
        """Why no new epoch is to begin; None while nothing asks for that."""
        is_late = self._deadline_s is not None and time.monotonic() > self._deadline_s
        if self._why is None and is_late:
            self._why = Stop.TIMEOUT
        return self._why

    @property
    def is_asked(self) -> bool:
        """Whether no new epoch is to begin."""
        return self.why is not None

    def after_epochs(self, why: Stop) -> None:
        """Let running epochs finish."""
        self._why = why

    def at_once(self, why: Stop) -> None:
        """Stop now; what runs goes on from its last epoch another time."""
        self._why, self.now = why, True
