"""Tables: CSV files with numbers and a label, or a number to predict, in each row."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpsearch.data.arrays import Array, Split
from hpsearch.errors import DataError

N_NAMED = 5  # lines that a message names
MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Table:
    """The rows of a table as examples."""

    rows: Split
    """`x` has a float32 for each column, `y` a number for each label, or the target."""
    columns: tuple[str, ...]
    """The name of each column of `x`."""
    classes: tuple[str, ...]
    """The name of each label, sorted; none of a target."""


@dataclass(frozen=True)
class LabelledRows:
    """The rows of a CSV file as text, with their labels as numbers."""

    header: list[str]
    rows: list[tuple[int, list[str]]]
    """Each with its line in the file."""
    labels: Array
    classes: tuple[str, ...]
    """The name of each label, sorted."""


def read_table(path: Path, *, label: str | None = None, target: str | None = None) -> Table:
    """Read a CSV file whose first row names the columns.

    Args:
        path: UTF-8 text with commas.
        label: For classification: the column that holds the classes. All others hold numbers.
        target: For regression: the column with the number to predict, as all others do.

    Raises:
        ValueError: Both `label` and `target` are given, or none.
        DataError: The file cannot be read, or has bad rows, which the message names by
            their lines in the file.
    """
    if (label is None) == (target is None):
        raise ValueError("read_table takes label= for classes, or target= for a number to predict")
    if target is not None:
        header, rows = _read_columns(path, target)
        columns = tuple(column for column in header if column != target)
        x, y = (_numbers(path, header, rows, names) for names in (columns, [target]))
        return Table(Split(x, y[:, 0]), columns, classes=())
    assert label is not None
    read = read_labelled_rows(path, label=label)
    columns = tuple(column for column in read.header if column != label)
    x = _numbers(path, read.header, read.rows, columns)
    return Table(Split(x, read.labels), columns, read.classes)


def read_labelled_rows(path: Path, *, label: str) -> LabelledRows:
    """Read a CSV file with a class in each row.

    Args:
        path: UTF-8 text with commas; its first row names the columns.
        label: The column that holds the classes.

    Raises:
        DataError: The file cannot be read, or has bad rows, which the message names by
            their lines in the file.
    """
    header, rows = _read_columns(path, label)
    at = header.index(label)
    labels = [(line, row[at].strip()) for line, row in rows]
    if missing := [line for line, text in labels if not text]:
        raise DataError(f"{path} lacks the label {label!r} in {in_lines(missing)}: fill it in")
    classes = _classes(path, label, labels)
    numbers = np.array([classes.index(text) for _, text in labels])
    return LabelledRows(header, rows, numbers, classes)


def _read_columns(path: Path, needed: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, which has the needed column, and rows that are as long."""
    header, rows = _read(path)
    if needed not in header:
        raise DataError(f"{path} has no column {needed!r}: its columns are {', '.join(header)}")
    if len(set(header)) < len(header) or len(header) < 2:
        raise DataError(f"{path} needs {needed!r} and other columns, each named once, not {header}")
    if wrong := [line for line, row in rows if len(row) != len(header)]:
        raise DataError(f"{path} has {len(header)} columns, but not in {in_lines(wrong)}")
    return header, rows


def _numbers(
    path: Path, header: list[str], rows: list[tuple[int, list[str]]], columns: Sequence[str]
) -> Array:
    """Columns of numbers, of shape (n_rows, n_columns)."""
    places = [header.index(column) for column in columns]
    numbers = [[_number(path, header[i], line, row[i]) for i in places] for line, row in rows]
    return np.array(numbers, np.float32)


def _read(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and each row with its line in the file; blank lines are skipped."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, row) for row in reader if row]
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not CSV in UTF-8: {error}") from error
    if not rows:
        raise DataError(f"{path} has no rows below the line with the names of the columns")
    return header, rows


def _classes(path: Path, label: str, labels: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    counts = Counter(text for _, text in labels)
    if len(counts) == 1:
        raise DataError(
            f"{path} has only one class, {labels[0][1]!r} in all {len(labels)} rows: there is "
            "nothing to tell apart"
        )
    if single := [(line, text) for line, text in labels if counts[text] == 1]:
        names = ", ".join(repr(text) for _, text in single[:N_NAMED])
        raise DataError(
            f"{path} has classes with a single row in column {label!r}, {names} in "
            f"{in_lines(line for line, _ in single)}: none would be left to validate on"
        )
    return tuple(sorted(counts))


def _number(path: Path, column: str, line: int, text: str) -> float:
    try:
        number = math.nan if "_" in text else float(text)  # Python reads 1_000 as a number
    except ValueError:
        number = math.nan
    if not abs(number) <= MAX:  # nor is NaN
        what = f"{text!r}" if text.strip() else "nothing"
        raise DataError(f"{path} has {what} in column {column!r} of line {line}, not a number")
    return number


def in_lines(lines: Iterable[int]) -> str:
    """`line 3`, or `lines 3, 5, 8 and 20 more`."""
    numbers = list(lines)
    named = ", ".join(str(line) for line in numbers[:N_NAMED])
    more = f" and {len(numbers) - N_NAMED} more" if len(numbers) > N_NAMED else ""
    return f"line{'s' if len(numbers) > 1 else ''} {named}{more}"
