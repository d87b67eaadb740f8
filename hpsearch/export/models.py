"""A trained network to use: that of an evaluated study, or that of an exported folder.

A model file is only ever taken from what hpsearch wrote, and only as it was written: a
study records the SHA-256 of its model, an export that of every file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpsearch.data.arrays import Split
from hpsearch.data.inputs import Encoded
from hpsearch.data.structure import Structure, named, place_in
from hpsearch.errors import (
    DataError,
    HpsearchError,
    StorageError,
    StudyFileError,
    StudyNotFound,
    UsageError,
)
from hpsearch.export.folder import is_export, open_folder
from hpsearch.export.winner import find_winner, name_classes, own_code
from hpsearch.questions import OwnCode
from hpsearch.study.storage import Storage
from hpsearch.study_file import StudyFile, calling
from hpsearch.task import Params

NEEDED_FIELDS = {
    "predict": ("encode",),
    "predict --split": (),
    "generate": ("encode", "writing"),
}


@dataclass(frozen=True, kw_only=True)
class Model:
    """A trained network, and what else its use needs."""

    study: str
    """The name of the study that it won."""
    path: Path
    """The file that Keras wrote."""
    study_file: StudyFile
    params: Params
    vocabulary: tuple[str, ...]
    classes: Structure[list[str]]
    """A name for each label, in the order of labels; empty where labels are not classes. Of
    several outputs, a structure of such lists, as the labels are one."""
    split: Callable[[str], Split]
    """The examples of a split of its data, by name."""

    @property
    def unit(self) -> str:
        """What the vocabulary is made of."""
        return "words" if self.study_file.task.writing is None else "characters"

    @property
    def code(self) -> OwnCode | None:
        """What its file cannot be loaded without; None where all of it is Keras's."""
        return own_code(self.study_file, self.params)

    def encode(self, content: bytes, called: str) -> Encoded:
        """Encode a text, or what a file holds, as an example.

        Args:
            content: The bytes of the text or file.
            called: What messages call it.

        Raises:
            DataError: It cannot be encoded.
            StudyFileError: The study file's `encode` is at fault.
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
        for name, x in named(encoded.x).items():
            if not isinstance(x, np.ndarray) or x.dtype.kind not in "biufU":
                raise StudyFileError(
                    f"{filename}: the {place_in('x', name)} of encode() must be an array of "
                    "numbers or text"
                )
            if x.dtype.kind == "f" and not np.isfinite(x).all():
                raise DataError(f"{called} has values that are not finite numbers")
        return encoded


def find_model(name: str, storage_url: str, data: Path | None, *, verb: str) -> Model:
    """The network that a study's evaluation kept, or the one in an exported folder.

    Args:
        name: A study, or a folder that `hpsearch export` wrote.
        storage_url: Where the study is.
        data: The user's data folder.
        verb: What the network is for: `predict`, `predict --split` or `generate`.

    Raises:
        UsageError: The name is that of a file or folder that hpsearch did not write.
        StudyFileError: The task lacks what the verb needs.
        NothingFinished: The study was not evaluated yet.
        DataError: A file is gone or damaged.
        StudyNotFound: There is no such study.
    """
    path = Path(name)
    if is_export(path):
        return _of_folder(path, verb)
    try:
        return _of_study(name, storage_url, data, verb)
    except (StudyNotFound, StorageError) as error:
        if _may_be_model(path):
            raise UsageError(
                f"{name} was not written by hpsearch export, and a model file from elsewhere "
                "could run code: name a study or an exported folder"
            ) from error
        if "/" in name:
            raise UsageError(f"{name} is not a folder that hpsearch export wrote") from error
        raise


def _of_folder(path: Path, verb: str) -> Model:
    folder = open_folder(path)
    study_file = folder.study_file()
    _require_fields(study_file, verb)
    return Model(
        study=folder.study,
        path=folder.model(),
        study_file=study_file,
        params=folder.params(),
        vocabulary=folder.vocabulary(),
        classes=folder.classes,
        split=folder.split,
    )


def _of_study(name: str, storage_url: str, data: Path | None, verb: str) -> Model:
    winner = find_winner(Storage(storage_url, read_only=True), name)
    _require_fields(winner.study_file, verb)
    dataset = winner.load_data(data)
    return Model(
        study=name,
        path=winner.model,
        study_file=winner.study_file,
        params=winner.opening.winner.params,
        vocabulary=dataset.vocabulary,
        classes=name_classes(winner.study_file, dataset),
        split=dataset.named_split,
    )


def _require_fields(study_file: StudyFile, verb: str) -> None:
    for field in NEEDED_FIELDS[verb]:
        if getattr(study_file.task, field) is None:
            raise StudyFileError(
                f"hpsearch {verb} needs {field}= in the task of {study_file.filename}, "
                "which has none"
            )


def _may_be_model(path: Path) -> bool:
    if os.path.isdir(path):  # noqa: PTH112  # Path's own raises for a long name
        return any(path.glob("*.keras"))
    return os.path.isfile(path)  # noqa: PTH113  # as above
