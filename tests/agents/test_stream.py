"""The greeting of an agent that ssh started, after whatever a shell prints."""

from __future__ import annotations

import socket

import pytest

from hpsearch.agents.stream import GREETING, MAX_NOISE, skip_greeting


def test_what_a_shell_prints_first_is_skipped():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"Welcome to lab1!\n" + GREETING + b"first")

        skip_greeting(ours)

        assert ours.recv(16) == b"first"


def test_a_shell_that_prints_without_end_is_no_agent():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        theirs.send(b"x" * (MAX_NOISE + 2))

        with pytest.raises(EOFError):
            skip_greeting(ours)


def test_one_that_ends_without_a_greeting_is_none_either():
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()

        with pytest.raises(EOFError):
            skip_greeting(ours)
