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
from filelock import FileLock

from hpsearch.errors import DataCorrupt, DataError

Array = npt.NDArray[Any]
PARTS = ("train", "valid", "test")
# A label that training never sees is a mistake, but characters of a text may be that rare.
RARE = 0.01


@dataclass(frozen=True)
class Split:
    """Examples and their labels; the first axis of both counts examples."""

    x: Array
    y: Array

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise DataError(f"{len(self.x)} examples have {len(self.y)} labels: give each one")

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: slice | Array) -> Split:
        return Split(self.x[index], self.y[index])

    def __add__(self, other: Split) -> Split:
        return Split(np.concatenate([self.x, other.x]), np.concatenate([self.y, other.y]))

    def classes(self) -> Array | None:
        """The classes, sorted, where labels are classes: whole numbers that repeat."""
        if self.y.ndim != 1 or self.y.dtype.kind not in "iub":
            return None
        labels: Array = np.unique(self.y)
        return labels if 2 * len(labels) <= len(self.y) else None


@dataclass(frozen=True)
class Dataset:
    """The three splits: to fit weights, to choose among trials, to report once."""

    train: Split
    valid: Split
    test: Split

    def __post_init__(self) -> None:
        for part, split in self.splits().items():
            if len(split) == 0:
                raise DataError(f"the {part} split is empty")
            for side, array in (("examples", split.x), ("labels", split.y)):
                if not isinstance(array, np.ndarray) or array.dtype.hasobject:
                    kind = getattr(array, "dtype", type(array).__name__)
                    raise DataError(
                        f"the {side} of the {part} split are {kind}, not a NumPy array of "
                        "numbers or text"
                    )

    def splits(self) -> dict[str, Split]:
        """The splits by name."""
        return {part: getattr(self, part) for part in PARTS}

    def require_sound_values(self) -> None:
        """Look at every value, which is done once, before the arrays are kept.

        Raises:
            DataError: Some are not numbers, or training lacks a class that others have.
        """
        for part, split in self.splits().items():
            for side, array in (("examples", split.x), ("labels", split.y)):
                n_bad = _n_not_finite(array)
                if n_bad:
                    raise DataError(
                        f"{n_bad} of the {array.size} values in the {side} of the {part} split "
                        "are not finite numbers: fill them in or leave those examples out"
                    )
        known = self.train.classes()
        if known is None:
            return
        for part in ("valid", "test"):
            y = getattr(self, part).y
            unseen = y[~np.isin(y, known)]
            if len(unseen) > RARE * len(y):
                labels = ", ".join(str(label) for label in np.unique(unseen)[:5])
                raise DataError(
                    f"{len(unseen)} of the {len(y)} labels of the {part} split are classes that "
                    f"the train split never has ({labels}): shuffle before splitting"
                )

    def fingerprint(self) -> str:
        """SHA-256 over kind, shape and bytes of all arrays, in hex."""
        digest = hashlib.sha256()
        for split in self.splits().values():
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
        load: Returns the data set. Of processes that prepare at once, one calls it.

    Returns:
        The arrays in the cache, whole: they are written beside it and renamed.

    Raises:
        DataError: The cache cannot be written, or other users could write into it; or
            the data cannot be meant.
        DataCorrupt: What is in the cache under `key` is not what was put there.
    """
    _make_private(cache)
    if key is not None:
        return _prepare_once(cache / key, load)
    dataset = load()
    return _prepare_once(cache / dataset.fingerprint()[:32], lambda: dataset)


def _prepare_once(folder: Path, load: Callable[[], Dataset]) -> Prepared:
    """What is in `folder`, put there by one process while others wait for it."""
    if found := _find(folder):
        return found
    try:
        with FileLock(folder.with_name(f"{folder.name}.lock")):
            if found := _find(folder):
                return found
            for leftover in folder.parent.glob(f"{folder.name}.tmp-*"):  # of a killed process
                shutil.rmtree(leftover)
            dataset = load()
            dataset.require_sound_values()
            return _write(dataset, folder)
    except OSError as error:
        raise DataError(f"cannot write the data cache {folder}: {error.strerror}") from error


def _find(folder: Path) -> Prepared | None:
    if not folder.exists():
        return None
    try:
        content = json.loads((folder / "manifest.json").read_text())
        for name, n_bytes in content["bytes"].items():
            if (folder / name).stat().st_size != n_bytes:
                raise ValueError(f"{name} should have {n_bytes} bytes")
        return Prepared(folder, content["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataCorrupt(
            f"the data cache {folder} is damaged ({error}): delete that folder, it is made again"
        ) from error


def _write(dataset: Dataset, folder: Path) -> Prepared:
    """Write all arrays beside `folder`, then give them its name."""
    fingerprint = dataset.fingerprint()
    scratch = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=folder.parent))
    try:
        for part, split in dataset.splits().items():
            np.save(scratch / f"{part}_x.npy", split.x, allow_pickle=False)
            np.save(scratch / f"{part}_y.npy", split.y, allow_pickle=False)
        content = {
            "fingerprint": fingerprint,
            "bytes": {path.name: path.stat().st_size for path in scratch.iterdir()},
        }
        (scratch / "manifest.json").write_text(json.dumps(content, indent=1))
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Prepared(folder, fingerprint)


def _n_not_finite(array: Array) -> int:
    """How many values are NaN or infinite, a piece at a time: arrays may be large."""
    if array.dtype.kind not in "fc":
        return 0
    return sum(int((~np.isfinite(piece)).sum()) for piece in np.array_split(array, 64))


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
