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

from hpsearch.data.file_array import FileArray, join_in_file
from hpsearch.data.kept import keep, make_private
from hpsearch.data.sources import cache_folder
from hpsearch.data.structure import Structure, mapped, named, of_named, place_in, require_names
from hpsearch.errors import DataError, DataNotFound

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array = npt.NDArray[Any]
Examples: TypeAlias = "Array | csr_array"
"""Numbers in full, or a SciPy array in CSR form where nearly all of them are 0."""
PARTS = ("train", "valid", "test")
FIELDS = {"x": "examples", "y": "labels", "sample_weight": "sample weights"}
"""The fields of a split, and what messages call what they hold."""
SPARSE_FIELDS = ("data", "indices", "indptr", "shape")
NO_TEST = (
    "the data have no test split, so nothing is left that no choice has seen: start a new study "
    "with some examples apart, as tune(..., test_data=(x, y)) or Dataset(train, valid, test)"
)
ONE_OR_MORE = "not a NumPy array of numbers or text, nor a dict or tuple of such arrays"
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


def classes_of(labels: Array) -> Array | None:
    """The classes, sorted, where labels are classes: whole numbers that repeat."""
    if labels.ndim != 1 or labels.dtype.kind not in "iub":
        return None
    classes: Array = np.unique(labels)
    return classes if 2 * len(classes) <= len(labels) else None


@dataclass(frozen=True)
class Split:
    """Examples, their labels and, where some count more than others, their weights.

    Each is an array, or several: a dict by the names of the network's inputs or outputs, or a
    tuple in their order. The first axis of all counts examples.
    """

    x: Structure[Examples]
    y: Structure[Array]
    sample_weight: Structure[Array] | None = None
    """How much each example counts in the loss, of shape (n,); for all outputs together, or for
    each as `y` has them."""

    def __post_init__(self) -> None:
        for field in ("x", "y"):
            if getattr(self, field) is None:
                raise DataError(f"the {FIELDS[field]} are None, {ONE_OR_MORE}")
        for field in FIELDS:
            require_names(getattr(self, field), field)
        (first, n), *others = self._lengths().items()
        for called, length in others:
            if length != n and called.startswith("examples "):
                raise DataError(
                    f"{length} {called} stand beside {n} {first}: give each input the same ones"
                )
            if length != n:
                raise DataError(f"{n} examples have {length} {called}: give each one")
        names = named(self.sample_weight).keys()
        if names and names not in ({""}, named(self.y).keys()):
            raise DataError(
                f"sample_weight has {_listed(self.sample_weight)} and y has {_listed(self.y)}: "
                "give one array for all outputs, or the same names"
            )

    def _lengths(self) -> dict[str, int]:
        """How many examples each array is for, by what messages call the array."""
        lengths = {}
        for field, meaning in FIELDS.items():
            for name, array in named(getattr(self, field)).items():
                called = f"{meaning} {place_in(field, name)}" if name else meaning
                if _holds_arrays(array):  # whose number is not that of examples
                    raise DataError(f"the {called} are a {type(array).__name__}, {ONE_OR_MORE}")
                try:
                    lengths[called] = array.shape[0] if is_sparse(array) else len(array)
                except TypeError:
                    raise DataError(f"the {called} are {array!r:.40}, {ONE_OR_MORE}") from None
        return lengths

    def __len__(self) -> int:
        return next(iter(self._lengths().values()))

    def __getitem__(self, index: slice | Array) -> Split:
        return Split(*(mapped(lambda array: array[index], one) for one in self.as_tuple()))

    def __add__(self, other: Split) -> Split:
        pairs = zip(self.as_tuple(), other.as_tuple(), strict=True)
        return Split(*(mapped(_joined, *pair) for pair in pairs))

    def as_tuple(self) -> tuple[Any, ...]:
        """What Keras takes: `(x, y)`, or `(x, y, sample_weight)` if there are weights."""
        return (self.x, self.y, *(() if self.sample_weight is None else (self.sample_weight,)))

    def arrays(self) -> dict[str, Array]:
        """All plain arrays it consists of, by name.

        These are `x` and `y`; `x.image` and `x.text` of a dict; `x.0` and `x.1` of a tuple; of a
        CSR array its parts, `x_data`, `x_indices` ..., or `x_data.text`.
        """
        found: dict[str, Array] = {}
        for field in FIELDS:
            for name, array in named(getattr(self, field)).items():
                end = f".{name}" if name else ""
                if is_sparse(array):
                    for part in SPARSE_FIELDS:
                        found[f"{field}_{part}{end}"] = np.asarray(getattr(array, part))
                else:
                    found[f"{field}{end}"] = array
        return found

    @staticmethod
    def of(arrays: Mapping[str, Array]) -> Split:
        """The split that gave these `arrays()`."""
        fields: dict[str, dict[str, Any]] = {field: {} for field in FIELDS}
        for key, array in arrays.items():
            head, dot, name = key.partition(".")
            if head in FIELDS:
                fields[head][name] = array
            elif head.endswith("_data"):
                field = head.removesuffix("_data")
                parts = [arrays[f"{field}_{part}{dot}{name}"] for part in SPARSE_FIELDS]
                fields[field][name] = _csr(*parts)
        return Split(*map(of_named, fields.values()))


@dataclass(frozen=True)
class Dataset:
    """The three splits: to fit weights, to choose among trials, to report once."""

    train: Split
    valid: Split | None = None
    """None for a task with folds, which are taken from `train`."""
    test: Split | None = None
    """None if there are no examples to spare: then a study can be searched, not evaluated."""
    vocabulary: tuple[str, ...] = ()
    """What each whole number in `x` stands for, in texts."""
    groups: Array | None = None
    """For folds: to which group each example of `train` belongs, as a number or text, of shape
    (n,). A group is never divided; if there are as many groups as folds, each group is a fold."""

    def __post_init__(self) -> None:
        if not is_texts(self.vocabulary):
            raise DataError(
                f"a vocabulary is a tuple of texts, not {type(self.vocabulary).__name__}: "
                "what 0 stands for first, then what 1 stands for"
            )
        for part, split in self.splits().items():
            if len(split) == 0:
                raise DataError(f"the {part} split is empty")
            for field in FIELDS:
                for name, array in named(getattr(split, field)).items():
                    if fault := _fault(array, field):
                        raise DataError(f"the {_called(field, name, part)} are {fault}")
                if named(getattr(split, field)).keys() != named(getattr(self.train, field)).keys():
                    raise DataError(
                        f"{field} of the train split has {_listed(getattr(self.train, field))}, "
                        f"of the {part} split {_listed(getattr(split, field))}: give all splits "
                        "the same"
                    )
        if self.groups is not None:
            groups, n = np.asarray(self.groups), len(self.train)
            if groups.shape != (n,) or groups.dtype.kind not in "iuSU":
                raise DataError(
                    f"groups has {groups.dtype} of shape {groups.shape} for {n} train examples: "
                    "give a whole number or a text for each"
                )

    def splits(self) -> dict[str, Split]:
        """The splits that there are, by name."""
        return {part: split for part in PARTS if (split := getattr(self, part)) is not None}

    def named_split(self, part: str) -> Split:
        """One of the splits.

        Raises:
            DataError: There is none of that name.
        """
        splits = self.splits()
        if part not in splits:
            raise DataError(
                f"the data have no {part} split, only {' and '.join(splits)}: name one of these"
            )
        return splits[part]

    @property
    def train_and_valid(self) -> Split:
        """All examples but those of the test."""
        return self.train if self.valid is None else self.train + self.valid

    def unseen(self) -> Split:
        """The test split.

        Raises:
            DataError: There is none.
        """
        if self.test is None:
            raise DataError(NO_TEST)
        return self.test

    def require_sound_values(self) -> None:
        """Look at every value, which is done once, before the arrays are kept.

        Raises:
            DataError: Some are not numbers, weights are negative or all 0, or training lacks a
                class that others have.
        """
        for part, split in self.splits().items():
            for field in FIELDS:
                for name, array in named(getattr(split, field)).items():
                    if fault := _bad_values(array, field):
                        raise DataError(fault.format(_called(field, name, part)))
        for name, labels in named(self.train.y).items():
            if (known := classes_of(labels)) is not None:
                for part, split in self.splits().items():
                    _require_known(named(split.y)[name], known, _called("y", name, part))

    def fingerprint(self) -> str:
        """SHA-256 over kind, shape and bytes of all arrays and the vocabulary, in hex."""
        return self._digest(np.ascontiguousarray)

    def identity(self) -> str:
        """A digest that tells as much, but takes the word of files for what they contain.

        An array that is mapped from a file counts by the place, size and time of the file: to
        hash gigabytes at each start would take longer than all else.
        """

        def content(array: Array) -> Any:
            found = FileArray.of(array)
            return np.ascontiguousarray(array) if found is None else found.as_json().encode()

        return self._digest(content)

    def _digest(self, content: Callable[[Array], Any]) -> str:
        digest = hashlib.sha256()
        for split in self.splits().values():
            for name, array in split.arrays().items():
                if name.partition(".")[0].endswith(("_indices", "_indptr", "_shape")):
                    # SciPy chooses how wide they are, and not always the same way
                    array = array.astype(np.int64)
                if not name.startswith(("x_", "y_")) and name not in ("x", "y"):
                    digest.update(name.encode())  # which input of several
                digest.update(f"{array.dtype.str}{array.shape}".encode())
                digest.update(memoryview(content(array)))
        if self.groups is not None:
            digest.update(json.dumps(np.asarray(self.groups).tolist()).encode())
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
        groups = self.folder / "groups.npy"
        valid, test = (
            self.split(part) if any(self.folder.glob(f"{part}_*")) else None
            for part in ("valid", "test")
        )
        return Dataset(
            self.split("train"),
            valid,
            test,
            vocabulary,
            np.load(groups, allow_pickle=False) if groups.exists() else None,
        )

    def split(self, part: str) -> Split:
        """One split alone."""
        arrays: dict[str, Array] = {}
        for path in sorted(self.folder.glob(f"{part}_*")):
            name = path.stem.removeprefix(f"{part}_")
            if path.suffix == ".npy":
                arrays[name] = np.load(path, mmap_mode="r", allow_pickle=False)
            else:
                arrays[name] = FileArray.from_json(path.read_text()).open(self.folder)
        return Split.of(arrays)


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
        write_dataset(dataset, folder)
        return dataset.fingerprint()

    make_private(cache)
    if key is None:
        dataset = load()
        key, load = dataset.identity()[:32], lambda: dataset
    folder = cache / key
    return Prepared(folder, keep(folder, fill))


def write_dataset(dataset: Dataset, folder: Path) -> None:
    """Write all arrays into an empty folder, for `Prepared.open` and `open_arrays`."""
    for part, split in dataset.splits().items():
        # users may delete a part of the cache, and another must not need it
        write_split(split, part, folder, copied=cache_folder())
    if dataset.vocabulary:
        (folder / "vocabulary.json").write_text(json.dumps(dataset.vocabulary))
    if dataset.groups is not None:
        np.save(folder / "groups.npy", np.asarray(dataset.groups), allow_pickle=False)


def open_arrays(folder: Path) -> Dataset:
    """The arrays that `hpsearch.tune` keeps beside a study file, used in their files.

    Raises:
        DataNotFound: They are not there.
        DataCorrupt: A file that they are in was changed.
    """
    if not any(folder.glob("train_*")):
        raise DataNotFound(
            f"the arrays of the study are gone from {folder}: run the script again that called tune"
        )
    return Prepared(folder, "").open()


def write_split(split: Split, part: str, folder: Path, *, copied: Path | None = None) -> None:
    """Write a split into a folder, for `Prepared.split` to open.

    Of an array that is mapped from a file already, only its place is written, unless the file
    is below the folder `copied`.
    """
    for name, array in split.arrays().items():
        found = FileArray.of(array)
        if found is None or (copied is not None and Path(found.path).is_relative_to(copied)):
            np.save(folder / f"{part}_{name}.npy", array, allow_pickle=False)
        else:
            (folder / f"{part}_{name}.json").write_text(found.as_json())


def _holds_arrays(value: object) -> bool:
    """Whether this is a list of arrays, or anything inside a dict or tuple that is one again."""
    is_array_like = (hasattr(one, "shape") for one in value) if isinstance(value, list) else ()
    return isinstance(value, dict | tuple) or any(is_array_like)


def _called(field: str, name: str, part: str) -> str:
    """What messages call an array of a split."""
    place = f" {place_in(field, name)}" if name else ""
    return f"{FIELDS[field]}{place} of the {part} split"


def _listed(structure: Any) -> str:
    """The names in a structure, for messages."""
    match structure:
        case None:
            return "nothing"
        case dict() | tuple():
            return ", ".join(place_in("", name) for name in named(structure))
    return "one array"


def _joined(one: Any, other: Any) -> Any:
    """The rows of two arrays, one after the other."""
    if is_sparse(one):
        from scipy.sparse import vstack

        return vstack([one, other], format="csr")
    return join_in_file(one, other) if FileArray.of(one) else np.concatenate([one, other])


def _csr(data: Array, indices: Array, indptr: Array, shape: Array) -> csr_array:
    from scipy.sparse import csr_array

    return csr_array((data, indices, indptr), shape=tuple(shape.tolist()))


def _fault(array: Any, field: str) -> str:
    """What is wrong with arrays of this kind, as the end of a sentence; empty if nothing is."""
    if is_sparse(array):
        form = array.format
        if field != "x":
            return "a SciPy array, but only examples may be sparse: call its toarray()"
        return "" if form == "csr" else f"a SciPy array in {form.upper()} form: call its tocsr()"
    kind = getattr(array, "dtype", type(array).__name__)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in NUMBERS_OR_TEXT:
        return f"{kind}, {ONE_OR_MORE}"
    if field == "sample_weight" and (array.ndim != 1 or array.dtype.kind not in "biuf"):
        return f"{kind} of shape {array.shape}, not one number for each example, of shape (n,)"
    return ""


def _bad_values(array: Any, field: str) -> str:
    """What is wrong with the values of an array, with a gap for its name; empty if nothing is."""
    values: Array = np.asarray(array.data) if is_sparse(array) else array
    if n_bad := _n_not_finite(values):
        return (
            f"{n_bad} of the {values.size} values in the {{}} are not finite numbers: fill them "
            "in or leave those examples out"
        )
    if field == "sample_weight" and (n_negative := int((values < 0).sum())):
        return f"{n_negative} of the {{}} are negative: 0 leaves an example out, 1 is usual"
    if field == "sample_weight" and not values.any():
        return "the {} are all 0: nothing would count"
    return ""


def _require_known(labels: Array, known: Array, called: str) -> None:
    """Refuse labels that are classes, but not those of the training examples."""
    unseen = labels[~np.isin(labels, known)]
    if len(unseen) > RARE * len(labels):
        classes = ", ".join(str(label) for label in np.unique(unseen)[:5])
        raise DataError(
            f"{len(unseen)} of the {len(labels)} {called} are classes that the train split never "
            f"has ({classes}): shuffle before splitting"
        )


def _n_not_finite(array: Array) -> int:
    """How many values are NaN or infinite, a piece at a time: arrays may be large."""
    if array.dtype.kind not in "fc":
        return 0
    return sum(int((~np.isfinite(piece)).sum()) for piece in np.array_split(array, 64))
