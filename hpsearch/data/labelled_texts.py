"""Your own texts: a folder with a sub-folder for each class, or a CSV file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpsearch.data.arrays import Array
from hpsearch.data.tables import in_lines, read_labelled_rows
from hpsearch.data.words import plain_text
from hpsearch.errors import DataError

MAX_BYTES = 10_000_000  # in a text; a novel has about a million


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with a class each."""

    contents: tuple[bytes, ...]
    """In UTF-8; files of a folder sorted by name, rows of a table in their order."""
    labels: Array
    """A number for each text's class."""
    classes: tuple[str, ...]
    """The name of each label, sorted."""


def read_texts(path: Path, *, text: str = "text", label: str = "label") -> LabelledTexts:
    """Read texts from a folder, or from the CSV file of that name.

    Args:
        path: A folder as for `read_text_folder`; or, without its suffix, a CSV file.
        text: The column of the CSV file that holds the texts.
        label: The column that holds the classes.

    Raises:
        DataError: There is neither, or there are both; or what there is has bad texts.
    """
    table = path.with_name(f"{path.name}.csv")
    if path.is_dir() and table.exists():
        raise DataError(f"there are both {path} and {table}: delete or rename one of them")
    if table.exists():
        return read_text_table(table, text=text, label=label)
    if not path.exists():
        raise DataError(f"there are neither texts in the folder {path} nor in {table}")
    return read_text_folder(path)


def read_text_table(path: Path, *, text: str, label: str) -> LabelledTexts:
    """Read a text from each row of a CSV file whose first row names the columns.

    Args:
        path: UTF-8 text with commas; a text that holds commas or lines stands in quotes.
        text: The column that holds the texts.
        label: The column that holds the classes; any others are ignored.

    Raises:
        DataError: The file cannot be read, or has bad rows, which the message names by
            their lines in the file.
    """
    read = read_labelled_rows(path, label=label)
    if text not in read.header or text == label:
        raise DataError(
            f"{path} has no column {text!r} of texts: its columns are {', '.join(read.header)}"
        )
    at = read.header.index(text)
    if empty := [line for line, row in read.rows if not row[at].strip()]:
        raise DataError(f"{path} has no text in {in_lines(empty)}: delete them, or write one")
    contents = tuple(plain_text(row[at].encode()) for _, row in read.rows)
    return LabelledTexts(contents, read.labels, read.classes)


def read_text_folder(folder: Path) -> LabelledTexts:
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
    return LabelledTexts(contents, labels, tuple(files))


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
