"""Signals: handled while a block runs, and named where a process died of one."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

AGAIN_S = 0.01  # until a signal that was lost is sent again

Handler = Callable[[int, object], None]


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived. As with Ctrl-C, no `except Exception` stops it.

    Args:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number, self.exit_code = number, 128 + number


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


@contextmanager
def raised() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `Terminated`, as SIGINT raises `KeyboardInterrupt`.

    Python ignores an exception in a callback of a weak reference, and the signal would be
    lost with it: it is sent again.
    """

    def terminate(number: int, _frame: object) -> None:
        raise Terminated(number)

    def send_again(ignored: sys.UnraisableHookArgs) -> None:
        match ignored.exc_value:
            case Terminated(number=number):
                pass
            case KeyboardInterrupt():
                number = signal.SIGINT
            case _:
                before(ignored)
                return
        again = threading.Timer(AGAIN_S, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()

    before, sys.unraisablehook = sys.unraisablehook, send_again
    try:
        with handled({"SIGTERM": terminate, "SIGHUP": terminate}):
            yield
    finally:
        sys.unraisablehook = before


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
