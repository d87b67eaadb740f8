"""Files: atomic writing, content hashes, safe names, JSON."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath

from hpsearch.errors import StorageError, UsageError
from hpsearch.failpoints import Step, failpoint


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk, or a quota of it, is full."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; if the block succeeds, synced and renamed to it."""
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.tmp-", dir=path.parent)
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
        failpoint(Step.FILE_WRITTEN)
        sync(scratch)
        scratch.replace(path)
        failpoint(Step.FILE_RENAMED)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder`; if the block succeeds, synced and renamed to it."""
    scratch = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=folder.parent))
    try:
        yield scratch
        for path in files_in(scratch):
            sync(path)
        failpoint(Step.FOLDER_WRITTEN)
        scratch.rename(folder)
        failpoint(Step.FOLDER_RENAMED)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def files_in(folder: Path) -> list[Path]:
    """The files in a folder and the folders in it, in the order of their paths."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def within(folder: Path, name: str) -> Path:
    """The path of what a storage names in one of its folders.

    Raises:
        StorageError: The name leads out of it: whoever wrote it wants another file read, or
            written over.
    """
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise StorageError(
            f"the storage is damaged: it names {name!r}, which is not in {folder}; "
            "nothing was changed"
        )
    return folder / path


def sync(path: Path) -> None:
    """Flush a file's content to the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_json(content: object) -> str:
    """Indented JSON, with NaN and infinities, which JSON lacks, as strings."""
    sound = json.loads(json.dumps(content), parse_constant=lambda name: str(float(name)))
    return json.dumps(sound, indent=2, ensure_ascii=False)


FORMULA = r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r]"
"""How a text begins that a spreadsheet runs, in East Asian width too."""

Cell = bool | int | float | str | None
"""A value in a table."""


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """CSV as RFC 4180 has it; text that a spreadsheet would run as a formula gets an apostrophe.

    Lines end with a carriage return and a newline: only then does Python quote both in cells.
    """
    buffer = io.StringIO()
    csv.writer(buffer).writerows([map(_harmless, row) for row in (header, *rows)])
    return buffer.getvalue()


def as_markdown_table(
    header: Sequence[str], rows: Iterable[Sequence[Cell]], show: Callable[[Cell], str]
) -> str:
    """A table as Markdown.

    Args:
        header: A name for each column.
        rows: The cells.
        show: A cell as Markdown on one line, with whatever would end the cell escaped.
    """
    lines = [[show(cell) for cell in row] for row in (header, *rows)]
    lines.insert(1, ["---"] * len(header))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _harmless(cell: Cell) -> Cell:
    is_formula = isinstance(cell, str) and re.match(FORMULA, cell)
    return f"'{cell}" if is_formula else cell


def slug(study_name: str) -> str:
    """A safe file name for a study, whose name may be any text.

    Raises:
        UsageError: The name is not text.
    """
    readable = re.sub(r"[^A-Za-z0-9]+", "-", study_name).strip("-")[:40]
    try:
        digest = hashlib.sha256(study_name.encode()).hexdigest()
    except UnicodeEncodeError as error:
        raise UsageError(f"the study name {study_name!r} is not UTF-8 text") from error
    return f"{readable}-{digest[:8]}"
