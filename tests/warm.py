"""Processes that answer questions, forked from one that has Keras loaded.

To load Keras takes 2 s of processor time, and dozens of tests ask a network. What answers runs the
same code as ever in a process of its own; only who imported it is another.

    python warm.py serve SOCKET    loads, then forks for each connection, until standard input ends
    python warm.py ask SOCKET      stands for `python -P -m hpsearch.training`
"""

from __future__ import annotations

import atexit
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

OTHERS = ("COVERAGE_PROCESS_CONFIG", "PYTHONPATH")
"""With one of these variables, a process has to import for itself."""


@cache
def command() -> list[str]:
    """What does the same as `hpsearch.processes.ask.COMMAND`; its server ends with the tests."""
    folder = tempfile.mkdtemp(prefix="hps-warm-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    place = f"{folder}/socket"
    server = subprocess.Popen(
        [sys.executable, "-P", __file__, "serve", place],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"},
    )
    assert server.stdin
    assert server.stdout
    atexit.register(server.wait)
    atexit.register(server.stdin.close)
    with server.stdout:
        server.stdout.readline()  # it listens
    return [sys.executable, "-S", __file__, "ask", place]


def serve(place: str) -> None:
    """Fork for each connection."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen()
    print("listening", flush=True)
    from hpsearch.quiet_imports import keras_alone

    with keras_alone():
        from hpsearch.training import use
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        client, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            message, descriptors, *_ = socket.recv_fds(client, 1 << 20, 3)
            pid = os.fork()
            if pid == 0:
                client.close()
                _become(json.loads(message), descriptors)
                use.main()
                os._exit(0)
            for descriptor in descriptors:
                os.close(descriptor)
            if client in select.select([client, os.pidfd_open(pid)], [], [])[0]:
                os.kill(pid, signal.SIGKILL)  # who asked has gone
            _, status = os.waitpid(pid, 0)
            client.send(b"%d" % os.waitstatus_to_exitcode(status))
            os._exit(0)
        client.close()


def _become(asker: dict[str, dict[str, str]], descriptors: list[int]) -> None:
    """Take the files, the variables and the folder of who asked."""
    for place, descriptor in enumerate(descriptors):
        os.dup2(descriptor, place)
    os.environ.clear()
    os.environ.update(asker["variables"])
    os.chdir(str(asker["folder"]))
    tempfile.tempdir = None  # which tempfile remembers


def ask(place: str) -> None:
    """Have this process stood for by one of the server's."""
    backend = os.environ.get("KERAS_BACKEND")
    if backend != "tensorflow" or any(name in os.environ for name in OTHERS):
        os.execv(sys.executable, [sys.executable, "-P", "-m", "hpsearch.training"])
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(place)
        asker = {"variables": dict(os.environ), "folder": str(Path.cwd())}
        socket.send_fds(server, [json.dumps(asker).encode()], [0, 1, 2])
        for descriptor in (0, 1):  # whoever waits for their end waits for the other process
            os.close(descriptor)
        code = int(server.recv(16))
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    {"serve": serve, "ask": ask}[sys.argv[1]](sys.argv[2])
