"""One launcher per study: a lock that the system releases when its holder dies."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from hpsearch.errors import StudyBusy
from hpsearch.files import slug
from hpsearch.study.storage import Storage


def process_name(storage: Storage, study_name: str) -> str:
    """The name of a study's trial processes: 15 characters, the kernel's limit."""
    place = f"{storage.folder}/{study_name}"
    return f"hps-{hashlib.sha256(place.encode()).hexdigest()[:11]}"


def trial_processes(storage: Storage, study_name: str) -> list[psutil.Process]:
    """The live trial processes of a study, also of dead launchers."""
    name = process_name(storage, study_name)
    found = psutil.process_iter(["name", "status"])
    return [
        process
        for process in found
        if process.info["name"] == name and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


# `is_locked` holds the lock briefly: a launcher that starts just then waits this long
LOOK_S = 1


@contextmanager
def study_lock(storage: Storage, study_name: str) -> Iterator[None]:
    """Hold a study exclusively.

    Raises:
        StudyBusy: Another launcher on this machine holds it.
    """
    path = _path(storage, study_name)
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = path.with_suffix(".json")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=LOOK_S)
    except Timeout:
        raise StudyBusy(
            f"study {study_name!r} is being run by {_describe(holder)}: "
            f"watch it with hpsearch show {study_name}"
        ) from None
    try:
        since = time.strftime("%H:%M")
        holder.write_text(json.dumps({"pid": os.getpid(), "host": platform.node(), "since": since}))
        yield
    finally:
        lock.release()


def is_locked(storage: Storage, study_name: str) -> bool:
    """Whether a launcher on this machine holds a study."""
    path = _path(storage, study_name)
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _path(storage: Storage, study_name: str) -> Path:
    return storage.locks / f"{slug(study_name)}.lock"


def _describe(path: Path) -> str:
    try:
        holder = json.loads(path.read_bytes())
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError):  # it has just taken the lock
        return "another launcher"
