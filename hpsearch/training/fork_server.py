"""The fork server: has Keras imported, and forks a process for each trial.

    python -P -m hpsearch.training.fork_server [MODULE...]

Importing Keras takes seconds, forking a process that has it takes milliseconds. No
operation of the backend may run here: its threads would not survive the fork. The modules
named are imported too, where they are installed.

What was imported stays for good, so no process searches it for garbage: in a trial that
took 0.2 s each time, and copied memory that it shares with the server.

Standard input is a Unix socket. For each trial the launcher sends one byte with three file
descriptors: the trial's pipe, the file for its output, and a pipe on which the server
reports the process id and, in the end, the exit code. The server ends with the socket.

TMPDIR is a folder for this server alone. Each trial has its temporary files in a folder
there, which goes with the trial: TensorFlow leaves some, and a killed process all it has.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path

from hpsearch.quiet_imports import keras_alone


def main() -> None:
    """Import, then fork for whoever holds the other end of standard input."""
    with socket.socket(fileno=os.dup(0)) as requests:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        atexit.register(_remove, Path(os.environ["TMPDIR"]))  # the launcher may be killed
        gc.disable()
        with keras_alone():
            from hpsearch.training import process  # and Keras with it

        for module in sys.argv[1:]:
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
        gc.freeze()
        trial = serve(requests)
    if trial is None:
        return
    exit_code = 1
    try:
        process.main(*trial)
        exit_code = 0
    except BaseException:  # noqa: BLE001  # told where the trial's output goes
        traceback.print_exc()
    finally:
        os._exit(exit_code)  # whatever threads a network has left


def serve(requests: socket.socket) -> tuple[Connection, int] | None:
    """Fork at each request.

    Returns:
        In a forked process, the pipe to its launcher and the file for its output; in the
        server nothing, once the launcher is gone.
    """
    ended, wakeup = os.pipe()
    for descriptor in (ended, wakeup):
        os.set_blocking(descriptor, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wakeup)
    reports: dict[int, Connection] = {}
    scratch = Path(os.environ["TMPDIR"])
    while True:
        ready = wait([requests, ended])
        if ended in ready:
            os.read(ended, 4096)
            for pid, exit_code in _reaped():
                _remove(scratch / str(pid))
                with reports.pop(pid) as report, contextlib.suppress(OSError):
                    report.send_bytes(b"%d" % exit_code)
        if requests in ready:
            byte, descriptors, *_ = socket.recv_fds(requests, 1, 3)
            if not byte:
                return None
            pipe, output, to_report = descriptors
            report = Connection(to_report)
            pid = os.fork()
            if pid == 0:
                gc.enable()
                _keep_temporary_files_in(scratch / str(os.getpid()))
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for other in (report, *reports.values()):
                    other.close()
                os.close(ended)
                os.close(wakeup)
                os.set_inheritable(pipe, False)
                return Connection(pipe), output
            os.close(pipe)
            os.close(output)
            reports[pid] = report
            with contextlib.suppress(OSError):  # the launcher did not wait for it
                report.send_bytes(b"%d" % pid)


def _reaped() -> Iterator[tuple[int, int]]:
    """The process ids and exit codes of the processes that have ended."""
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            yield found[0], os.waitstatus_to_exitcode(found[1])


def _keep_temporary_files_in(folder: Path) -> None:
    folder.mkdir()
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None  # which tempfile remembers


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
