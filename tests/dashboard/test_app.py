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
from hpsearch.study.storage import Storage


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
