"""A study's pictures and tables as artifacts that the dashboard draws when it is asked.

Nothing is stored and no search draws anything: a page shows what there is at that moment.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, BinaryIO

from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import BaseStorage
from optuna.study._frozen import FrozenStudy
from optuna.trial import TrialState

from hpsearch.errors import HpsearchError
from hpsearch.files import as_csv
from hpsearch.pictures.drawing import as_svg
from hpsearch.pictures.gallery import draw
from hpsearch.pictures.kinds import ABOUT, Needs, PictureKind
from hpsearch.pictures.subject import Subject
from hpsearch.reporting.content import levels_table, trials_table
from hpsearch.study.record import ATTR
from hpsearch.study.storage import Storage

TABLE = "table"
PREFIX = "artifacts:"  # Optuna's, of the attributes that name a study's artifacts
SEPARATOR = "-"
REFUSED = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="420" height="60">'
    '<text x="8" y="34" font-family="sans-serif" font-size="12">{}</text></svg>'
)


@dataclass(frozen=True)
class Drawn:
    """An artifact that is made when somebody looks at it."""

    study_id: int
    what: str
    """A kind of picture, or `TABLE`."""

    @property
    def name(self) -> str:
        """Its identifier: hexadecimal digits and dashes, as the dashboard's router wants."""
        return f"{self.study_id:x}{SEPARATOR}{self.what.encode().hex()}"

    @property
    def meta(self) -> str:
        """What Optuna stores of an artifact."""
        is_table = self.what == TABLE
        return json.dumps(
            {
                "artifact_id": self.name,
                "filename": f"{self.what}.csv" if is_table else f"{self.what}.svg",
                "mimetype": "text/csv" if is_table else "image/svg+xml",
                "encoding": None,
            }
        )

    @classmethod
    def parse(cls, name: str) -> Drawn | None:
        """The artifact of an identifier; None for one that is stored."""
        study_id, _, what = name.partition(SEPARATOR)
        try:
            found = cls(int(study_id, 16), bytes.fromhex(what).decode())
        except ValueError:
            return None
        return found if found.what == TABLE or found.what in ABOUT else None


@BaseStorage.register  # the dashboard asks whether it is one
class WithPictures:
    """An Optuna storage whose studies have their pictures among their artifacts.

    Args:
        backend: The storage.
    """

    def __init__(self, backend: BaseStorage) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def get_all_studies(self) -> list[FrozenStudy]:
        """The studies: a page reads the attributes of one from here."""
        studies = self._backend.get_all_studies()
        for study in studies:
            drawn = self._drawn(study._study_id, study.user_attrs)
            study.system_attrs = {**study.system_attrs, **drawn}
        return studies

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """The stored attributes, and the pictures: the route to an artifact reads them here."""
        user_attrs = self._backend.get_study_user_attrs(study_id)
        attrs = self._backend.get_study_system_attrs(study_id)
        return {**attrs, **self._drawn(study_id, user_attrs)}

    def _drawn(self, study_id: int, user_attrs: Mapping[str, Any]) -> dict[str, str]:
        """The attributes that name the pictures of a study that hpsearch made."""
        content = user_attrs.get(ATTR)
        if not isinstance(content, dict) or not self._has_finished(study_id):
            return {}
        own = Needs.SWEEP if content.get("points") else Needs.SEARCH
        kinds = [kind for kind, about in ABOUT.items() if about.needs in (Needs.ANY, own)]
        kinds.remove(PictureKind.GRADIENT)  # few tasks log it
        drawn = [Drawn(study_id, what) for what in (TABLE, *kinds)]
        return {PREFIX + one.name: one.meta for one in drawn}

    def _has_finished(self, study_id: int) -> bool:
        states = (TrialState.COMPLETE,)
        return bool(self._backend.get_all_trials(study_id, deepcopy=False, states=states))


class DrawnStore:
    """Optuna's artifact store, with the pictures drawn on demand.

    Args:
        stored: The files beside the storage.
        storage: The studies.
    """

    def __init__(self, stored: FileSystemArtifactStore, storage: Storage) -> None:
        self._stored, self._storage = stored, storage
        self._lock = threading.Lock()  # matplotlib's settings belong to the whole process

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Draw it, or open the stored file."""
        drawn = Drawn.parse(artifact_id)
        if drawn is None:
            return self._stored.open_reader(artifact_id)
        with self._lock:
            return io.BytesIO(self._content(drawn))

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Store a file."""
        self._stored.write(artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        """Remove a stored file."""
        if Drawn.parse(artifact_id) is None:
            self._stored.remove(artifact_id)

    def _content(self, drawn: Drawn) -> bytes:
        try:
            name = self._storage.optuna.get_study_name_from_id(drawn.study_id)
            subject = Subject(self._storage, name)
            if drawn.what == TABLE:
                table = levels_table(subject) if subject.is_sweep else trials_table(subject)
                return as_csv(table.header, table.rows).encode(errors="backslashreplace")
            return as_svg(draw(PictureKind(drawn.what), subject)).encode()
        except HpsearchError as error:
            told = str(error) if drawn.what == TABLE else REFUSED.format(escape(str(error)))
            return told.encode()
