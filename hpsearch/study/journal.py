"""Optuna's journal: a file to which each change is appended as a line of JSON.

A line that was cut off, when its writer was killed or power was lost, would make the journal
unreadable as soon as another follows it. So whoever opens it to write looks at its end first,
and moves what is no whole line into a file beside it.
"""

from __future__ import annotations

import json
import os
import time
from mmap import ACCESS_READ, mmap
from pathlib import Path

from filelock import FileLock
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock

from hpsearch.errors import StorageError


class SystemLock(BaseJournalFileLock):
    """A lock on a journal that the system frees when its holder dies.

    Optuna's own are files: one left by a killed process keeps others out for 30 s.

    Args:
        path: The journal.
    """

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()


def open_journal(path: Path, *, read_only: bool) -> JournalStorage:
    """Open a journal, or begin one.

    Raises:
        StorageError: It is none, or cannot be read or written.
    """
    if read_only and not path.exists():
        raise StorageError(f"no storage at {path}: `hpsearch run` creates one")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not read_only:
            with FileLock(path.with_name(f"{path.name}.lock")):
                _set_aside_torn_end(path)
        return JournalStorage(JournalFileBackend(str(path), lock_obj=SystemLock(path)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(
            f"{path} is no journal of Optuna's, or is damaged ({error}); nothing was changed"
        ) from error
    except OSError as error:
        raise StorageError(f"cannot open {path}: {error.strerror}") from error


def _set_aside_torn_end(path: Path) -> None:
    """Move what follows the last whole line out of the journal.

    Raises:
        StorageError: Nothing in it is a whole line: it is something else.
    """
    size = path.stat().st_size
    if size == 0 or (n_whole := _end_of_last_line(path)) == size:
        return
    if n_whole == 0 and not _begins_as_line(path):
        raise StorageError(f"{path} is no journal of Optuna's; nothing was changed")
    with path.open("r+b") as file:
        file.seek(n_whole)
        torn = path.with_name(f"{path.name}.torn-{time.strftime('%Y%m%d-%H%M%S')}")
        torn.write_bytes(file.read())
        file.truncate(n_whole)
        os.fsync(file.fileno())


def _end_of_last_line(path: Path) -> int:
    """The number of bytes up to the end of the last line that is JSON."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        end = content.rfind(b"\n") + 1
        while end > 0:
            begin = content.rfind(b"\n", 0, end - 1) + 1
            if _is_json(content[begin:end]):
                break
            end = begin
    return end


def _begins_as_line(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) in {b"{", b'{"'}


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
