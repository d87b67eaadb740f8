"""optuna-dashboard on one of our storages, without the guard."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.study import Study

from hpsearch.dashboard.app import make_app
from hpsearch.dashboard.pictures import Drawn
from hpsearch.study.storage import Storage
from tests.pictures.stored import BASELINE, Stored, logs, store


def ask(
    storage: Storage, path: str, method: str = "GET", content: object = None
) -> tuple[str, bytes]:
    """The status and the body of an answer to one request."""
    sent = json.dumps(content).encode()
    environ: dict[str, Any] = {
        "PATH_INFO": path,
        "REQUEST_METHOD": method,
        "HTTP_ACCEPT_ENCODING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(sent)),
        "wsgi.input": io.BytesIO(sent),
    }
    setup_testing_defaults(environ)
    statuses: list[str] = []

    def start_response(status: str, headers: object, exc_info: object = None) -> None:
        statuses.append(status)

    answer = make_app(storage)(environ, start_response)  # type: ignore[arg-type]
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return statuses[0], body


@pytest.fixture
def reader(storage: Storage, study: Study) -> Storage:
    return Storage(storage.url.render_as_string(), read_only=True)


def test_studies_of_a_storage_are_listed(reader):
    status, body = ask(reader, "/api/studies")

    assert status == "200 OK"
    assert [one["study_name"] for one in json.loads(body)["study_summaries"]] == ["toy"]


def test_artifacts_are_those_beside_the_storage(storage, study, reader, tmp_path: Path):
    storage.artifacts.mkdir()
    (tmp_path / "text.txt").write_text("a text")
    store = FileSystemArtifactStore(storage.artifacts)
    name = upload_artifact(
        artifact_store=store, file_path=str(tmp_path / "text.txt"), study_or_trial=study
    )

    assert ask(reader, f"/artifacts/{study._study_id}/{name}") == ("200 OK", b"a text")


def test_what_is_read_only_cannot_be_changed(study, reader):
    status, _ = ask(reader, f"/api/studies/{study._study_id}", "DELETE")

    assert status.startswith("500")
    assert [one.study_name for one in reader.optuna.get_all_studies()] == ["toy"]


def test_what_is_not_read_only_can_be_changed(storage, study):
    status, _ = ask(storage, f"/api/studies/{study._study_id}", "DELETE")

    assert status == "204 No Content"
    assert storage.optuna.get_all_studies() == []


def test_a_study_of_ours_has_its_pictures_and_its_table_as_artifacts(tmp_path: Path):
    done = Stored(curve=logs(3))
    subject = store(tmp_path, done, Stored(curve=logs(3), params={**BASELINE, "units": 8}))
    storage, study_id = subject.storage, subject.study._study_id

    status, body = ask(storage, f"/api/studies/{study_id}")

    assert status == "200 OK"
    artifacts = {one["filename"]: one for one in json.loads(body)["artifacts"]}
    assert {"table.csv", "curves.svg", "history.svg", "slices.svg"} <= artifacts.keys()
    assert "factors.svg" not in artifacts
    for name, begins in (("curves.svg", b"<?xml"), ("table.csv", b"trial,val_accuracy")):
        path = f"/artifacts/{study_id}/{artifacts[name]['artifact_id']}"
        status, body = ask(storage, path)
        assert (status, body[: len(begins)]) == ("200 OK", begins)


def test_a_picture_that_cannot_be_drawn_says_why(tmp_path: Path):
    subject = store(tmp_path, Stored(curve=logs(3)))
    study_id = subject.study._study_id

    status, body = ask(
        subject.storage, f"/artifacts/{study_id}/{Drawn(study_id, 'importances').name}"
    )

    assert status == "200 OK"
    assert b"has one finished configuration" in body


def test_a_study_that_nothing_has_finished_in_has_no_pictures(tmp_path: Path):
    subject = store(tmp_path)

    _status, body = ask(subject.storage, f"/api/studies/{subject.study._study_id}")

    assert json.loads(body)["artifacts"] == []
