"""The arrays that a script gives `tune`, as the splits of a study."""

from __future__ import annotations

from typing import Any

import numpy as np

from hpsearch.data.arrays import Array, Dataset, Split, is_sparse
from hpsearch.data.splits import hold_out
from hpsearch.data.structure import mapped
from hpsearch.errors import DataError, UsageError

ARRAYS = "an array, or a dict or tuple of arrays"


def dataset_of(
    x: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    validation_data: Any,
    validation_split: float,
    test_data: Any,
    seed: int,
) -> Dataset:
    """The splits of a study, once they are known to be sound.

    Args:
        x: The examples, as Keras's `fit` takes them in arrays.
        y: Their labels.
        sample_weight: How much each counts.
        validation_data: `(x, y)` or `(x, y, sample_weight)`; None to hold examples out.
        validation_split: The share to hold out.
        test_data: As `validation_data`; None for a study without test.
        seed: Of what is held out.

    Raises:
        UsageError: The data are not arrays, or nothing can be held out of them.
        DataError: They do not fit together, or hold values that no training could use.
    """
    train = _split("x, y", (x, y, sample_weight))
    if validation_data is None:
        train, valid = _held_out(train, validation_split, seed)
    else:
        valid = _split("validation_data", validation_data)
    test = None if test_data is None else _split("test_data", test_data)
    dataset = Dataset(train, valid, test)
    dataset.require_sound_values()
    return dataset


def _split(what: str, data: Any) -> Split:
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise UsageError(f"{what}= takes a tuple (x, y), not {_kind(data)}")
    x, y, sample_weight = (*data, None)[:3]
    if y is None:
        raise UsageError(f"{_cannot_keep(x)}" if not _is_array(x) else f"{what} has no labels y")
    weights = None if sample_weight is None else _arrays(sample_weight)
    try:
        return Split(_arrays(x), _arrays(y), weights)
    except DataError as error:
        raise DataError(f"{what}: {error}") from error


def _arrays(structure: Any) -> Any:
    """Arrays as they are; whatever is easily made one, such as a table of pandas, as one."""
    if isinstance(structure, dict | tuple):
        return mapped(_arrays, structure) if structure else structure
    if isinstance(structure, np.ndarray) or is_sparse(structure):
        return structure
    if not _is_array(structure):
        raise UsageError(_cannot_keep(structure))
    if isinstance(structure, list) and any(hasattr(one, "shape") for one in structure):
        return structure  # several inputs? `Split` says what to write
    return np.asarray(structure)


def _is_array(value: Any) -> bool:
    return isinstance(value, list | dict | tuple) or hasattr(value, "__array__") or is_sparse(value)


def _cannot_keep(value: Any) -> str:
    return (
        f"tune takes {ARRAYS}, not {_kind(value)}: collect the examples in arrays, on disk with "
        "np.lib.format.open_memmap if they are too big for memory; or read them in the load() of "
        "a study file, which hpsearch init writes"
    )


def _kind(value: Any) -> str:
    kind = type(value)
    home = kind.__module__.partition(".")[0]
    return kind.__name__ if home == "builtins" else f"a {home} {kind.__name__.lstrip('_')}"


def _held_out(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        raise UsageError(
            f"validation_split= takes a share between 0 and 1, such as 0.2, not {share!r}"
        )
    n = round(share * len(split))
    try:
        return hold_out(split, n, seed=seed, by=_strata(split))
    except ValueError as error:
        raise UsageError(f"validation_split={share}: {error}") from error


def _strata(split: Split) -> Array:
    """What to keep the shares of: classes, or numbers of one output; else nothing."""
    y = split.y
    if isinstance(y, np.ndarray) and y.ndim == 1:
        return y
    if isinstance(y, np.ndarray) and y.ndim == 2:
        columns: Array = y.ravel() if y.shape[1] == 1 else y.argmax(axis=1)
        return columns
    return np.zeros(len(split), dtype=np.int8)
