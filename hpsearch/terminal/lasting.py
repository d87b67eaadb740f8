"""Printing that outlives its reader: a closed terminal, or the end of a pipe."""

from __future__ import annotations

import errno
import os
from typing import Any, TextIO


class Lasting:
    """A stream that says nothing more, and raises nothing, once its reader is gone.

    Args:
        stream: Standard error, on which nobody's work depends.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a text, to nowhere if the reader is gone."""
        try:
            return self.stream.write(text)
        except OSError as error:
            self._silence(error)
            return len(text)

    def flush(self) -> None:
        """Write what waits to be written."""
        try:
            self.stream.flush()
        except OSError as error:
            self._silence(error)

    def _silence(self, error: OSError) -> None:
        """Let all that is written from now on vanish, also what C libraries write."""
        if not is_reader_gone(error):
            raise error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def is_reader_gone(error: BaseException | None) -> bool:
    """Whether writing failed since nobody reads: EPIPE of a pipe, EIO of a terminal."""
    return isinstance(error, OSError) and error.errno in {errno.EPIPE, errno.EIO}
