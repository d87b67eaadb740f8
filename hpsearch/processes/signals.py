"""Signals, handled while a block runs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Handler = Callable[[int, object], None]


@contextmanager
def handled(handlers: Mapping[str, Handler]) -> Iterator[None]:
    """Handle signals, and then as before; names that the system lacks are left out.

    Only the main thread may: elsewhere nothing is handled, and a notebook's own handling stays.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, handlers[number.name])
        for number in signal.Signals
        if number.name in handlers
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
