"""`hpsearch plot`: one picture of a study, as a file."""

from __future__ import annotations

import re
from pathlib import Path

from hpsearch.files import slug
from hpsearch.pictures.drawing import require_new, save
from hpsearch.pictures.gallery import Choice, draw, warning_of
from hpsearch.pictures.kinds import PictureKind
from hpsearch.pictures.subject import Subject
from hpsearch.study.storage import Storage
from hpsearch.terminal.printing import plain, say


def plot(
    storage_url: str,
    study_name: str,
    kind: PictureKind,
    output: Path | None,
    choice: Choice,
    *,
    data: Path | None,
    force: bool,
) -> None:
    """Draw a picture of a study into a file, whole or not at all.

    Args:
        storage_url: Where the study is.
        study_name: The study.
        kind: Which picture.
        output: The file, which ends in .svg, .png or .pdf; None for one in the current folder.
        choice: What of the study to draw.
        data: The user's data folder, for pictures that ask the study's network.
        force: Whether to replace the file if it exists.

    Raises:
        UsageError: The file exists, or ends in something else; or the study has no such
            picture.
        NothingFinished: The study has not come far enough for this picture.
        HpsearchError: Of other kinds, if the winner's network or its data cannot be used.
    """
    path = output or Path(f"{_readable(study_name)}-{kind}.svg")
    require_new(path, force=force)
    subject = Subject(Storage(storage_url, read_only=True), study_name, data)
    figure = draw(kind, subject, choice)
    if warning := warning_of(kind, subject):
        say(f"warning: {warning}")
    save(figure, path)
    print(plain(f"drew {kind} of {study_name}: {path}"))


def _readable(study_name: str) -> str:
    """The study's name if it can name a file, else one that is made of it."""
    return study_name if re.fullmatch(r"\w[\w.-]{0,80}", study_name) else slug(study_name)
