"""Signals are handled while a block runs, and what was ignored stays ignored."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import weakref

import pytest

from hpsearch.processes.signals import (
    Terminated,
    cause_of_death,
    describe_exit,
    handled,
    raised,
)


def fail(_number: int, _frame: object) -> None:
    pytest.fail("it was handled")


def test_a_signal_is_handled_inside_and_as_before_outside():
    received: list[int] = []
    before = signal.getsignal(signal.SIGTERM)

    with handled({"SIGTERM": lambda number, frame: received.append(number), "SIGNONE": fail}):
        os.kill(os.getpid(), signal.SIGTERM)

    assert received == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_ignored_signal_stays_ignored():
    """As SIGHUP is under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handled({"SIGHUP": fail}):
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_leaves_signals_alone():
    seen: list[object] = []

    def work() -> None:
        with handled({"SIGTERM": fail}):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [signal.getsignal(signal.SIGTERM)]


def test_termination_is_not_for_except_exception_to_stop():
    with (
        pytest.raises(Terminated) as end,
        raised(),
        contextlib.suppress(Exception),
    ):
        os.kill(os.getpid(), signal.SIGTERM)

    assert end.value.exit_code == 143


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_arrives_where_python_ignores_exceptions_is_not_lost(number):
    """In a callback of a weak reference, of which there are many while libraries are imported."""

    class Thing:
        pass

    thing = Thing()
    reference = weakref.ref(thing, lambda _reference: os.kill(os.getpid(), number))

    def lose() -> None:
        nonlocal thing
        del thing
        while True:
            time.sleep(0.01)

    with pytest.raises((Terminated, KeyboardInterrupt)), raised():
        lose()

    assert reference() is None


@pytest.mark.parametrize(
    ("exit_code", "printed", "words"),
    [
        (-9, "all is well\n", "killed by SIGKILL"),
        (-60, "", "killed by signal 60"),
        (1, "Traceback\nImportError: no jax\n\n", "ImportError: no jax"),
        (3, "", "exit code 3"),
    ],
)
def test_a_death_is_told_in_the_words_of_who_died_unless_it_was_killed(exit_code, printed, words):
    assert cause_of_death(exit_code, printed) == words


def test_an_exit_code_is_named():
    assert [describe_exit(code) for code in (0, -15)] == ["exit code 0", "SIGTERM"]
