"""A task's data: found or downloaded, loaded once, cached as arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from hpsearch.data.arrays import Dataset, Prepared, classes_of, prepare
from hpsearch.data.folds import require_folds
from hpsearch.data.sources import cache_folder, find_or_fetch, require_folder
from hpsearch.errors import DataError, DataNotFound, StudyChanged, StudyFileError
from hpsearch.study.record import Record
from hpsearch.study.space import place_of
from hpsearch.study_file import StudyFile, calling, where

# Version of the readers and `hold_out`: add one when what they return changes.
READERS = 1


def prepare_data(
    study_file: StudyFile, folder: Path | None, say: Callable[[str], object] = lambda text: None
) -> Prepared:
    """The prepared arrays of a study file's task.

    Args:
        study_file: Its `load` is called, unless the cache has the result.
        folder: The user's data folder. A task that names no source loads from there, or
            from beside its study file.
        say: Called before anything slow: downloading, loading.

    Raises:
        DataError: The data are absent or damaged, the cache cannot be written, or they have no
            validation split or cannot be divided into folds.
        StudyFileError: `load` raised, or did not return a `Dataset`.
    """
    require_folder(folder)
    source = study_file.task.source

    def load() -> Dataset:
        if source is None:
            place = folder or Path(study_file.filename).parent
        else:
            place = find_or_fetch(source, folder, say).folder if source.files else Path()
        say(f"loading {source.name if source else place}")
        return _load(study_file, place)

    prepared = prepare(cache_folder() / "arrays", _key(study_file), load)
    try:
        require_folds(prepared.open(), study_file.task.folds)
    except DataError as error:
        raise DataError(f"{study_file.filename}: {error}") from error
    return prepared


def require_class_weights(study_file: StudyFile, dataset: Dataset) -> None:
    """Refuse class weights that lack a class: better than one failed trial after the other.

    Raises:
        StudyFileError: A class of the training data has no weight.
    """
    weights, y = study_file.task.class_weight, dataset.train.y
    if not isinstance(weights, Mapping) or isinstance(y, dict | tuple):
        return
    classes = classes_of(y)
    for label in () if classes is None else classes.tolist():
        if int(label) not in weights:
            raise StudyFileError(
                f"{place_of(study_file, 'class_weight')}: class_weight= has no weight for the "
                f"class {int(label)} of the labels: give it one"
            )


def data_of_study(
    name: str, record: Record, study_file: StudyFile, folder: Path | None
) -> Prepared:
    """The prepared arrays that a study was made with.

    Raises:
        StudyChanged: The data have changed.
        DataError: As `prepare_data`.
    """
    prepared = prepare_data(study_file, folder)
    if prepared.fingerprint != record.data:
        raise StudyChanged(
            f"the data differ from those of study {name!r}: name their folder with --data"
        )
    return prepared


def _key(study_file: StudyFile) -> str | None:
    """The cache key of what `load` returns; None unless all files have hashes."""
    source = study_file.task.source
    if source is None or any(file.sha256 is None for files in source.sets() for file in files):
        return None
    # one set is enough: the others hold the same data
    identity = [READERS, source.name, [file.sha256 for file in source.files]]
    text = json.dumps([identity, study_file.fingerprint_of("load")])
    return f"{source.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _load(study_file: StudyFile, place: Path) -> Dataset:
    filename = study_file.filename
    try:
        with calling(f"load({place})", filename, passes=(OSError,)):
            dataset = study_file.task.load(place)
    except OSError as error:
        raise DataNotFound(f"{where(error, filename)}: load({place}) raised {error}") from error
    if not isinstance(dataset, Dataset):
        raise StudyFileError(
            f"{filename}: load() returned {type(dataset).__name__}, not an hpsearch.Dataset"
        )
    return dataset
