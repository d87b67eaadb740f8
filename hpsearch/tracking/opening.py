"""Opens the trackers that `--log` names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpsearch.choices import TrackerName
from hpsearch.errors import DataError, UsageError
from hpsearch.study_file import StudyFile
from hpsearch.tracking.tracker import Tracker


def open_trackers(places: Sequence[str], study: str, study_file: StudyFile) -> dict[str, Tracker]:
    """Open what `--log` names, before a search begins.

    Args:
        places: Each `tensorboard:DIR` or `mlflow:URI`.
        study: The study's name.
        study_file: Its study file.

    Returns:
        A tracker for each place.

    Raises:
        UsageError: A place is of another form, or its package is not installed.
        DataError: A place cannot be written.
    """
    return {place: _open(place, study, study_file) for place in places}


def _open(place: str, study: str, study_file: StudyFile) -> Tracker:
    name, _, where = place.partition(":")
    if name not in list(TrackerName) or not where:
        raise UsageError(f"--log takes tensorboard:DIR or mlflow:URI, got {place!r}")
    try:
        if name == TrackerName.TENSORBOARD:
            from hpsearch.tracking.tensorboard import TensorBoard

            return TensorBoard(Path(where), study)
        from hpsearch.tracking.mlflow import MLflow

        return MLflow(where, study, study_file)
    except ImportError as error:
        package = str(error.name).partition(".")[0]
        raise UsageError(f"--log {name} needs {package}: pip install 'hpsearch[{name}]'") from error
    except Exception as error:  # a disk, a server, or whatever MLflow makes of a wrong URI
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        reason = " ".join(told.split())[:200]
        raise DataError(f"cannot log to {place}: {reason}") from error
