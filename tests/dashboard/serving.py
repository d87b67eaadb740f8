"""A guarded dashboard in a thread of the tests, and requests to it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from waitress.server import create_server

from hpsearch.dashboard.app import make_app
from hpsearch.dashboard.guard import Guard
from hpsearch.study.storage import Storage
from tests.waiting import HANG_S


@dataclass
class Served:
    """A guarded dashboard under way."""

    port: int
    n_openings: int = 0
    """How often its storage was opened."""
    body: bytes = b""
    """Of the last answer."""

    def ask(
        self, path: str, method: str = "GET", content: object = None, **headers: str
    ) -> http.client.HTTPResponse:
        """Send a request with exactly these headers; `Host` is right unless given."""
        host = f"127.0.0.1:{self.port}"
        sent = b"" if content is None else json.dumps(content).encode()
        defaults = {"Host": host}
        if method not in ("GET", "HEAD"):
            defaults |= {"Content-Type": "application/json", "Content-Length": str(len(sent))}
        with closing(http.client.HTTPConnection(host, timeout=HANG_S)) as connection:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {**defaults, **headers}.items():
                if value:
                    connection.putheader(name.replace("_", "-"), value)
            connection.endheaders(sent)
            response = connection.getresponse()
            self.body = response.read()
            return response


@contextmanager
def serving(
    storage: Storage, *, allow_edit: bool = False, token: str | None = None
) -> Iterator[Served]:
    """Serve a storage, read-only unless the page may edit."""
    served = Served(0)

    def open_storage() -> Storage:
        served.n_openings += 1
        return Storage(storage.url.render_as_string(), read_only=True)

    guard = Guard(open_storage, make_app(storage) if allow_edit else None, token)
    server = create_server(guard, host="127.0.0.1", port=0)
    served.port = server.effective_port
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield served
    finally:
        # in the server's own thread, which else would poll what is closed
        server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
        thread.join(timeout=HANG_S)
        server.task_dispatcher.shutdown()
