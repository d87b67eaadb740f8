"""A trial process from outside: start it, answer it, end it when it must end."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil

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
from hpsearch.processes.runner import Runner

TICK_S = 0.1  # between two looks at memory and clocks
EXIT_S = 2.0  # for a process to exit by itself after its last word
TAIL_CHARS = 4000
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


LAST_WORDS = {How.FINISHED, How.STOPPED, How.FAILED}
"""Endings that the process itself reported."""


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


def supervise(
    runner: Runner,
    job: Job,
    *,
    answer: Callable[[EpochDone], Verdict],
    limits: Limits,
    must_stop_now: Callable[[], bool] = lambda: False,
) -> Ending:
    """Run a job in a process of its own, to whatever end.

    Args:
        runner: Starts the process.
        job: What to train.
        answer: Called after each epoch; the process waits for the verdict.
        limits: When to kill it.
        must_stop_now: Asked about every 0.1 s; kills it too.
    """
    with tempfile.NamedTemporaryFile(prefix="hpsearch-", suffix=".out") as file:
        process, connection = runner.start(job, file.name)
        try:
            ending = _watch(process, connection, answer, limits, must_stop_now)
            if ending is not None and ending.how in LAST_WORDS:
                process.join(EXIT_S)  # whatever measures it, such as coverage, keeps its figures
        finally:
            _end(process)
            connection.close()
        tail = Path(file.name).read_text(errors="replace")[-TAIL_CHARS:]
    if ending is None:
        ending = _post_mortem(process.exitcode)
    if ending.how is How.FINISHED or ending.output:
        return ending
    return replace(ending, output=tail)


def _watch(
    process: BaseProcess,
    connection: Connection,
    answer: Callable[[EpochDone], Verdict],
    limits: Limits,
    must_stop_now: Callable[[], bool],
) -> Ending | None:
    """The end of the process, or None if it died without a word."""
    began_s = epoch_began_s = time.monotonic()
    stopped = False
    while True:
        ready = wait([connection, process.sentinel], timeout=TICK_S)
        if connection in ready:
            try:
                message = decode(connection.recv_bytes(), EpochDone, Finished, Failed)
            except (EOFError, ConnectionError):
                process.join()
                return None
            match message:
                case EpochDone():
                    verdict = answer(message)
                    stopped = verdict is Verdict.STOP
                    with contextlib.suppress(OSError):  # it died meanwhile: seen below
                        connection.send_bytes(encode(Reply(verdict=verdict)).encode())
                    epoch_began_s = time.monotonic()
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
        elif process.sentinel in ready:
            return None
        if must_stop_now():
            return Ending(how=How.INTERRUPTED)
        if (over := _over(limits, process.pid, began_s, epoch_began_s)) is not None:
            return over


def _over(limits: Limits, pid: int | None, began_s: float, epoch_began_s: float) -> Ending | None:
    """The ending of a process that is over one of its limits."""
    now_s = time.monotonic()
    if limits.trial_s is not None and now_s - began_s > limits.trial_s:
        return Ending(how=How.TIMED_OUT, reason=f"ran longer than {limits.trial_s:g} s")
    if limits.epoch_s is not None and now_s - epoch_began_s > limits.epoch_s:
        return Ending(how=How.TIMED_OUT, reason=f"an epoch took longer than {limits.epoch_s:g} s")
    if limits.memory is not None:
        with contextlib.suppress(psutil.Error):
            resident = psutil.Process(pid).memory_info().rss
            if resident > limits.memory:
                used, allowed = (f"{n / 2**20:.0f} MiB" for n in (resident, limits.memory))
                return Ending(how=How.OUT_OF_MEMORY, reason=f"used {used}, allowed were {allowed}")
    return None


def _post_mortem(exit_code: int | None) -> Ending:
    if exit_code is not None and exit_code < 0:
        try:
            name = signal.Signals(-exit_code).name
        except ValueError:
            name = f"signal {-exit_code}"
        how = How.KILLED if name in FROM_OUTSIDE else How.CRASHED
        return Ending(how=how, reason=f"the process died of {name}")
    return Ending(how=How.CRASHED, reason=f"the process ended with exit code {exit_code}")


def _end(process: BaseProcess) -> None:
    """End a process and all it started."""
    assert process.pid is not None
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own
    if process.is_alive():
        process.kill()
    process.join()
