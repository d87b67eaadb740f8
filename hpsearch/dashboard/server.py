"""The server: optuna-dashboard on a storage, behind the guard, until a signal ends it."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from waitress.server import create_server

from hpsearch.dashboard.app import make_app
from hpsearch.dashboard.guard import HOST, Guard
from hpsearch.errors import UsageError
from hpsearch.processes.signals import handled
from hpsearch.study.storage import Storage

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

MAX_UPLOAD = 128 * 2**20  # bytes; what the page itself allows
MAX_BODY_READING = 2**16


def serve(
    storage_url: str,
    *,
    port: int,
    allow_edit: bool,
    announce: Callable[[str], None],
    token: str | None = None,
) -> None:
    """Serve the dashboard until Ctrl-C or SIGTERM.

    Args:
        storage_url: A storage that exists.
        port: On 127.0.0.1; 0 for any free port.
        allow_edit: Whether the page may change studies.
        announce: Called with the server's address once signals can end it.
        token: What the guard asks for before a page may change studies.

    Raises:
        StorageError: The storage cannot be opened.
        UsageError: The port cannot be used.
        SystemExit: Always, in the end: 130 after Ctrl-C, 143 after SIGTERM.
    """
    edit = None
    if allow_edit:
        storage = Storage(storage_url)
        (storage.artifacts).mkdir(parents=True, exist_ok=True)
        edit = make_app(storage)
    with _listen(port) as listener:
        guard = Guard(lambda: Storage(storage_url, read_only=True), edit, token)
        _run(guard, listener, MAX_UPLOAD if edit else MAX_BODY_READING, announce)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        cure = "--port 0 takes any free one"
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"port {port} is in use: {cure}") from error
        if error.errno in {errno.EACCES, errno.EPERM}:
            raise UsageError(f"port {port} is not permitted to this user: {cure}") from error
        raise UsageError(f"port {port} cannot be used ({error.strerror}): {cure}") from error


def _run(
    app: WSGIApplication,
    listener: socket.socket,
    max_body: int,
    announce: Callable[[str], None],
) -> None:
    for name in ("waitress", "optuna_dashboard"):  # of requests that wait or are dropped
        logging.getLogger(name).setLevel(logging.ERROR)
    server = create_server(app, sockets=[listener], max_request_body_size=max_body)
    code = 0

    def end(number: int, _frame: object) -> None:
        nonlocal code
        code = 128 + number
        raise SystemExit(code)

    with handled({"SIGINT": end, "SIGTERM": end}):
        announce(f"http://{HOST}:{listener.getsockname()[1]}")
        server.run()  # ends its threads on SystemExit, and returns
    raise SystemExit(code)
