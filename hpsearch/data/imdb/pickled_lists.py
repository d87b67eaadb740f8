"""Lists of whole numbers from NumPy files that pickle them, without running the pickle's code."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.data.arrays import Array
from hpsearch.errors import DataCorrupt, DataError

MAX_BYTES = 1 << 28  # of an array in the file; the largest of the film reviews takes 16 MB


def read_npz(path: Path, lists: tuple[str, ...], plain: tuple[str, ...]) -> dict[str, Any]:
    """Read an `.npz` file in which some arrays hold lists.

    Args:
        path: The file.
        lists: Names of arrays of lists of numbers.
        plain: Names of arrays of numbers.

    Returns:
        A list of lists, or an array, for each name.

    Raises:
        DataCorrupt: The file is damaged, or pickles anything else.
        DataError: It cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            read: dict[str, Any] = {name: _lists(_member(archive, name)) for name in lists}
            return {**read, **{name: _numbers(_member(archive, name)) for name in plain}}
    except DataError as error:
        raise DataCorrupt(f"{path} {error}") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # a hand-made pickle can raise anything
        raise DataCorrupt(f"{path} is not the NumPy file it should be ({error})") from error


def _member(archive: zipfile.ZipFile, name: str) -> io.BytesIO:
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > MAX_BYTES:
        raise DataCorrupt(f"holds {info.file_size} bytes in {name}, more than {MAX_BYTES}")
    return io.BytesIO(archive.read(info))


def _numbers(stream: io.BytesIO) -> Array:
    array: Array = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def _lists(stream: io.BytesIO) -> list[list[int]]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        (n,), _, kind = np.lib.format.read_array_header_1_0(stream)
    else:
        (n,), _, kind = np.lib.format.read_array_header_2_0(stream)
    found = _Reader(stream, encoding="latin1").load() if kind.hasobject else None
    rows = found.rows if isinstance(found, _Rows) else None
    if not isinstance(rows, list) or len(rows) != n:
        raise DataCorrupt("does not hold the lists it should")
    if not all(type(row) is list and set(map(type, row)) <= {int} for row in rows):
        raise DataCorrupt("holds something else than lists of whole numbers")
    return rows


class _Rows:
    """Stands in for an array of the pickle, and keeps its content."""

    rows: object = None

    def __init__(self, *ignored: object) -> None:
        pass

    def __setstate__(self, state: tuple[object, ...]) -> None:
        *_, self.rows = state


class _Ignored:
    """Stands in for what the content does not depend on."""

    def __init__(self, *ignored: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


_STAND_INS: dict[str, Callable[..., object]] = {
    "numpy.core.multiarray._reconstruct": _Rows,
    "numpy._core.multiarray._reconstruct": _Rows,
    "numpy.ndarray": _Rows,
    "numpy.dtype": _Ignored,
    "_codecs.encode": _Ignored,
}


class _Reader(pickle.Unpickler):
    """Knows only the names that an array of lists needs, and puts stand-ins for them."""

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        if stand_in := _STAND_INS.get(f"{module}.{name}"):
            return stand_in
        raise DataCorrupt(f"asks to run {module}.{name}: it is not a file of plain lists")
