"""The file format of MNIST and Fashion-MNIST."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hpsearch.errors import DataCorrupt, DataError


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Read a gzipped IDX file.

    Args:
        path: A file such as `train-images-idx3-ubyte.gz`.

    Returns:
        A uint8 array, `(n, 28, 28)` for images and `(n,)` for labels. Pixels are
        0 (background) to 255 and are not rescaled here.

    Raises:
        DataCorrupt: The file is cut off, is not IDX, or does not hold as many bytes as its
            header promises.
        DataError: The file does not exist or cannot be read.

    Source:
        LeCun, Cortes and Burges, "The MNIST database", file formats: two zero bytes, a
        type code (8 is uint8), the number of axes, then the length of each axis as a
        big-endian int32.
    """
    try:
        raw = gzip.decompress(path.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataCorrupt(f"{path} is not a whole gzip file: {error}") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    if raw[:3] != b"\0\0\x08" or len(raw) < 4:
        start = raw[:4].hex(" ")
        raise DataCorrupt(f"{path} should start 00 00 08 (IDX, uint8), not {start!r}")
    n_axes = raw[3]
    if len(raw) < 4 + 4 * n_axes:
        raise DataCorrupt(f"{path} ends inside its header")
    shape = np.frombuffer(raw, dtype=">i4", count=n_axes, offset=4).tolist()
    body = np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * n_axes)
    if min(shape, default=0) < 0 or body.size != math.prod(shape):
        raise DataCorrupt(f"{path} promises {math.prod(shape)} bytes and holds {body.size}")
    return body.reshape(shape)
