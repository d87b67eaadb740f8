"""Texts that networks wrote: as lines for people, and as a file of a trial for the dashboard."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from optuna.trial import Trial

from hpsearch.curves.curve import Curve, Written
from hpsearch.errors import DataError

FILE_NAME = "written.txt"


def describe_texts(texts: Sequence[Written | None]) -> list[str]:
    """The texts as lines, epoch by epoch."""
    lines = []
    for epoch, written in enumerate(texts, 1):
        if written is not None:
            lines.append(f"written after epoch {epoch}, from {_in_a_line(written.window)!r}")
            for temperature, text in zip(written.temperatures, written.texts, strict=True):
                lines.append(f"  at temperature {temperature:g}: {_in_a_line(text)}")
    return lines


def attach_texts(trial: Trial, curve: Curve, epochs: int, storage_folder: Path) -> None:
    """Attach the texts of a trial as a file, if its network wrote any.

    Args:
        trial: Still running: Optuna attaches no files to a finished trial.
        curve: Its curve.
        epochs: How many epochs it did.
        storage_folder: The folder that holds `artifacts`, which the dashboard serves.

    Raises:
        DataError: The file cannot be written.
    """
    lines = describe_texts(curve.texts[:epochs])
    if not lines:
        return
    # imported here: only a search attaches files, and reading verbs should be quick
    from optuna.artifacts import FileSystemArtifactStore, upload_artifact

    folder = storage_folder / "artifacts"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="hpsearch-") as scratch:
            path = Path(scratch) / FILE_NAME
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            upload_artifact(
                artifact_store=FileSystemArtifactStore(folder),
                file_path=str(path),
                study_or_trial=trial,
                mimetype="text/plain",
            )
    except OSError as error:
        raise DataError(
            f"cannot save the texts of a trial in {folder}: {error.strerror}"
        ) from error


def _in_a_line(text: str) -> str:
    return " ".join(text.splitlines())
