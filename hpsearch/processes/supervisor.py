"""A trial process from outside: start it, answer it, end it when it must end."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hpsearch.codec import decode, encode
from hpsearch.goal import Logs
from hpsearch.messages import (
    EpochDone,
    Failed,
    Finished,
    Job,
    Reply,
    Verdict,
)
from hpsearch.processes.runner import Runner, TrialProcess
from hpsearch.processes.signals import describe_exit

TICK_S = 0.1  # between two looks at memory and clocks
MAX_MESSAGE_BYTES = 2**26  # less than the length that four characters of text would mean
LAST_WORDS_S = 5  # for a process to end that has said its last word
# signals that come from outside the trial: the network is not to blame
FROM_OUTSIDE = {"SIGKILL", "SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGPWR"}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a trial process may use before it is killed; None for no limit."""

    trial_s: float | None = None
    epoch_s: float | None = None
    memory: int | None = None
    """Resident bytes."""


NO_LIMITS = Limits()


class How(StrEnum):
    """How a trial process ended."""

    FINISHED = "finished"
    STOPPED = "stopped by verdict"
    FAILED = "failed"
    KILLED = "killed from outside"
    CRASHED = "crashed"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    INTERRUPTED = "interrupted"
    LOST = "lost with its machine"


@dataclass(frozen=True, kw_only=True)
class Ending:
    """The end of a trial process."""

    how: How
    reason: str = ""
    """One line."""
    output: str = ""
    """The traceback, or the tail of what was printed."""
    is_fatal: bool = False
    """The study file cannot be used: no other trial would fare better."""
    is_machine_fault: bool = False
    """The machine's fault, not the network's."""
    test: Logs = field(default_factory=dict)
    node: str = ""
    """The name of the machine that it ran on; empty for the launcher's."""


SAID_LAST = {How.FINISHED, How.STOPPED, How.FAILED}
"""Endings that the process itself reported."""
NO_MESSAGE = Ending(
    how=How.FAILED,
    reason="the trial wrote into the pipe that hpsearch talks to it through: it may write only "
    "into files that it opened",
)


def supervise(
    runner: Runner,
    job: Job,
    *,
    answer: Callable[[EpochDone], Verdict],
    limits: Limits,
    may_begin: Callable[[], bool] = lambda: True,
    must_stop_now: Callable[[], bool] = lambda: False,
) -> Ending:
    """Run a job in a process of its own, to whatever end.

    Args:
        runner: Starts the process.
        job: What to train.
        answer: Called after each epoch; the process waits for the verdict.
        limits: When to kill it.
        may_begin: Asked about every 0.1 s while it waits for Keras; it is given up if not.
        must_stop_now: Asked about every 0.1 s; kills it too.
    """
    process = runner.start(job)
    patience_s = 0.0
    try:
        ending = _watch(
            process,
            answer,
            limits,
            lambda: must_stop_now() or not (process.has_begun or may_begin()),
        )
        if ending is None or ending.how in SAID_LAST:
            patience_s = LAST_WORDS_S
    finally:
        exit_code, printed = process.end(patience_s)
    if ending is None:
        lost = process.lost
        ending = Ending(how=How.LOST, reason=lost) if lost else _post_mortem(exit_code)
    ending = replace(ending, node=process.node)
    if ending.how is How.FINISHED or ending.output:
        return ending
    return replace(ending, output=printed)


def _watch(
    process: TrialProcess,
    answer: Callable[[EpochDone], Verdict],
    limits: Limits,
    must_stop_now: Callable[[], bool],
) -> Ending | None:
    """The end of the process, or None if it died without a word."""
    began_s = epoch_began_s = math.inf
    stopped = False
    while True:
        process.wait(TICK_S)
        now_s = time.monotonic()
        if process.has_begun:
            began_s, epoch_began_s = min(began_s, now_s), min(epoch_began_s, now_s)
        if process.has_begun and process.connection.poll():
            try:
                line = process.connection.recv_bytes(MAX_MESSAGE_BYTES)
                message = decode(line, EpochDone, Finished, Failed)
            except ValueError:
                return NO_MESSAGE
            except (EOFError, OSError):
                # a length that is none closes the connection for reading; else it died
                return None if process.connection.readable else NO_MESSAGE
            match message:
                case EpochDone():
                    verdict = answer(message)
                    stopped = verdict is Verdict.STOP
                    with contextlib.suppress(OSError):  # it died meanwhile: seen below
                        process.connection.send_bytes(encode(Reply(verdict=verdict)).encode())
                    epoch_began_s = time.monotonic()
                    began_s += epoch_began_s - now_s  # to answer was not the trial's time
                case Finished(test=test):
                    return Ending(how=How.STOPPED if stopped else How.FINISHED, test=test)
                case Failed():
                    return Ending(
                        how=How.FAILED,
                        reason=message.error,
                        output=message.traceback,
                        is_fatal=message.is_fatal,
                        is_machine_fault=message.is_machine_fault,
                    )
        elif process.has_ended:
            return None
        if must_stop_now():
            return Ending(how=How.INTERRUPTED)
        if (over := _over(limits, process, began_s, epoch_began_s)) is not None:
            return over


def _over(
    limits: Limits, process: TrialProcess, began_s: float, epoch_began_s: float
) -> Ending | None:
    """The ending of a process that is over one of its limits."""
    now_s = time.monotonic()
    if limits.trial_s is not None and now_s - began_s > limits.trial_s:
        return Ending(how=How.TIMED_OUT, reason=f"ran longer than {limits.trial_s:g} s")
    if limits.epoch_s is not None and now_s - epoch_began_s > limits.epoch_s:
        return Ending(how=How.TIMED_OUT, reason=f"an epoch took longer than {limits.epoch_s:g} s")
    if limits.memory is not None and (resident := process.memory()) > limits.memory:
        used, allowed = (f"{n / 2**20:.0f} MiB" for n in (resident, limits.memory))
        return Ending(how=How.OUT_OF_MEMORY, reason=f"used {used}, allowed were {allowed}")
    return None


def _post_mortem(exit_code: int | None) -> Ending:
    if exit_code is None:
        return Ending(how=How.KILLED, reason="the process died with its server")
    what = describe_exit(exit_code)
    if exit_code < 0:
        how = How.KILLED if what in FROM_OUTSIDE else How.CRASHED
        return Ending(how=how, reason=f"the process died of {what}")
    return Ending(how=How.CRASHED, reason=f"the process ended with {what}")
