"""Waiting for something to happen; only what hangs is given up."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

HANG_S = 600
"""Nothing in a test takes longer, not on a slow and busy machine either: it hangs."""


def is_alive(pid: int) -> bool:
    """Whether a process runs, or at least exists and is not a zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], object]) -> None:
    """Look again and again until a condition holds.

    Raises:
        AssertionError: It did not within `HANG_S`.
    """
    deadline = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
