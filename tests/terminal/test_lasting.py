"""Printing continues, to nowhere, when nobody reads."""

from __future__ import annotations

import errno
import os
import pty
from collections.abc import Iterator
from typing import TextIO

import pytest

from hpsearch.terminal.lasting import Lasting, is_reader_gone


@pytest.fixture(params=["pipe", "terminal"])
def abandoned(request: pytest.FixtureRequest) -> Iterator[TextIO]:
    """A stream whose reader is gone."""
    reader, writer = os.pipe() if request.param == "pipe" else pty.openpty()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        yield stream


def test_what_nobody_reads_vanishes(abandoned):
    stream = Lasting(abandoned)

    for _ in range(2):
        assert stream.write("a line\n") == len("a line\n")
        stream.flush()


def test_more_than_fits_the_buffer_vanishes_too(abandoned):
    Lasting(abandoned).write("x" * 100_000)


def test_what_others_write_to_the_same_place_vanishes_from_then_on(abandoned):
    """As C libraries do, which know nothing of Python's streams."""
    stream = Lasting(abandoned)
    stream.write("a line\n")
    stream.flush()

    assert os.write(abandoned.fileno(), b"a warning") == len(b"a warning")


def test_other_errors_are_raised():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        stream = Lasting(full)
        stream.write("a line\n")
        with pytest.raises(OSError, match="No space left"):
            stream.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())  # so that it can be closed


def test_a_stream_with_a_reader_writes_and_answers_as_ever(tmp_path):
    with (tmp_path / "err").open("w", encoding="utf-8") as file:
        stream = Lasting(file)
        stream.write("a line\n")
        stream.flush()

        assert (tmp_path / "err").read_text() == "a line\n"
        assert stream.encoding == "utf-8"
        assert not stream.isatty()


@pytest.mark.parametrize(
    ("error", "is_gone"),
    [
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), True),
        (OSError(errno.EIO, "Input/output error"), True),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (ValueError("I/O operation on closed file"), False),
        (None, False),
    ],
    ids=repr,
)
def test_a_reader_is_gone_where_a_pipe_or_terminal_says_so(error, is_gone):
    assert is_reader_gone(error) == is_gone
