"""Folders of files in a cache: filled by one process, given their name whole, found again."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from hpsearch.errors import DataCorrupt, DataError


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
    """The fingerprint of a folder that is there; files of another length are damage."""
    if not folder.exists():
        return None
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        for name, n_bytes in manifest["bytes"].items():
            if (folder / name).stat().st_size != n_bytes:
                raise ValueError(f"{name} should have {n_bytes} bytes")
        return str(manifest["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataCorrupt(
            f"the data cache {folder} is damaged ({error}): delete that folder, it is made again"
        ) from error


def _fill(folder: Path, fill: Callable[[Path], str]) -> str:
    """Write all files beside `folder`, then give them its name."""
    scratch = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=folder.parent))
    try:
        manifest = {
            "fingerprint": fill(scratch),
            "bytes": {path.name: path.stat().st_size for path in scratch.iterdir()},
        }
        (scratch / "manifest.json").write_text(json.dumps(manifest, indent=1))
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return str(manifest["fingerprint"])
