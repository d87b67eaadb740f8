"""The guard in front of optuna-dashboard.

Optuna's page asks for no password, and its server accepts any request: a web page open in
the same browser could delete a study, and an uploaded HTML file could run scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from secrets import compare_digest
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from optuna.exceptions import StorageInternalError

from hpsearch.dashboard.app import make_app
from hpsearch.errors import StorageError
from hpsearch.study.storage import Storage

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from _typeshed import OptExcInfo

    Headers = list[tuple[str, str]]

HOST = "127.0.0.1"
HOST_NAMES = (HOST, "localhost", "[::1]")
READING = ("GET", "HEAD", "OPTIONS")
TOKEN = "token"
"""The field of an address that lets its browser write."""

# What the dashboard itself serves. Everything else is treated as an artifact: the router
# drops bytes that are not UTF-8, so a path can lead there without starting with /artifacts/.
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


class Guard:
    """A WSGI application that passes on to the dashboard what its own page asks for.

    Args:
        open_storage: Opens the storage that reading requests are answered from.
        edit: The application that answers writing requests; None to refuse them.
        token: What a browser must have been given, by the address that it opened, before it may
            write: other users of this machine reach the server too. None for no such test.
    """

    def __init__(
        self,
        open_storage: Callable[[], Storage],
        edit: WSGIApplication | None,
        token: str | None = None,
    ) -> None:
        self.open_storage, self.edit, self.token = open_storage, edit, token
        self._open()

    def _open(self) -> None:
        self.storage = self.open_storage()
        self.view = make_app(self.storage)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        refusal = self._refusal(environ)
        if refusal is not None:
            return _refuse(environ, start_response, *refusal)
        path = environ.get("PATH_INFO", "")
        if path.startswith("/dashboard") and self._is_token(_in_query(environ)):
            cookie = f"{_cookie(environ)}={self.token}; HttpOnly; SameSite=Strict; Path=/"
            headers = [("Location", quote(path)), ("Set-Cookie", cookie)]
            start_response("303 See Other", protect(headers, is_page=True))
            return []
        environ.setdefault("HTTP_ACCEPT_ENCODING", "")  # the dashboard fails without one
        is_page = path in ("", "/") or path.startswith(PAGES)
        edits = self.edit is not None and environ["REQUEST_METHOD"] not in READING
        has_failed = False

        def start(
            status: str, headers: Headers, exc_info: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            nonlocal has_failed
            has_failed = status.startswith("500")
            return start_response(status, protect(headers, is_page=is_page), exc_info)

        app = self.edit if self.edit is not None and edits else self.view
        answer = app(environ, start)
        # the view caches trials; and opening a storage undoes what a killed search left half
        # written, which a reader that has it open already may not do
        if edits or (has_failed and not _can_read(self.storage)):
            with suppress(StorageError):
                self._open()
        return answer

    def _refusal(self, environ: WSGIEnvironment) -> tuple[str, str] | None:
        """The status and the reason to refuse a request; None to let it through."""
        port = environ["SERVER_PORT"]
        hosts = {f"{name}:{port}" for name in HOST_NAMES}
        if port == "80":
            hosts.update(HOST_NAMES)
        if environ.get("HTTP_HOST", "").lower() not in hosts:  # DNS rebinding
            return "403 Forbidden", f"open http://{HOST}:{port}: no other address is answered"
        path = environ.get("PATH_INFO", "").encode("latin1").decode(errors="ignore")  # as routed
        if ".." in path.split("/"):
            return "404 Not Found", "no such page"
        if environ["REQUEST_METHOD"] in READING:
            return None
        if self.edit is None:
            return "405 Method Not Allowed", "read-only: start hpsearch dashboard with --allow-edit"
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and origin.lower() not in {f"http://{host}" for host in hosts}:
            return "403 Forbidden", f"a page of {origin!r} may not change studies"
        if self.token is not None and not self._is_token(_in_cookie(environ)):
            return "403 Forbidden", "to change studies, open the address that was printed"
        return None

    def _is_token(self, given: str) -> bool:
        return self.token is not None and compare_digest(given.encode(), self.token.encode())


def _in_query(environ: WSGIEnvironment) -> str:
    return parse_qs(str(environ.get("QUERY_STRING", ""))).get(TOKEN, [""])[0]


def _in_cookie(environ: WSGIEnvironment) -> str:
    try:
        given = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(_cookie(environ))
    except CookieError:
        return ""
    return "" if given is None else str(given.value)


def _cookie(environ: WSGIEnvironment) -> str:
    """The name of the cookie with the token: a browser has one jar for all ports."""
    return f"hpsearch_{environ['SERVER_PORT']}"


def _can_read(storage: Storage) -> bool:
    try:
        storage.backend.get_all_studies()
    except StorageInternalError:
        return False
    return True


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
    """The headers of an answer, with those added that keep its content from doing harm.

    Args:
        headers: As the dashboard made them.
        is_page: Whether the dashboard itself made the content. If not, it is an artifact,
            which may be any file: browsers download it instead of showing it.
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
