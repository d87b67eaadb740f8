"""Your own texts: a folder with a sub-folder for each class and a file for each text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpsearch.data.arrays import Array
from hpsearch.data.words import plain_text
from hpsearch.errors import DataError

MAX_BYTES = 10_000_000  # in a text; a novel has about a million


@dataclass(frozen=True)
class TextFiles:
    """The files of a folder, sorted by name."""

    contents: tuple[bytes, ...]
    """In UTF-8."""
    labels: Array
    """A number for each file's class."""
    classes: tuple[str, ...]
    """The name of each label: the sub-folders, sorted."""


def read_text_folder(folder: Path) -> TextFiles:
    """Read all texts of a folder; names that start with a dot are skipped.

    Args:
        folder: It holds a sub-folder for each class, with a text in each file.

    Raises:
        DataError: A file is empty, too large or not text, or a class has fewer than two.
    """
    try:
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        folders = [path for path in inside if path.is_dir()]
        files = {path.name: _files(path) for path in folders}
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}") from error
    if len(files) < 2:
        raise DataError(
            f"{folder} has {len(files)} sub-folders: texts need two or more, one for each class"
        )
    for name, paths in files.items():
        if len(paths) < 2:
            raise DataError(f"{folder / name} has {len(paths)} texts: a class needs two or more")
    contents = tuple(_text(path) for paths in files.values() for path in paths)
    labels = np.repeat(np.arange(len(files)), [len(paths) for paths in files.values()])
    return TextFiles(contents, labels, tuple(files))


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))


def _text(path: Path) -> bytes:
    try:
        if (n_bytes := path.stat().st_size) > MAX_BYTES:
            raise DataError(f"{path} has {n_bytes} bytes, more than the {MAX_BYTES} allowed")
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    if not content.strip():
        raise DataError(f"{path} is empty: delete it, or write a text into it")
    try:
        return plain_text(content)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text (at byte {error.start}): save it as UTF-8"
        ) from error
