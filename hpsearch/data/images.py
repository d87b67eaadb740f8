"""Images of one's own, out of PNG files."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np

from hpsearch.data.arrays import Array
from hpsearch.errors import DataError

GREY = ("1", "L")  # Pillow's names of black and white, and of grey in 8 bits


def decode_png(content: bytes, shape: tuple[int, int]) -> Array:
    """Decode a grey PNG image.

    Args:
        content: Of the file.
        shape: Height and width in pixels that it must have.

    Returns:
        A uint8 array of that shape, 0 (black) to 255 (white).

    Raises:
        DataError: It is not a whole PNG, has another size, or has colours.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of huge images, whose size is told before decoding
            image = Image.open(io.BytesIO(content), formats=["PNG"])
        if (image.height, image.width) != shape:
            raise DataError(
                f"the image has {image.height} x {image.width} pixels, the network takes "
                f"{shape[0]} x {shape[1]}: resize it"
            )
        if image.mode not in GREY:
            raise DataError(
                f"the image is of mode {image.mode}, the network takes grey ones of 8 bits: save "
                "it as greyscale, without transparency"
            )
        return np.asarray(image.convert("L"))
    except UnidentifiedImageError as error:  # whose message names an object in memory
        raise DataError("the image is not a whole PNG file") from error
    except (
        OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, struct.error,
        zlib.error, Image.DecompressionBombError,
    ) as error:  # fmt: skip
        raise DataError(f"the image is not a whole PNG file: {error}") from error
