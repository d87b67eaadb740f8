"""Locks of studies, which the system, or the server, releases when the holder dies."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from hpsearch.errors import Conflict, StudyBusy
from hpsearch.files import slug
from hpsearch.study.claims import describe
from hpsearch.study.session import Session, holders, key_of
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


def study_key(study_name: str) -> int:
    """The lock of a study on a server; launchers share it."""
    return key_of(study_name)


@contextmanager
def study_lock(storage: Storage, study_name: str) -> Iterator[None]:
    """Hold a study exclusively.

    Raises:
        StudyBusy: A launcher on this machine holds it, or on any where they share the storage.
    """
    if not storage.is_shared:
        with file_lock(storage, study_name):
            yield
        return
    keeps = {study_key(study_name): False}
    try:
        session = Session(storage.server, label_of(new_name()), storage.patience, keeps)
    except Conflict as error:
        raise busy(storage, study_name) from error
    try:
        yield
    finally:
        session.close()


def new_name() -> str:
    """What this process calls itself where others work on the same study."""
    return f"{platform.node()}:{os.getpid()}:{secrets.token_hex(4)}"


def label_of(name: str) -> str:
    """What the server calls the session of a process; it takes 63 characters."""
    return f"hpsearch {name}"[-63:]


def holders_of(storage: Storage, study_name: str, *, besides: str = "") -> list[str]:
    """Who holds a study on a server, as messages show them."""
    key = study_key(study_name)
    labels = storage.patience.wait_for(lambda: holders(storage.engine, key))
    return [_describe_label(label) for label in labels if label != besides]


def busy(storage: Storage, study_name: str) -> StudyBusy:
    """Says who holds a study on a server."""
    return _busy(study_name, " and ".join(holders_of(storage, study_name)))


def _busy(study_name: str, holder: str) -> StudyBusy:
    return StudyBusy(
        f"study {study_name!r} is being run by {holder or 'another launcher'}: "
        f"watch it with hpsearch show {study_name}"
    )


@contextmanager
def file_lock(storage: Storage, study_name: str) -> Iterator[None]:
    """Hold a study's lock on this machine.

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
        raise _busy(study_name, _describe(holder)) from None
    try:
        since = time.strftime("%H:%M")
        holder.write_text(json.dumps({"pid": os.getpid(), "host": platform.node(), "since": since}))
        yield
    finally:
        lock.release()


def is_locked(storage: Storage, study_name: str) -> bool:
    """Whether a launcher on this machine, or any that shares the storage, holds a study."""
    if storage.is_shared:
        return bool(holders(storage.engine, study_key(study_name)))
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


def _describe_label(label: str) -> str:
    """`process 4711 on lab3`, from what a session calls itself."""
    return describe(label.removeprefix("hpsearch ")) if label.count(":") >= 2 else label


def _describe(path: Path) -> str:
    try:
        holder = json.loads(path.read_bytes())
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError):  # it has just taken the lock
        return "another launcher"
