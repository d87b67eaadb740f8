"""Texts written by networks: formatted as lines, and attached to trials for the dashboard."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from optuna.trial import Trial

from hpsearch.curves.curve import Curve, Written
from hpsearch.errors import DataError

FILE_NAME = "written.txt"


def describe_texts(texts: Sequence[Written | None]) -> list[str]:
    """Format the texts as lines, by epoch."""
    lines = []
    for epoch, written in enumerate(texts, 1):
        if written is not None:
            lines.append(f"written after epoch {epoch}, from {_in_a_line(written.window)!r}")
            for temperature, text in zip(written.temperatures, written.texts, strict=True):
                lines.append(f"  at temperature {temperature:g}: {_in_a_line(text)}")
    return lines


def attach_texts(trial: Trial, curve: Curve, epochs: int, storage_folder: Path) -> None:
    """Attach a trial's texts as a file, if its network wrote any.

    Args:
        trial: A running one: Optuna cannot attach files to finished trials.
        curve: Its curve.
        epochs: Epochs it has trained.
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
        raise DataError(f"cannot save a trial's texts in {folder}: {error.strerror}") from error


def _in_a_line(text: str) -> str:
    return " ".join(text.splitlines())
