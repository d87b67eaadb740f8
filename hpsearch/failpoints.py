"""Failpoints: steps after which a test makes hpsearch fail.

    HPSEARCH_TESTING=hits HPSEARCH_FAILPOINT=stored:7:kill hpsearch run digits

Whatever a crash can leave behind is decided where something becomes durable: at a write to
the storage, and at the renaming of a file or folder. So these few steps stand for all others:
ask, report, tell, promotion, read-off, checkpoint, opening, export, report and copy.

`HPSEARCH_TESTING` names a file that gets a byte for each hit: hits are counted over all
processes of a command, and over those that follow. Without it, `HPSEARCH_FAILPOINT` is refused.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from enum import StrEnum

from hpsearch.errors import UsageError

VARIABLE = "HPSEARCH_FAILPOINT"
TESTING = "HPSEARCH_TESTING"
LONG_S = 3600.0


class Step(StrEnum):
    """Where hpsearch can be made to fail."""

    STORED = "stored"
    """A write to the storage has succeeded."""
    FILE_WRITTEN = "file-written"
    """A file has all its content, under a temporary name."""
    FILE_RENAMED = "file-renamed"
    """It has its own name."""
    FOLDER_WRITTEN = "folder-written"
    """A folder has all its files, under a temporary name."""
    FOLDER_RENAMED = "folder-renamed"
    """It has its own name."""


class Action(StrEnum):
    """How to fail."""

    KILL = "kill"
    """As by `kill -9`."""
    RAISE = "raise"
    """As by a bug."""
    ENOSPC = "enospc"
    """As on a full disk."""
    SLEEP = "sleep"
    """Wait there for somebody to kill or to look."""


def failpoint(step: Step) -> None:
    """Fail here if the environment says so.

    Raises:
        UsageError: What it says cannot be used.
        RuntimeError: As asked.
        OSError: As asked.
    """
    asked = os.environ.get(VARIABLE)
    if asked is None:
        return
    wanted, nth, action = _parse(asked)
    if step is not wanted or _count_hit() != nth:
        return
    match action:
        case Action.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Action.RAISE:
            raise RuntimeError(f"failpoint {asked}")
        case Action.ENOSPC:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"failpoint {asked}")
        case Action.SLEEP:
            time.sleep(LONG_S)


def require_sound() -> None:
    """Refuse a failpoint that cannot be used, before anything is done.

    Raises:
        UsageError: It is unknown, or nothing says that this is a test.
    """
    if (asked := os.environ.get(VARIABLE)) is not None:
        _parse(asked)


def _parse(asked: str) -> tuple[Step, int, Action]:
    if TESTING not in os.environ:
        raise UsageError(
            f"{VARIABLE} makes hpsearch fail, for its own tests: unset it "
            f"(tests also set {TESTING} to a file that counts hits)"
        )
    try:
        step, nth, action = asked.split(":")
        return Step(step), int(nth), Action(action)
    except ValueError as error:
        raise UsageError(
            f"{VARIABLE}={asked}: it must be STEP:N:ACTION, a step of "
            f"{', '.join(Step)} and an action of {', '.join(Action)}"
        ) from error


def _count_hit() -> int:
    """The number of this hit, counted from 1 over all processes."""
    file = os.open(os.environ[TESTING], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, b".")
        return os.lseek(file, 0, os.SEEK_CUR)  # behind what this process has appended
    finally:
        os.close(file)
