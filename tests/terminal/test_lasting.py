"""What is printed for nobody any more is no error; what is printed into a full disk is one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

import pytest

from hpsearch.terminal.lasting import Lasting, is_reader_gone


def pipe() -> tuple[int, TextIO]:
    """The reading end of a pipe, and a stream that writes to the other."""
    reader, writer = os.pipe()
    return reader, os.fdopen(writer, "w", buffering=1)


def test_a_stream_whose_reader_is_there_is_written_to():
    reader, stream = pipe()

    Lasting(stream).write("a line\n")

    assert os.read(reader, 100) == b"a line\n"
    assert not Lasting(stream).isatty()
    stream.close()
    os.close(reader)


def test_a_stream_whose_reader_is_gone_takes_everything_and_says_nothing():
    reader, stream = pipe()
    lasting = Lasting(stream)
    os.close(reader)

    assert lasting.write("a line\n") == 7
    lasting.write("more")
    lasting.flush()

    stream.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_still_an_error():
    with Path("/dev/full").open("w", buffering=1) as stream:
        with pytest.raises(OSError, match="No space left"):
            Lasting(stream).write("a line\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def test_only_a_gone_reader_is_one():
    assert is_reader_gone(BrokenPipeError(32, "Broken pipe"))
    assert not is_reader_gone(ConnectionResetError(104, "Connection reset"))
    assert not is_reader_gone(None)
