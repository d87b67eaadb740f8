"""One launcher a study: a lock that the system takes back when its holder dies."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from hpsearch.engine.storage import Storage, slug
from hpsearch.errors import StudyBusy


@contextmanager
def study_lock(storage: Storage, study_name: str) -> Iterator[None]:
    """Hold a study of a storage for this launcher alone.

    Raises:
        StudyBusy: Another launcher of this machine holds it.
    """
    folder = storage.folder / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{slug(study_name)}.lock"
    holder = path.with_suffix(".json")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StudyBusy(
            f"study {study_name!r} is being run by {_describe(holder.read_bytes())}: "
            f"watch it with hpsearch show {study_name}"
        ) from None
    try:
        since = time.strftime("%H:%M")
        holder.write_text(json.dumps({"pid": os.getpid(), "host": platform.node(), "since": since}))
        yield
    finally:
        lock.release()


def _describe(content: bytes) -> str:
    try:
        holder = json.loads(content)
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (ValueError, KeyError):
        return "another launcher"
