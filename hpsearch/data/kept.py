"""Folders of files in a cache: filled by one process, given their name whole, found again."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from hpsearch.errors import DataCorrupt, DataError
from hpsearch.files import atomic_file, atomic_folder, sha256_of

MANIFEST = "manifest.json"


def keep(folder: Path, fill: Callable[[Path], str]) -> str:
    """Find a folder that was filled before, or fill it.

    Args:
        folder: Its parent is there already.
        fill: Writes files into an empty folder and returns their fingerprint. Of processes
            that want the folder at once, one calls it while the others wait.

    Returns:
        The fingerprint. The folder is whole: it is filled beside its place and renamed.

    Raises:
        DataError: The cache cannot be written.
        DataCorrupt: What is in the folder is not what was put there.
    """
    if found := _fingerprint(folder):
        return found
    try:
        with FileLock(folder.with_name(f"{folder.name}.lock")):
            if found := _fingerprint(folder):
                return found
            for leftover in folder.parent.glob(f"{folder.name}.tmp-*"):  # of a killed process
                shutil.rmtree(leftover)
            return _fill(folder, fill)
    except OSError as error:
        raise DataError(
            f"cannot write the data cache {folder}: {error.strerror or error}"
        ) from error


def make_private(folder: Path) -> None:
    """Make a cache. Arrays from a folder that others can write to would be theirs, not ours.

    Raises:
        DataError: It cannot be made, or other users could write into it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.stat()
    except OSError as error:
        raise DataError(f"cannot make the data cache {folder}: {error.strerror}") from error
    if hasattr(os, "getuid") and (
        status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        raise DataError(
            f"other users can write to the data cache {folder}: chmod 700 it, "
            "or set HPSEARCH_CACHE to a folder of your own"
        )


def _fingerprint(folder: Path) -> str | None:
    """The fingerprint of a folder that is there, once its files are verified."""
    if not folder.exists():
        return None
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        _verify(folder, manifest)
        return str(manifest["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataCorrupt(
            f"the data cache {folder} is damaged ({error}): delete that folder, it is made again"
        ) from error


def _verify(folder: Path, manifest: dict[str, Any]) -> None:
    """Compare files with the manifest: their sizes always, their content after a change.

    To hash arrays of gigabytes at each start would take longer than all else, so content is
    looked at where the time of the last change is another than when it was last verified.

    Raises:
        OSError, ValueError: A file is not what was written.
    """
    verified_ns = dict(manifest.get("verified_ns", {}))  # none from before there were hashes
    for name, n_bytes in manifest["bytes"].items():
        status = (folder / name).stat()
        if status.st_size != n_bytes:
            raise ValueError(f"{name} should have {n_bytes} bytes")
        if verified_ns.get(name, status.st_mtime_ns) != status.st_mtime_ns:
            if sha256_of(folder / name) != manifest["sha256"][name]:
                raise ValueError(f"{name} has other content than was written")
            verified_ns[name] = status.st_mtime_ns
    if verified_ns != manifest.get("verified_ns", {}):
        with suppress(OSError):  # then it is verified again the next time
            _write_manifest(folder, {**manifest, "verified_ns": verified_ns})


def _fill(folder: Path, fill: Callable[[Path], str]) -> str:
    """Write all files beside `folder`, then give them its name."""
    with atomic_folder(folder) as scratch:
        fingerprint = fill(scratch)
        files = sorted(scratch.iterdir())
        manifest = {
            "fingerprint": fingerprint,
            "bytes": {path.name: path.stat().st_size for path in files},
            "sha256": {path.name: sha256_of(path) for path in files},
            "verified_ns": {path.name: path.stat().st_mtime_ns for path in files},
        }
        _write_manifest(scratch, manifest)
    return fingerprint


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    with atomic_file(folder / MANIFEST) as path:
        path.write_text(json.dumps(manifest, indent=1))
