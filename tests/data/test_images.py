"""PNG images from outside: decoded if they fit, else one line."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hpsearch.data import decode_png
from hpsearch.errors import DataError

PIXELS = (np.arange(12) * 20).astype(np.uint8).reshape(3, 4)


def png(image: Image.Image, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


GREY = png(Image.fromarray(PIXELS))
LATE = GREY[:-12] + struct.pack(">I4sI", 0, b"iCCP", zlib.crc32(b"iCCP")) + GREY[-12:]
HUGE = bytearray(GREY)  # claims a million by a million pixels
HUGE[16:24] = struct.pack(">2I", 10**6, 10**6)
HUGE[29:33] = struct.pack(">I", zlib.crc32(HUGE[12:29]))


def test_an_image_becomes_its_pixels():
    decoded = decode_png(GREY, (3, 4))

    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, PIXELS)


def test_black_and_white_is_grey_too():
    decoded = decode_png(png(Image.fromarray(PIXELS > 100)), (3, 4))

    np.testing.assert_array_equal(decoded, 255 * (PIXELS > 100))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "is not a whole PNG file", id="empty"),
        pytest.param(b"plain text", "is not a whole PNG file", id="a text"),
        pytest.param(GREY[:-30], "is not a whole PNG file", id="cut off"),
        pytest.param(GREY[:30], "is not a whole PNG file", id="cut off in its header"),
        pytest.param(png(Image.fromarray(PIXELS), "BMP"), "is not a whole PNG file", id="a BMP"),
        pytest.param(
            png(Image.fromarray(PIXELS.T.copy())),
            "has 4 x 3 pixels, the network takes 3 x 4: resize it",
            id="another size",
        ),
        pytest.param(LATE, "is not a whole PNG file", id="an empty profile after the pixels"),
        pytest.param(bytes(HUGE), "the image", id="a bomb"),
        pytest.param(
            png(Image.new("RGB", (4, 3))),
            "has mode RGB, the network takes 8-bit greyscale",
            id="colours",
        ),
        pytest.param(
            png(Image.new("LA", (4, 3))), "has mode LA, .* transparency", id="see-through"
        ),
        pytest.param(png(Image.new("I;16", (4, 3))), "has mode I;16", id="16 bits"),
        pytest.param(png(Image.new("P", (4, 3))), "has mode P", id="a palette"),
    ],
)
def test_an_image_that_does_not_fit_is_one_line(content: bytes, words: str):
    with pytest.raises(DataError, match=words) as caught:
        decode_png(content, (3, 4))

    assert caught.value.exit_code == 5
    assert "\n" not in str(caught.value)
    assert " object at 0x" not in str(caught.value)


@given(st.integers(0, len(GREY) - 1), st.binary(min_size=1, max_size=8))
def test_no_damage_is_anything_else_than_an_error_or_an_image(place: int, damage: bytes):
    content = GREY[:place] + damage + GREY[place + len(damage) :]

    try:
        decoded = decode_png(content, (3, 4))
    except DataError:
        return
    assert decoded.shape == (3, 4)
