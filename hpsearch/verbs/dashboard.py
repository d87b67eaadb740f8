"""`hpsearch dashboard`: optuna-dashboard for people on this machine, also during a search.

Optuna's page asks nobody for a password, and its server takes any request: a web page
that is open in the same browser could have a study deleted, and an uploaded HTML file
could run scripts. `Guard` stands before it.
"""

from __future__ import annotations

import errno
import logging
import signal
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

import optuna
import optuna_dashboard
from optuna.artifacts import FileSystemArtifactStore
from waitress.server import create_server

from hpsearch.errors import StorageError, UsageError
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from hpsearch.terminal.printing import say

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from _typeshed import OptExcInfo

    Headers = list[tuple[str, str]]

HOST = "127.0.0.1"
HOST_NAMES = (HOST, "localhost", "[::1]")
READING = ("GET", "HEAD", "OPTIONS")
MAX_UPLOAD = 128 * 2**20  # what the page itself allows
MAX_BODY_READING = 2**16

# What the dashboard itself serves. Anything else is taken for an artifact: the router
# drops bytes that are not UTF-8, so that a path need not start with /artifacts/ to get there.
PAGES = ("/dashboard", "/static/", "/api/", "/csv/", "/favicon.ico")
PAGE_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-eval'",  # Plotly compiles its WebGL plots
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
ARTIFACT_POLICY = "sandbox; default-src 'none'"


def dashboard(storage_url: str, study_name: str | None, *, port: int, allow_edit: bool) -> None:
    """Serve the dashboard until Ctrl-C or SIGTERM.

    Args:
        storage_url: Of a storage that exists.
        study_name: The study to open at; None for the list of studies.
        port: On 127.0.0.1; 0 for any free one.
        allow_edit: Whether the page may change studies.

    Raises:
        StorageError: There is no such storage.
        StudyNotFound: There is no such study.
        UsageError: The port cannot be used.
        SystemExit: Always in the end: 130 after Ctrl-C, 143 after SIGTERM.
    """
    storage = Storage(storage_url, read_only=True)
    page = "/dashboard"
    if study_name is not None:
        study, _ = load_study(storage, study_name)
        page = f"/dashboard/studies/{study._study_id}"
    edit = _app(Storage(storage_url)) if allow_edit else None
    if allow_edit:
        (storage.folder / "artifacts").mkdir(parents=True, exist_ok=True)
    listener = _listen(port)
    guard = Guard(lambda: _app(Storage(storage_url, read_only=True)), edit)
    may = "the page may change studies" if edit else "read-only; --allow-edit to change"

    def announce() -> None:
        print(f"http://{HOST}:{listener.getsockname()[1]}{page}", flush=True)
        say(f"serving {storage} ({may}) until Ctrl-C")

    _serve(guard, listener, MAX_UPLOAD if edit else MAX_BODY_READING, announce)


class Guard:
    """Lets through to the dashboard what comes from its own page.

    Args:
        make_view: Makes the application that answers reading requests.
        edit: The application that answers writing ones; None to refuse them.
    """

    def __init__(
        self, make_view: Callable[[], WSGIApplication], edit: WSGIApplication | None
    ) -> None:
        self.make_view, self.edit = make_view, edit
        self.view = make_view()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, as WSGI has it."""
        refusal = self._refusal(environ)
        if refusal is not None:
            return _refuse(environ, start_response, *refusal)
        path = environ.get("PATH_INFO", "")
        is_page = path in ("", "/") or path.startswith(PAGES)
        edits = self.edit is not None and environ["REQUEST_METHOD"] not in READING
        is_outdated = edits

        def start(
            status: str, headers: Headers, exc_info: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            nonlocal is_outdated
            is_outdated = edits or status.startswith("500")
            return start_response(status, protect(headers, is_page=is_page), exc_info)

        app = self.edit if self.edit is not None and edits else self.view
        answer = app(environ, start)
        if is_outdated:
            self._renew()
        return answer

    def _renew(self) -> None:
        """Read the storage anew.

        After an edit, because trials are cached; after a failure, because opening a storage
        undoes what a killed search left half written, which a reader may not do later.
        """
        with suppress(StorageError):
            self.view = self.make_view()

    def _refusal(self, environ: WSGIEnvironment) -> tuple[str, str] | None:
        """The status and reason to refuse a request with, if it is one to refuse."""
        port = environ["SERVER_PORT"]
        hosts = {f"{name}:{port}" for name in HOST_NAMES}
        if port == "80":
            hosts.update(HOST_NAMES)
        if environ.get("HTTP_HOST", "").lower() not in hosts:  # a name that was led here by DNS
            return "403 Forbidden", f"open http://{HOST}:{port}: no other address is answered"
        if environ["REQUEST_METHOD"] in READING:
            return None
        if self.edit is None:
            return "405 Method Not Allowed", "read-only: hpsearch dashboard --allow-edit changes it"
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and origin.lower() not in {f"http://{host}" for host in hosts}:
            return "403 Forbidden", f"a page of {origin!r} may not change studies"
        return None


def _refuse(
    environ: WSGIEnvironment, start_response: StartResponse, status: str, reason: str
) -> list[bytes]:
    body = f"{reason}\n".encode()
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    if status.startswith("405"):
        headers.append(("Allow", ", ".join(READING)))
    start_response(status, protect(headers, is_page=True))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def protect(headers: Headers, *, is_page: bool) -> Headers:
    """An answer's headers, with those that keep its content from doing harm.

    Args:
        headers: As the dashboard made them.
        is_page: Whether the dashboard itself made the content; if not, it is an artifact,
            which could be any file, and is saved rather than shown.
    """
    ours = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Security-Policy": PAGE_POLICY if is_page else ARTIFACT_POLICY,
    }
    if not is_page:
        ours["Content-Disposition"] = "attachment"
    replaced = {name.lower() for name in ours}
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() not in replaced and not name.lower().startswith("access-control-")
    ]
    return [*kept, *ours.items()]


def _app(storage: Storage) -> WSGIApplication:
    """Optuna's dashboard on a storage, which may have artifacts beside it."""
    # read through the cache, finished trials are read once, not at each refresh of each page
    source = optuna.storages.get_storage(storage.optuna) if storage.read_only else storage.optuna
    artifacts = FileSystemArtifactStore(storage.folder / "artifacts")
    app: WSGIApplication = optuna_dashboard.wsgi(source, artifacts)
    return app


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


def _serve(
    app: WSGIApplication, listener: socket.socket, max_body: int, announce: Callable[[], None]
) -> None:
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a page asks for much at once
    logging.getLogger("optuna_dashboard").setLevel(logging.ERROR)
    server = create_server(app, sockets=[listener], max_request_body_size=max_body)
    code = 0

    def end(number: int, _frame: FrameType | None) -> None:
        nonlocal code
        code = 128 + number
        raise SystemExit(code)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    announce()  # once it can be ended: who reads the address may do so at once
    server.run()  # ends its threads on SystemExit, and returns
    raise SystemExit(code)
