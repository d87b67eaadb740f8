"""A trial process from outside: start it, answer it, end it when it must end."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil

from hpsearch.errors import NothingFinished
from hpsearch.goal import Logs
from hpsearch.messages import (
    EpochDone,
    Failed,
    Finished,
    Job,
    Verdict,
    decode,
    encode_job,
)
from hpsearch.processes.backend import keras_backend

TICK_S = 0.1  # between two looks at memory and clocks
TAIL_CHARS = 4000
SAFE_PATH = "PYTHONSAFEPATH"
# signals that come from outside the trial: the network is not to blame
FROM_OUTSIDE = {"SIGKILL", "SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGPWR"}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a trial process may use before it is killed; None for no limit."""

    trial_s: float | None = None
    epoch_s: float | None = None
    memory: int | None = None
    """Resident bytes."""


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
    test: Logs = field(default_factory=dict)


class ProcessServer:
    """Starts trial processes: forked from a server that has Keras, where there is one.

    Made once per launcher; the server ends with it.

    Raises:
        UsageError: Keras's backend is not installed.
    """

    def __init__(self) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        os.environ["KERAS_BACKEND"] = keras_backend()
        has_forkserver = "forkserver" in multiprocessing.get_all_start_methods()
        self._context = multiprocessing.get_context("forkserver" if has_forkserver else "spawn")
        self._lock = threading.Lock()
        if has_forkserver:
            from multiprocessing import forkserver

            # and Optuna, which study files import to name a Trial
            forkserver.set_forkserver_preload(["hpsearch.training.preload", "optuna"])
            with _current_folder_unseen():
                forkserver.ensure_running()  # imports Keras while the launcher does other things

    def start(self, job: Job, output: str) -> tuple[BaseProcess, Connection]:
        """A process under way and the pipe to it.

        Raises:
            NothingFinished: The server died.
        """
        from_us, to_trial = self._context.Pipe()
        process = self._context.Process(  # type: ignore[attr-defined]
            target=_trial_process, args=(to_trial, encode_job(job), output), daemon=True
        )
        try:
            with self._lock, _no_main_module(), _current_folder_unseen():
                process.start()
        except (EOFError, ConnectionError) as error:
            raise NothingFinished(
                "the server of trial processes died, perhaps for lack of memory; what it "
                "printed stands above. The same command goes on from the last epochs"
            ) from error
        to_trial.close()
        return process, from_us


def _trial_process(connection: Connection, job_line: str, output: str) -> None:
    # imported on arrival: here is the launcher's side, without Keras
    from hpsearch.training.process import main

    main(connection, job_line, output)


def supervise(
    server: ProcessServer,
    job: Job,
    *,
    answer: Callable[[EpochDone], Verdict],
    limits: Limits,
    must_stop_now: Callable[[], bool] = lambda: False,
) -> Ending:
    """Run a job in a process of its own, to whatever end.

    Args:
        server: Where the process comes from.
        job: What to train.
        answer: Called after each epoch; the process waits for the verdict.
        limits: When to kill it.
        must_stop_now: Asked about every 0.1 s; kills it too.
    """
    with tempfile.NamedTemporaryFile(prefix="hpsearch-", suffix=".out") as file:
        process, connection = server.start(job, file.name)
        try:
            ending = _watch(process, connection, answer, limits, must_stop_now)
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
                message = decode(connection.recv_bytes())
            except (EOFError, ConnectionError):
                process.join()
                return None
            match message:
                case EpochDone():
                    verdict = answer(message)
                    stopped = verdict is Verdict.STOP
                    with contextlib.suppress(OSError):  # it died meanwhile: seen below
                        connection.send_bytes(verdict.value.encode())
                    epoch_began_s = time.monotonic()
                case Finished(test=test):
                    return Ending(how=How.STOPPED if stopped else How.FINISHED, test=test)
                case Failed(error=error, traceback=trace, is_fatal=is_fatal):
                    return Ending(how=How.FAILED, reason=error, output=trace, is_fatal=is_fatal)
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


@contextlib.contextmanager
def _current_folder_unseen() -> Iterator[None]:
    """Keep a Python that starts from taking a keras.py in the current folder for Keras."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        del os.environ[SAFE_PATH]
        if before is not None:
            os.environ[SAFE_PATH] = before


@contextlib.contextmanager
def _no_main_module() -> Iterator[None]:
    """Keep multiprocessing from importing the user's script again in each process.

    It would, to find functions that were defined there; a trial process runs none.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
