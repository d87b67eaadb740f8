"""Arrays that are in a file already, such as `np.load("x.npy", mmap_mode="r")` gives.

They may be too big for memory, so they are used where they are: what is kept of them is their
place. A file that was changed since would be other data under the same name, so it is refused.
"""

from __future__ import annotations

import json
import mmap
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hpsearch.errors import DataCorrupt

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class FileArray:
    """Where in a file the values of an array are, and the state of the file."""

    path: str
    offset: int
    """Bytes before the first value."""
    dtype: str
    shape: tuple[int, ...]
    n_bytes: int
    """Of the file."""
    changed_ns: int
    """When the file was last changed."""

    @staticmethod
    def of(array: Any) -> FileArray | None:
        """The place of an array, or of rows in a row of one; None if it is not in a file.

        Nor is an array that may be written to, that of a file that is gone, or one whose values
        do not stand in the file one after the other as NumPy writes them.
        """
        owner = array
        while isinstance(owner, np.ndarray) and not isinstance(owner, np.memmap):
            owner = owner.base
        if not isinstance(owner, np.memmap) or owner.filename is None or owner.mode != "r":
            return None
        if not array.flags.c_contiguous or array.size == 0:
            return None
        buffer: Any = owner
        while isinstance(buffer, np.ndarray):
            buffer = buffer.base
        if not isinstance(buffer, mmap.mmap):  # made by a function of NumPy that copies
            return None
        # a mapping begins at a whole page
        begin = owner.offset - owner.offset % mmap.ALLOCATIONGRANULARITY
        start = np.frombuffer(buffer, np.uint8).ctypes.data
        try:
            status = Path(owner.filename).stat()
        except OSError:
            return None
        return FileArray(
            path=os.fspath(Path(owner.filename).absolute()),
            offset=begin + array.ctypes.data - start,
            dtype=array.dtype.str,
            shape=array.shape,
            n_bytes=status.st_size,
            changed_ns=status.st_mtime_ns,
        )

    def as_json(self) -> str:
        """It as text, for `from_json`."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> FileArray:
        """What `as_json` made a text of."""
        content = json.loads(text)
        return FileArray(**{**content, "shape": tuple(content["shape"])})

    def open(self, kept: Path) -> Array:
        """Map the array into memory, read-only.

        Args:
            kept: The folder of the cache that names it.

        Raises:
            DataCorrupt: The file is gone or was changed.
        """
        try:
            status = Path(self.path).stat()
        except OSError as error:
            raise DataCorrupt(
                f"cannot read {self.path} ({error.strerror}), which the data are in: put it back, "
                f"or delete {kept}, which is made again"
            ) from error
        if (status.st_size, status.st_mtime_ns) != (self.n_bytes, self.changed_ns):
            raise DataCorrupt(
                f"{self.path} was changed after hpsearch had read it: put it back as it was, or "
                f"start a new study with what it is now"
            )
        return np.memmap(self.path, self.dtype, "r", self.offset, self.shape)


def join_in_file(one: Array, other: Array) -> Array:
    """Two arrays one after the other, without a copy if they are so in their file."""
    first, second = FileArray.of(one), FileArray.of(other)
    assert first is not None
    is_adjacent = (
        second is not None
        and second.path == first.path
        and (second.dtype, second.shape[1:]) == (first.dtype, first.shape[1:])
        and second.offset == first.offset + one.nbytes
    )
    if not is_adjacent:
        return np.concatenate([one, other])
    shape = (len(one) + len(other), *one.shape[1:])
    return np.memmap(first.path, first.dtype, "r", first.offset, shape)
