"""A real web server that publishes a small data set, in good and in bad manners."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hpsearch.data import File, Source

PAYLOADS = {"images.gz": bytes(range(256)) * 40, "words.json": b'{"the": 1}'}


class Publisher(ThreadingHTTPServer):
    """Serves `/MANNERS/NAME`; how it does so depends on the manners."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.requests: Counter[str] = Counter()
        """By path."""
        self.has_stalled = threading.Event()
        self.may_go_on = threading.Event()

    def source(self, manners: str) -> Source:
        """The data set, as downloaded from here."""
        files = tuple(
            File(name, hashlib.sha256(payload).hexdigest(), self.url(manners, name))
            for name, payload in PAYLOADS.items()
        )
        return Source("toys", files)

    def url(self, manners: str, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{manners}/{name}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


class Answer(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        self.server.requests[self.path] += 1
        _, manners, name = self.path.split("/")
        content = published(name)
        half = content[: len(content) // 2]
        match manners:
            case "good":
                self.send(content)
            case "cut":
                self.send(half, promised=len(content))
            case "cut-once":
                is_first = self.server.requests[self.path] == 1
                self.send(half if is_first else content, promised=len(content))
            case "short":  # a whole answer, of half the file
                self.send(half)
            case "wrong":
                self.send(gzip.compress(b"another file"))
            case "web-page":
                self.send(b"<html><body>Please log in to the campus network</body></html>")
            case "empty":
                self.send(b"")
            case "stalls":
                self.send(half, promised=len(content), close=False)
                self.stall()
            case "silent":
                self.stall()
            case "gated":
                self.stall()
                self.send(content)
            case "gone":
                self.send_error(404)
            case "ill":
                self.send_error(503)

    def send(self, content: bytes, promised: int | None = None, close: bool = True) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) if promised is None else promised))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()
        self.close_connection = close

    def stall(self) -> None:
        self.server.has_stalled.set()
        self.server.may_go_on.wait(60)

    def log_message(self, format: str, *args: object) -> None:
        """Not in the tests' output."""


def published(name: str) -> bytes:
    """A file as it lies on the server."""
    return gzip.compress(PAYLOADS[name], mtime=0) if name.endswith(".gz") else PAYLOADS[name]
