"""Signals: handled while a block runs, and named where a process died of one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Handler = Callable[[int, object], None]


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived. As with Ctrl-C, no `except Exception` stops it.

    Args:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def terminate(number: int, _frame: object) -> None:
    """Handle a signal by cleaning up, then exiting.

    Raises:
        Terminated: Always.
    """
    raise Terminated(number)


@contextmanager
def handled(handlers: Mapping[str, Handler]) -> Iterator[None]:
    """Handle signals by name, and afterwards as before.

    Signals that the system lacks are left out, and so are ignored ones: `nohup` ignores
    SIGHUP, and a script's `&` SIGINT. Only the main thread can handle signals: elsewhere
    nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, handlers[number.name])
        for number in signal.Signals
        if number.name in handlers and signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def describe_exit(exit_code: int) -> str:
    """`exit code 3`, or for negative ones the signal: `SIGKILL`."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"


def cause_of_death(exit_code: int, printed: str) -> str:
    """Why a process died: the last line it printed, unless it was killed."""
    if exit_code < 0:
        return f"killed by {describe_exit(exit_code)}"
    return printed.strip().rpartition("\n")[2] or describe_exit(exit_code)
