"""Runners: where trial processes come from."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import threading
import types
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Protocol

from hpsearch.codec import encode
from hpsearch.errors import NothingFinished
from hpsearch.messages import Job
from hpsearch.processes.backend import keras_backend

SAFE_PATH = "PYTHONSAFEPATH"


class Runner(Protocol):
    """Starts trial processes, here or elsewhere."""

    def start(self, job: Job, output: str) -> tuple[BaseProcess, Connection]:
        """Start a trial process.

        Args:
            job: What it trains.
            output: The file that takes what it prints.

        Returns:
            The process, and the pipe to it.

        Raises:
            NothingFinished: No process can be started.
        """


class LocalRunner:
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
            target=_trial_process, args=(to_trial, encode(job), output), daemon=True
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
