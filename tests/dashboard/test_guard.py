"""The guard in front of the dashboard, by real requests to a real server."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from optuna.study import Study

from hpsearch.study.storage import Storage
from tests.dashboard.serving import Served, serving

PAGES = ["/static/bundle.js", "/favicon.ico", "/dashboard"]
ESCAPES = [
    "/static/../..",
    "/static/../../etc/passwd",
    "/static/%2e%2e/%2e%2e/etc/passwd",
    "/static/.%ff./x",  # the router drops bytes that are not UTF-8
    "/dashboard/../..",
    "/../artifacts/1/x",
]


def writes(study: Study) -> list[tuple[str, str, object]]:
    """Requests of the dashboard's own page that change something."""
    n = study._study_id
    running = study.trials[0]._trial_id
    html = "data:text/html;base64,PGI+"
    return [
        ("POST", "/api/studies", {"study_name": "new", "directions": ["minimize"]}),
        ("POST", f"/api/studies/{n}/rename", {"study_name": "renamed"}),
        ("DELETE", f"/api/studies/{n}", None),
        ("PUT", f"/api/studies/{n}/note", {"version": 1, "body": "mine"}),
        ("PUT", f"/api/studies/{n}/{running}/note", {"version": 1, "body": "mine"}),
        ("POST", f"/api/trials/{running}/tell", {"state": "complete", "values": [0.999]}),
        ("POST", f"/api/trials/{running}/user-attrs", {"user_attrs": {"a": 1}}),
        ("POST", f"/api/artifacts/{n}", {"file": html, "filename": "a.html"}),
        ("POST", "/incompatible-rdb-schema", None),
    ]


def fingerprint(storage: Storage) -> str:
    return hashlib.sha256(Path(storage.url.database or "").read_bytes()).hexdigest()


def states(served: Served, study: Study) -> list[str]:
    """The states of a study's trials, as the page shows them."""
    assert served.ask(f"/api/studies/{study._study_id}").status == 200
    return [trial["state"] for trial in json.loads(served.body)["trials"]]


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


def test_a_storage_that_fails_is_opened_again_and_answers(served: Served, storage: Storage):
    with closing(sqlite3.connect(storage.url.database or "")) as other:
        other.execute("ALTER TABLE studies RENAME TO away")
        assert served.ask("/api/studies").status == 500
        other.execute("ALTER TABLE away RENAME TO studies")

    assert served.n_openings == 2
    assert served.ask("/api/studies").status == 200


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_this_machines_own_names_are_answered(served: Served, name: str):
    assert served.ask("/api/studies", Host=f"{name}:{served.port}").status == 200


@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:{port}", "127.0.0.1", "localhost:1", "", "127.0.0.1:"]
)
def test_other_names_and_ports_are_refused(served: Served, host: str):
    """A name of the web that leads here belongs to a page that may not read studies."""
    assert served.ask("/api/studies", Host=host.format(port=served.port)).status == 403


def test_two_names_at_once_are_refused(served: Served):
    assert served.ask("/api/studies", host=f"evil.test:{served.port}").status in {400, 403}


def test_nothing_can_be_changed_through_it(served: Served, storage: Storage, study: Study):
    before = fingerprint(storage)

    for method, path, content in writes(study):
        response = served.ask(path, method, content)
        assert response.status == 405, (method, path)
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert served.body.count(b"\n") == 1

    assert fingerprint(storage) == before
    assert not storage.artifacts.exists()


def test_with_allow_edit_its_own_page_may_change_studies_and_sees_the_change_at_once(
    storage: Storage, study: Study
):
    told = {"state": "complete", "values": [0.9]}
    path = f"/api/trials/{study.trials[0]._trial_id}/tell"
    with serving(storage, allow_edit=True) as served:
        assert states(served, study) == ["Running", "Complete"]

        response = served.ask(path, "POST", told, Origin=f"http://127.0.0.1:{served.port}")

        assert response.status == 204
        assert states(served, study) == ["Complete", "Complete"]


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://127.0.0.1:1"])
def test_with_allow_edit_a_page_from_elsewhere_may_still_change_nothing(
    storage: Storage, study: Study, origin: str
):
    before = fingerprint(storage)

    with serving(storage, allow_edit=True) as served:
        for method, path, content in writes(study):
            assert served.ask(path, method, content, Origin=origin).status == 403

    assert fingerprint(storage) == before


def test_with_a_token_only_the_browser_that_opened_its_address_may_change_studies(
    storage: Storage, study: Study
):
    with serving(storage, allow_edit=True, token="s3same") as served:
        path = f"/api/studies/{study._study_id}"
        name = f"hpsearch_{served.port}"
        for cookie in ("", f"{name}=", f"{name}=guess", "hpsearch_1=s3same", "=;\\"):
            assert served.ask(path, "DELETE", Cookie=cookie).status == 403
        assert served.ask("/dashboard?token=guess").getheader("Set-Cookie") is None

        opened = served.ask("/dashboard?token=s3same")

        assert (opened.status, opened.getheader("Location")) == (303, "/dashboard")
        cookie, *limits = (opened.getheader("Set-Cookie") or "").split("; ")
        assert limits == ["HttpOnly", "SameSite=Strict", "Path=/"]
        assert served.ask("/dashboard", Cookie=cookie).status == 200
        assert served.ask(path, "DELETE", Cookie=cookie).status == 204


@pytest.mark.parametrize(
    "path", ["/", "/dashboard", "/api/studies", "/static/bundle.js", "/nowhere", "/csv/1"]
)
def test_every_answer_forbids_sniffing_framing_and_foreign_scripts(served: Served, path: str):
    headers = served.ask(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    (policy,) = headers.get_all("Content-Security-Policy") or []
    assert "default-src 'self'" in policy or "sandbox" in policy


@pytest.mark.parametrize("path", ["/api/studies", "/api/studies/1", "/csv/1", "/dashboard"])
def test_between_two_requests_it_holds_no_lock(served: Served, storage: Storage, path: str):
    with closing(sqlite3.connect(storage.url.database or "", timeout=0)) as other:
        assert served.ask(path).status == 200

        other.execute("BEGIN EXCLUSIVE")
        other.rollback()


def test_it_goes_on_after_a_search_was_killed_in_the_middle_of_a_write(
    served: Served, storage: Storage, study: Study
):
    die_writing = f"""
import os, sqlite3
connection = sqlite3.connect({storage.url.database!r}, isolation_level=None)
connection.execute("PRAGMA cache_size = 1")  # so that half of it is in the file already
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE half (done)")
connection.executemany("INSERT INTO half VALUES (?)", [("x" * 4000,)] * 200)
os.kill(os.getpid(), 9)
"""
    before = states(served, study)
    assert subprocess.run([sys.executable, "-c", die_writing], check=False).returncode == -9

    served.ask(f"/api/studies/{study._study_id}")  # finds it half written, and opens it again

    assert states(served, study) == before
