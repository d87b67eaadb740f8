"""The guard in front of the dashboard, by real requests to a real server."""

from __future__ import annotations

import http.client
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest
from waitress.server import create_server

from hpsearch.dashboard.guard import Guard
from hpsearch.study.storage import Storage
from tests.waiting import HANG_S

PAGES = ["/static/bundle.js", "/favicon.ico", "/dashboard"]
ESCAPES = [
    "/static/../..",
    "/static/../../etc/passwd",
    "/static/%2e%2e/%2e%2e/etc/passwd",
    "/static/.%ff./x",  # the router drops bytes that are not UTF-8
    "/dashboard/../..",
    "/../artifacts/1/x",
]


@dataclass
class Served:
    """A guarded dashboard under way."""

    port: int
    database: Path
    n_openings: int = 0
    """How often its storage was opened."""

    def ask(self, path: str, **headers: str) -> http.client.HTTPResponse:
        """Send a request with exactly these headers beside `Host`."""
        with closing(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG_S)
        ) as connection:
            connection.putrequest("GET", path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            response = connection.getresponse()
            self.body = response.read()
            return response


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    database = tmp_path / "studies.db"
    optuna.create_study(study_name="toy", storage=Storage(f"sqlite:///{database}").optuna)
    served = Served(0, database)

    def open_storage():
        served.n_openings += 1
        return Storage(f"sqlite:///{database}", read_only=True)

    server = create_server(Guard(open_storage, None), host="127.0.0.1", port=0)
    served.port = server.effective_port
    thread = threading.Thread(target=server.run)
    thread.start()
    yield served
    # in the server's own thread, which else would poll what is closed
    server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
    thread.join(timeout=HANG_S)
    server.task_dispatcher.shutdown()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_answered_with_and_without_accepted_encodings(served: Served, path: str):
    assert served.ask(path).status == 200
    assert served.ask(path, Accept_Encoding="gzip").status == 200


@pytest.mark.parametrize("path", ESCAPES)
@pytest.mark.parametrize("headers", [{}, {"Accept_Encoding": "gzip"}], ids=["bare", "gzip"])
def test_a_path_that_leaves_its_folder_is_not_found(
    served: Served, path: str, headers: dict[str, str]
):
    response = served.ask(path, **headers)

    assert response.status == 404
    assert response.headers["Content-Type"] == "text/plain"
    assert served.body == b"no such page\n"


def test_no_request_for_a_page_opens_the_storage_again(served: Served):
    for path in [*PAGES, *ESCAPES, "/static/nothing.js", "/api/studies/99", "/csv/99", "/nowhere"]:
        assert served.ask(path).status < 500

    assert served.n_openings == 1


def test_a_storage_that_fails_is_opened_again_and_answers(served: Served):
    with closing(sqlite3.connect(served.database)) as other:
        other.execute("ALTER TABLE studies RENAME TO away")
        assert served.ask("/api/studies").status == 500
        other.execute("ALTER TABLE away RENAME TO studies")

    assert served.n_openings == 2
    assert served.ask("/api/studies").status == 200
