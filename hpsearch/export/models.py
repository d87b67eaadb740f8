"""A trained network to use: that of an evaluated study, or an exported folder.

A model file is only ever taken from what hpsearch wrote, and only as it was written: a
study records the SHA-256 of its model, an export that of every file.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.data.arrays import Dataset, Split
from hpsearch.data.inputs import Encoded
from hpsearch.errors import (
    DataCorrupt,
    DataError,
    HpsearchError,
    NothingFinished,
    StorageError,
    StudyFileError,
    StudyNotFound,
    UsageError,
)
from hpsearch.evaluation.opening import Opening, model_folder, read_openings
from hpsearch.files import sha256_of
from hpsearch.study.record import Record, load_study
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import data_of_study
from hpsearch.study_file import StudyFile, calling, run_study_file

MANIFEST = "MANIFEST.json"
MANIFEST_SCHEMA = "hpsearch.manifest/1"
NEEDED_FIELDS = {"predict": ("encode",), "generate": ("encode", "writing")}


@dataclass(frozen=True, kw_only=True)
class Model:
    """A trained network, and what else its use needs."""

    study: str
    """The name of the study that it won."""
    path: Path
    """The file that Keras wrote."""
    study_file: StudyFile
    vocabulary: tuple[str, ...]
    classes: list[str]
    """A name for each label, in the order of labels; empty where labels are no classes."""

    @property
    def unit(self) -> str:
        """What the vocabulary is made of."""
        return "words" if self.study_file.task.writing is None else "characters"

    def encode(self, content: bytes, called: str) -> Encoded:
        """A text or a file as an example.

        Args:
            content: What is in it.
            called: What messages call it.

        Raises:
            DataError: It cannot be encoded.
            StudyFileError: `encode` does not do what it is for.
        """
        encode, filename = self.study_file.task.encode, self.study_file.filename
        assert encode is not None
        try:
            with calling(f"encode() of {called}", filename, passes=(HpsearchError, ValueError)):
                encoded = encode(content, self.vocabulary)
        except HpsearchError as error:
            raise type(error)(f"{called}: {error}") from error
        except UnicodeDecodeError as error:
            raise DataError(f"{called} is not UTF-8 text: byte {error.start} is not") from error
        except ValueError as error:
            raise DataError(f"{called} cannot be encoded: {error}") from error
        if not isinstance(encoded, Encoded):
            raise StudyFileError(
                f"{filename}: encode() returned {type(encoded).__name__}, "
                "not an hpsearch.data.Encoded"
            )
        if not isinstance(encoded.x, np.ndarray) or encoded.x.dtype.kind not in "biufU":
            raise StudyFileError(
                f"{filename}: the x of encode() must be an array of numbers or text"
            )
        if encoded.x.dtype.kind == "f" and not np.isfinite(encoded.x).all():
            raise DataError(f"{called} has values that are not finite numbers")
        return encoded


def find_model(name: str, storage_url: str, data: Path | None, *, verb: str) -> Model:
    """The network that a study's evaluation kept, or that an export holds.

    Args:
        name: A study, or a folder that `hpsearch export` wrote.
        storage_url: Where the study is.
        data: The user's data folder.
        verb: What it is for: `predict` or `generate`.

    Raises:
        UsageError: It is a file or folder, and hpsearch did not write it.
        StudyFileError: The task does not say how the verb is done.
        NothingFinished: The study was not evaluated yet.
        DataError: A file is gone or damaged.
        StudyNotFound: There is no such study.
    """
    path = Path(name)
    if is_export(path):
        return _of_export(path, verb)
    try:
        return _of_study(name, storage_url, data, verb)
    except (StudyNotFound, StorageError) as error:
        if _may_be_model(path):
            raise UsageError(
                f"{name} was not written by hpsearch export, and a model file from elsewhere "
                "could run code: name a study, or a whole exported folder"
            ) from error
        if "/" in name:
            raise UsageError(f"{name} is no folder that hpsearch export wrote") from error
        raise


def is_export(path: Path) -> bool:
    """Whether `hpsearch export` may have written a folder."""
    return os.path.isfile(path / MANIFEST)  # noqa: PTH113  # Path's own raises where a name is too long


def read_exported_data(folder: Path) -> tuple[StudyFile, Split, tuple[str, ...]]:
    """The study file of an exported folder, the examples for training, and the vocabulary.

    Raises:
        UsageError: hpsearch did not write it.
        DataError: A file is gone or damaged.
    """
    hashes = _read_manifest(folder)["sha256"]
    study_file, vocabulary = _read_texts(folder, hashes)
    content = io.BytesIO(_sound(folder, "data.npz", hashes))
    with np.load(content, allow_pickle=False) as data:
        arrays = {name.replace("_train", ""): data[name] for name in data if "_train" in name}
    return study_file, Split.of(arrays), vocabulary


def _read_texts(folder: Path, hashes: Mapping[str, str]) -> tuple[StudyFile, tuple[str, ...]]:
    """The study file and the vocabulary of an exported folder."""
    text = _sound(folder, "study.py", hashes).decode()
    words = _sound(folder, "vocabulary.json", hashes) if "vocabulary.json" in hashes else b"[]"
    return run_study_file(text, str(folder / "study.py")), tuple(json.loads(words))


def _may_be_model(path: Path) -> bool:
    if os.path.isdir(path):  # noqa: PTH112  # Path's own raises where a name is too long
        return any(path.glob("*.keras"))
    return os.path.isfile(path)  # noqa: PTH113  # as above


def evaluated(storage: Storage, study_name: str) -> tuple[Record, list[Opening], Path]:
    """A study's record, its openings of test, and the folder of the winner's model and curve.

    Raises:
        NothingFinished: The study was not evaluated yet.
        DataError: The kept model is gone or damaged.
    """
    study, record = load_study(storage, study_name)
    openings = read_openings(study)
    if not openings:
        raise NothingFinished(
            f"study {study_name!r} was not evaluated yet: first run hpsearch evaluate {study_name}"
        )
    kept = model_folder(storage, openings[-1])
    cure = f"hpsearch evaluate {study_name} --again makes it anew"
    try:
        found = sha256_of(kept / "model.keras")
    except OSError as error:
        raise DataError(f"the model of the evaluation is gone from {kept}: {cure}") from error
    if found != openings[-1].model_sha256:
        raise DataCorrupt(f"{kept / 'model.keras'} is not what was saved there: {cure}")
    return record, openings, kept


def name_classes(study_file: StudyFile, dataset: Dataset) -> list[str]:
    """A name for each label: the task's own, a character, or the number."""
    labels = dataset.train.classes()
    if study_file.task.classes:
        return list(study_file.task.classes)
    if study_file.task.writing is not None:
        return list(dataset.vocabulary)
    # of more than two the outputs are counted themselves
    return ["0", "1"] if labels is not None and labels.tolist() == [0, 1] else []


def _of_study(name: str, storage_url: str, data: Path | None, verb: str) -> Model:
    record, _, kept = evaluated(Storage(storage_url, read_only=True), name)
    study_file = record.load()
    _require_fields(study_file, verb)
    dataset = data_of_study(name, record, study_file, data).open()
    return Model(
        study=name,
        path=kept / "model.keras",
        study_file=study_file,
        vocabulary=dataset.vocabulary,
        classes=name_classes(study_file, dataset),
    )


def _of_export(folder: Path, verb: str) -> Model:
    manifest = _read_manifest(folder)
    hashes: dict[str, str] = manifest["sha256"]
    _sound(folder, "model.keras", hashes)
    study_file, vocabulary = _read_texts(folder, hashes)
    _require_fields(study_file, verb)
    return Model(
        study=manifest["study"],
        path=folder / "model.keras",
        study_file=study_file,
        vocabulary=vocabulary,
        classes=manifest["classes"],
    )


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataCorrupt(f"{path} cannot be read: export the study anew") from error
    if not isinstance(manifest, dict) or manifest.get("schema") != MANIFEST_SCHEMA:
        raise UsageError(f"{folder} was not written by hpsearch export: {path} is of another kind")
    if not {"study", "classes", "sha256"} <= manifest.keys():
        raise UsageError(f"{folder} was exported by an older hpsearch: export the study anew")
    study, classes, hashes = (manifest[name] for name in ("study", "classes", "sha256"))
    if not (isinstance(study, str) and isinstance(classes, list) and isinstance(hashes, dict)):
        raise DataCorrupt(f"{path} is not as it was written: export the study anew")
    if "vocabulary.json" not in hashes and (folder / "vocabulary.json").exists():
        raise DataCorrupt(f"{path} does not name vocabulary.json: export the study anew")
    return manifest


def _sound(folder: Path, name: str, hashes: Mapping[str, str]) -> bytes:
    """The content of an exported file, as it was exported."""
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} is missing: the folder is whole or of no use") from error
    if hashlib.sha256(content).hexdigest() != hashes.get(name):
        raise DataCorrupt(
            f"{path} is not what was exported: its SHA-256 is not the one in {MANIFEST}"
        )
    return content


def _require_fields(study_file: StudyFile, verb: str) -> None:
    for field in NEEDED_FIELDS[verb]:
        if getattr(study_file.task, field) is None:
            raise StudyFileError(
                f"hpsearch {verb} needs {field}= in the task of {study_file.filename}, "
                "which has none"
            )
