"""optuna-dashboard itself, unguarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna
import optuna_dashboard
from optuna.artifacts import FileSystemArtifactStore

from hpsearch.dashboard.pictures import DrawnStore, WithPictures
from hpsearch.study.storage import Storage

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def make_app(storage: Storage) -> WSGIApplication:
    """The dashboard of a storage and of the artifacts beside it."""
    # not the patient storage: a page that waits is worse than one that says what failed. The
    # cache reads a finished trial once, not at every refresh of every page
    source = optuna.storages.get_storage(storage.backend) if storage.read_only else storage.backend
    artifacts = DrawnStore(FileSystemArtifactStore(storage.artifacts), storage)
    app: WSGIApplication = optuna_dashboard.wsgi(WithPictures(source), artifacts)
    return app
