"""The data as arrays: in memory while they are loaded, on disk and mapped ever after."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hpsearch.errors import DataCorrupt, DataError

Array = npt.NDArray[Any]
PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Split:
    """Examples and their labels; the first axis of both counts examples."""

    x: Array
    y: Array

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise DataError(f"{len(self.x)} examples have {len(self.y)} labels")

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: slice | Array) -> Split:
        return Split(self.x[index], self.y[index])

    def __add__(self, other: Split) -> Split:
        return Split(np.concatenate([self.x, other.x]), np.concatenate([self.y, other.y]))


@dataclass(frozen=True)
class Dataset:
    """The three splits: to fit weights, to choose among trials, to report once."""

    train: Split
    valid: Split
    test: Split

    def fingerprint(self) -> str:
        """SHA-256 over kind, shape and bytes of all arrays, in hex."""
        digest = hashlib.sha256()
        for part in PARTS:
            split: Split = getattr(self, part)
            for array in (split.x, split.y):
                digest.update(f"{array.dtype.str}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Prepared:
    """A data set in the cache: a folder of `.npy` files and their fingerprint."""

    folder: Path
    fingerprint: str

    def open(self) -> Dataset:
        """Map the arrays into memory, read-only; processes share the pages."""

        def split(part: str) -> Split:
            x, y = (
                np.load(self.folder / f"{part}_{side}.npy", mmap_mode="r", allow_pickle=False)
                for side in "xy"
            )
            return Split(x, y)

        return Dataset(*(split(part) for part in PARTS))


def prepare(cache: Path, key: str | None, load: Callable[[], Dataset]) -> Prepared:
    """Load a data set, or find it loaded before.

    Args:
        cache: The folder of all prepared data sets, made if absent.
        key: Names what `load` would return; None when nobody can know without loading.
        load: Returns the data set.

    Returns:
        The arrays in the cache, whole: they are written beside it and renamed.

    Raises:
        DataError: The cache cannot be written, or other users could write into it.
        DataCorrupt: What is in the cache under `key` is not what was put there.
    """
    _make_private(cache)
    if key is not None and (found := _find(cache / key)):
        return found
    dataset = load()
    fingerprint = dataset.fingerprint()
    folder = cache / (key or fingerprint[:32])
    if found := _find(folder):
        return found
    try:
        _write(dataset, fingerprint, folder)
    except OSError as error:
        raise DataError(f"cannot write the data cache {folder}: {error}") from error
    return Prepared(folder, fingerprint)


def _find(folder: Path) -> Prepared | None:
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return None
    try:
        content = json.loads(manifest.read_text())
        for name, n_bytes in content["bytes"].items():
            if (folder / name).stat().st_size != n_bytes:
                raise ValueError(f"{name} should have {n_bytes} bytes")
        return Prepared(folder, content["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataCorrupt(
            f"the data cache {folder} is damaged ({error}): delete that folder, it is made again"
        ) from error


def _write(dataset: Dataset, fingerprint: str, folder: Path) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=folder.parent))
    try:
        for part in PARTS:
            for side in "xy":
                array = getattr(getattr(dataset, part), side)
                np.save(scratch / f"{part}_{side}.npy", array, allow_pickle=False)
        content = {
            "fingerprint": fingerprint,
            "bytes": {path.name: path.stat().st_size for path in scratch.iterdir()},
        }
        (scratch / "manifest.json").write_text(json.dumps(content, indent=1))
        try:
            scratch.rename(folder)
        except OSError:
            if not (folder / "manifest.json").exists():  # else another process was first
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _make_private(folder: Path) -> None:
    """Arrays from a folder that others can write to would be theirs, not ours."""
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
