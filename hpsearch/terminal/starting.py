"""A terminal that is not left blank while libraries load, which takes longest the first time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from threading import Lock, Timer
from typing import Any, TextIO

from hpsearch.terminal.lasting import Lasting

AFTER_S = 1.5
NOTE = "starting: libraries are loading, which takes longest the first time"
ERASE_LINE = "\r\x1b[2K"


@contextmanager
def lasting_output() -> Iterator[None]:
    """Standard error outlives its reader; at a terminal, it says so if starting takes long."""
    stderr: Any = Lasting(sys.stderr)
    if not stderr.isatty():
        with redirect_stderr(stderr):
            yield
        return
    note = _Note(stderr)
    outputs = redirect_stderr(_After(note, stderr)), redirect_stdout(_After(note, sys.stdout))
    with outputs[0], outputs[1]:
        try:
            yield
        finally:
            note.end()


class _Note:
    """Stands on the last line of a terminal until there is something else to say."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal, self._lock = terminal, Lock()
        self._is_ended = self._is_there = False
        self._timer = Timer(AFTER_S, self._write)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Take the note back, or never write it."""
        if self._is_ended:
            return
        with self._lock:
            self._is_ended = True
            self._timer.cancel()
            if self._is_there:
                self._terminal.write(ERASE_LINE)
                self._terminal.flush()

    def _write(self) -> None:
        with self._lock:
            if not self._is_ended:
                self._terminal.write(NOTE)
                self._terminal.flush()
                self._is_there = True


class _After:
    """A stream whose first text ends a note."""

    def __init__(self, note: _Note, stream: TextIO) -> None:
        self._note, self._stream = note, stream

    def write(self, text: str) -> int:
        self._note.end()
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
