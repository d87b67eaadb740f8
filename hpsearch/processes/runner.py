"""Runners: where trial processes come from."""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import IO, Protocol

import psutil

from hpsearch.codec import encode
from hpsearch.errors import NothingFinished, UsageError
from hpsearch.messages import Job, Surroundings
from hpsearch.processes.backend import inherited, keras_backend
from hpsearch.processes.signals import cause_of_death

# -P: a keras.py in the current folder is not Keras; Optuna is for study files that name a Trial
COMMAND = [sys.executable, "-P", "-m", "hpsearch.training.fork_server", "optuna"]
# what Keras and its backends read when they are imported
READ_AT_IMPORT = ("KERAS_", "TF_", "JAX_", "XLA_", "TORCH_", "PYTORCH_", "CUDA_")
DEFAULTS = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    # Keras asks whether there is a GPU: only so can processes forked afterwards use it
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}
Variables = tuple[tuple[str, str], ...]
TAIL_CHARS = 4000
PATIENCE_S = 10  # until it is said that Keras takes long to start
DYING_S = 10  # for a server to end whose pipes are closed already


class TrialProcess(Protocol):
    """A trial process from outside."""

    connection: Connection
    """To the process; it speaks `hpsearch.messages`."""
    has_ended: bool

    @property
    def node(self) -> str:
        """The name of its machine; empty for this one."""

    @property
    def lost(self) -> str:
        """Why nothing is known of it any more, if its machine is gone; else empty."""

    @property
    def has_begun(self) -> bool:
        """Whether it exists; before that, it may have to wait for Keras."""

    def wait(self, timeout_s: float) -> None:
        """Wait until something can be received, or it begins or ends.

        Raises:
            NothingFinished: It will never begin.
        """

    def memory(self) -> int:
        """Resident bytes; 0 before it begins and when it has ended."""

    def end(self, patience_s: float = 0) -> tuple[int | None, str]:
        """Hang up, then kill the process and all it started.

        Args:
            patience_s: How long it may take to end by itself.

        Returns:
            Its exit code, negative for a signal and None where nobody knows, and the tail
            of what it printed.
        """


class Runner(Protocol):
    """Starts trial processes, on this machine or elsewhere."""

    def start(self, job: Job) -> TrialProcess:
        """Ask for a trial process.

        Raises:
            NothingFinished: None can be started.
        """


class LocalRunner:
    """Starts trial processes on this machine, forked from a server that has Keras.

    The server is started here and now, and imports Keras while the launcher does other
    things. All runners of a launcher share it as long as the variables are the same that
    Keras reads when it is imported.

    Args:
        say: Told when Keras takes long to start.
        patience_s: How long that is.

    Raises:
        UsageError: Keras's backend is not installed, or the system cannot fork.
    """

    def __init__(
        self, say: Callable[[str], object] = lambda text: None, patience_s: float = PATIENCE_S
    ) -> None:
        if not hasattr(os, "fork"):
            raise UsageError(f"trial processes are forked, which {sys.platform} cannot: use WSL")
        variables = {**DEFAULTS, **os.environ, "KERAS_BACKEND": keras_backend()}
        read = [item for item in variables.items() if item[0].startswith(READ_AT_IMPORT)]
        self._variables = tuple(sorted(read))
        self._server = _server(self._variables)
        self.say, self.patience_s = say, patience_s
        self._began_s = time.monotonic()
        self._next_remark_s = patience_s
        self._lock = threading.Lock()

    def start(self, job: Job) -> LocalProcess:
        """Ask the server for a trial process."""
        with self._lock:
            if self._server.is_dead:
                self._server = _Server(self._variables)
        process = LocalProcess(self._server, self._remark)
        path = [place for place in sys.path if isinstance(place, str)]  # the rest Python ignores
        surroundings = Surroundings(folder=os.getcwd(), path=path)  # noqa: PTH109
        with contextlib.suppress(OSError):  # the server has died: seen when it is waited for
            for message in (surroundings, job):
                process.connection.send_bytes(encode(message).encode())
        return process

    def _remark(self, has_begun: bool) -> None:
        """Say how long Keras has taken, once for all that wait for it."""
        with self._lock:
            waited_s = time.monotonic() - self._began_s
            if has_begun:
                self._next_remark_s = math.inf
            elif waited_s > self._next_remark_s:
                self._next_remark_s += 2 * self.patience_s
                self.say(f"waiting for Keras to start ({waited_s:.0f} s so far)")


class LocalProcess:
    """A process that the fork server was asked for.

    Args:
        server: Who is asked.
        remark: Called while the process has not begun, with False, and once it has, with True.
    """

    node = lost = ""

    def __init__(self, server: _Server, remark: Callable[[bool], None]) -> None:
        self.server, self._remark = server, remark
        self.pid: int | None = None
        self.exit_code: int | None = None
        self.has_ended = False
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `end`
        self.connection, theirs = Pipe()
        self._reports, reporter = Pipe(duplex=False)
        with theirs, reporter:
            server.ask(theirs.fileno(), self._output.fileno(), reporter.fileno())

    @property
    def has_begun(self) -> bool:
        return self.pid is not None

    def wait(self, timeout_s: float) -> None:
        awaited = [self._reports, self.connection] if self.has_begun else [self._reports]
        if self._reports in wait(awaited, timeout_s):
            self._take_report()
        self._remark(self.has_begun)

    def memory(self) -> int:
        with contextlib.suppress(psutil.Error):
            return 0 if self.pid is None else int(psutil.Process(self.pid).memory_info().rss)
        return 0

    def end(self, patience_s: float = 0) -> tuple[int | None, str]:
        self.connection.close()  # one that has not begun yet ends by itself at that
        with contextlib.suppress(NothingFinished):
            if wait([self._reports], patience_s):
                self._take_report()
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)  # it leads a group of its own
            if not self.has_ended:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
            while not self.has_ended:
                self._take_report()
        self._reports.close()
        with self._output:
            return self.exit_code, tail(self._output)

    def _take_report(self) -> None:
        """Take what the server says: first the process id, last the exit code.

        Raises:
            NothingFinished: It died without having forked.
        """
        if self.has_ended:
            return
        try:
            number = int(self._reports.recv_bytes())
        except (EOFError, OSError) as error:
            cause = self.server.cause_of_death()
            if self.pid is None:
                raise NothingFinished(
                    f"the server of trial processes died: {cause}; "
                    "the same command continues from the last epochs"
                ) from error
            self.has_ended = True
            return
        if self.pid is None:
            self.pid = number
        else:
            self.exit_code, self.has_ended = number, True


class _Server:
    """A fork server under way; it ends with the launcher.

    Args:
        variables: Of its environment, beside the launcher's.
    """

    def __init__(self, variables: Variables) -> None:
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `_end`
        self._scratch = tempfile.mkdtemp(prefix="hpsearch-")
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                COMMAND,
                stdin=theirs.fileno(),
                stdout=self._printed,
                stderr=self._printed,
                env={**inherited(), **dict(variables), "TMPDIR": self._scratch},
                start_new_session=True,  # Ctrl-C in the terminal is for the launcher
            )
        atexit.register(self._end, os.getpid())

    @property
    def is_dead(self) -> bool:
        return self._process.poll() is not None

    def ask(self, *descriptors: int) -> None:
        """Ask for a process; a server that dies closes the descriptors."""
        with contextlib.suppress(OSError):
            socket.send_fds(self._requests, [b"\0"], descriptors)

    def cause_of_death(self) -> str:
        """Why it has died, or is about to, as its pipes are closed."""
        return cause_of_death(self._process.wait(DYING_S), tail(self._printed))

    def _end(self, launcher: int) -> None:
        if os.getpid() == launcher:  # not what was forked from it
            self._process.kill()
            self._process.wait()
            self._requests.close()
            self._printed.close()
            shutil.rmtree(self._scratch, ignore_errors=True)


@cache
def _server(variables: Variables) -> _Server:
    """The server that the runners of this launcher share."""
    return _Server(variables)


def tail(file: IO[bytes]) -> str:
    """The end of what was printed into a file."""
    n_bytes = file.seek(0, os.SEEK_END)
    file.seek(max(0, n_bytes - 4 * TAIL_CHARS))  # a character takes at most four
    return file.read().decode(errors="replace")[-TAIL_CHARS:]
