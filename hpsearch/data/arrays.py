"""The data as arrays: in memory while they are loaded, on disk and mapped ever after."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hpsearch.data.kept import keep, make_private
from hpsearch.errors import DataError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array = npt.NDArray[Any]
Examples: TypeAlias = "Array | csr_array"
"""Numbers in full, or a SciPy array in CSR form where nearly all of them are 0."""
PARTS = ("train", "valid", "test")
SPARSE_FIELDS = ("data", "indices", "indptr", "shape")
NUMBERS_OR_TEXT = "biufcSU"  # NumPy's letters
# A label that training never sees is a mistake, but characters of a text may be that rare.
RARE = 0.01


def is_sparse(x: Any) -> bool:
    """Whether an array is SciPy's, of any form."""
    # nobody can have made one while SciPy was never imported, and importing it takes time
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(x))


def is_texts(value: object) -> bool:
    """Whether something is a tuple or list of texts."""
    return isinstance(value, tuple | list) and all(isinstance(text, str) for text in value)


@dataclass(frozen=True)
class Split:
    """Examples and their labels; the first axis of both counts examples."""

    x: Examples
    y: Array

    def __post_init__(self) -> None:
        n_examples = self.x.shape[0] if is_sparse(self.x) else len(self.x)
        if n_examples != len(self.y):
            raise DataError(f"{n_examples} examples have {len(self.y)} labels: give each one")

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: slice | Array) -> Split:
        return Split(self.x[index], self.y[index])

    def __add__(self, other: Split) -> Split:
        if is_sparse(self.x):
            from scipy.sparse import vstack

            x = vstack([self.x, other.x], format="csr")
        else:
            x = np.concatenate([self.x, other.x])
        return Split(x, np.concatenate([self.y, other.y]))

    def arrays(self) -> dict[str, Array]:
        """All plain arrays it consists of, by name: `x` and `y`, or the parts of a CSR `x`."""
        if not is_sparse(self.x):
            return {"x": np.asanyarray(self.x), "y": self.y}
        fields = {f"x_{field}": np.asarray(getattr(self.x, field)) for field in SPARSE_FIELDS}
        return {**fields, "y": self.y}

    @staticmethod
    def of(arrays: Mapping[str, Array]) -> Split:
        """The split that gave these `arrays()`."""
        if "x" in arrays:
            return Split(arrays["x"], arrays["y"])
        from scipy.sparse import csr_array

        data, indices, indptr, shape = (arrays[f"x_{field}"] for field in SPARSE_FIELDS)
        return Split(csr_array((data, indices, indptr), shape=tuple(shape.tolist())), arrays["y"])

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
    vocabulary: tuple[str, ...] = ()
    """What each whole number in `x` stands for, in texts."""

    def __post_init__(self) -> None:
        if not is_texts(self.vocabulary):
            raise DataError(
                f"a vocabulary is a tuple of texts, not {type(self.vocabulary).__name__}: "
                "what 0 stands for first, then what 1 stands for"
            )
        for part, split in self.splits().items():
            if len(split) == 0:
                raise DataError(f"the {part} split is empty")
            for side, array in (("examples", split.x), ("labels", split.y)):
                if fault := _fault(array):
                    raise DataError(f"the {side} of the {part} split are {fault}")

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
                values: Array = np.asarray(array.data) if is_sparse(array) else array
                n_bad = _n_not_finite(values)
                if n_bad:
                    raise DataError(
                        f"{n_bad} of the {values.size} values in the {side} of the {part} split "
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
        """SHA-256 over kind, shape and bytes of all arrays and the vocabulary, in hex."""
        digest = hashlib.sha256()
        for split in self.splits().values():
            for name, array in split.arrays().items():
                if name in ("x_indices", "x_indptr", "x_shape"):
                    # SciPy chooses how wide they are, and not always the same way
                    array = array.astype(np.int64)
                digest.update(f"{array.dtype.str}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        if self.vocabulary:
            digest.update(json.dumps(self.vocabulary).encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class Prepared:
    """A data set in the cache: a folder of `.npy` files and their fingerprint."""

    folder: Path
    fingerprint: str

    def open(self) -> Dataset:
        """Map the arrays into memory, read-only; processes share the pages."""
        words = self.folder / "vocabulary.json"
        vocabulary = tuple(json.loads(words.read_text())) if words.exists() else ()
        train, valid, test = (self.split(part) for part in PARTS)
        return Dataset(train, valid, test, vocabulary)

    def split(self, part: str) -> Split:
        """One split alone."""
        return Split.of({
            path.stem.removeprefix(f"{part}_"): np.load(path, mmap_mode="r", allow_pickle=False)
            for path in self.folder.glob(f"{part}_*.npy")
        })  # fmt: skip


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
            the data hold values that no training could use.
        DataCorrupt: What is in the cache under `key` is not what was put there.
    """

    def fill(folder: Path) -> str:
        dataset = load()
        dataset.require_sound_values()
        _write(dataset, folder)
        return dataset.fingerprint()

    make_private(cache)
    if key is None:
        dataset = load()
        key, load = dataset.fingerprint()[:32], lambda: dataset
    folder = cache / key
    return Prepared(folder, keep(folder, fill))


def write_split(split: Split, part: str, folder: Path) -> None:
    """Write a split into a folder, for `Prepared.split` to open."""
    for name, array in split.arrays().items():
        np.save(folder / f"{part}_{name}.npy", array, allow_pickle=False)


def _write(dataset: Dataset, folder: Path) -> None:
    for part, split in dataset.splits().items():
        write_split(split, part, folder)
    if dataset.vocabulary:
        (folder / "vocabulary.json").write_text(json.dumps(dataset.vocabulary))


def _fault(array: Any) -> str:
    """What is wrong with arrays of this kind, as the end of a sentence; empty if nothing is."""
    if is_sparse(array):
        form = array.format
        return "" if form == "csr" else f"a SciPy array in {form.upper()} form: call its tocsr()"
    if isinstance(array, np.ndarray) and array.dtype.kind in NUMBERS_OR_TEXT:
        return ""
    kind = getattr(array, "dtype", type(array).__name__)
    return f"{kind}, not a NumPy array of numbers or text"


def _n_not_finite(array: Array) -> int:
    """How many values are NaN or infinite, a piece at a time: arrays may be large."""
    if array.dtype.kind not in "fc":
        return 0
    return sum(int((~np.isfinite(piece)).sum()) for piece in np.array_split(array, 64))
