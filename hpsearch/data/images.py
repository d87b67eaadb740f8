"""Your own images, from PNG files."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np

from hpsearch.data.arrays import Array
from hpsearch.errors import DataError

GREY = ("1", "L")  # what Pillow calls black and white, and 8-bit greyscale


def decode_png(content: bytes, shape: tuple[int, int]) -> Array:
    """Decode a greyscale PNG image.

    Args:
        content: The bytes of the file.
        shape: The height and width, in pixels, that it must have.

    Returns:
        A uint8 array of that shape, 0 (black) to 255 (white).

    Raises:
        DataError: It is not a whole PNG file, has another size, or has colours.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # about huge images: the size is checked before decoding
            image = Image.open(io.BytesIO(content), formats=["PNG"])
        if (image.height, image.width) != shape:
            raise DataError(
                f"the image has {image.height} x {image.width} pixels, the network takes "
                f"{shape[0]} x {shape[1]}: resize it"
            )
        if image.mode not in GREY:
            raise DataError(
                f"the image has mode {image.mode}, the network takes 8-bit greyscale: save it "
                "without colours and transparency"
            )
        return np.asarray(image.convert("L"))
    except UnidentifiedImageError as error:  # its own message names an object in memory
        raise DataError("the image is not a whole PNG file") from error
    except (
        OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, struct.error,
        zlib.error, Image.DecompressionBombError,
    ) as error:  # fmt: skip
        raise DataError(f"the image is not a whole PNG file: {error}") from error
