"""The IDX format: read what is whole, refuse what is not."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from hpsearch.data import read_idx
from hpsearch.errors import DataCorrupt, DataError

HEADER = b"\0\0\x08\x03" + struct.pack(">3i", 2, 2, 3)


def write(path: Path, raw: bytes) -> Path:
    path.write_bytes(gzip.compress(raw))
    return path


def test_images_come_in_the_shape_of_the_header(tmp_path: Path):
    images = read_idx(write(tmp_path / "images.gz", HEADER + bytes(range(12))))

    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, np.arange(12).reshape(2, 2, 3))


def test_labels_have_one_axis(tmp_path: Path):
    raw = b"\0\0\x08\x01" + struct.pack(">i", 3) + b"\x07\x00\x09"

    assert read_idx(write(tmp_path / "labels.gz", raw)).tolist() == [7, 0, 9]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        pytest.param(HEADER + bytes(11), "promises 12 bytes and holds 11", id="too short"),
        pytest.param(HEADER + bytes(13), "promises 12 bytes and holds 13", id="too long"),
        pytest.param(HEADER[:7], "ends inside its header", id="cut in the header"),
        pytest.param(b"", "should start 00 00 08", id="empty"),
        pytest.param(b"\0\0\x0d\x01" + bytes(8), "not '00 00 0d 01'", id="floats"),
        pytest.param(b"<html>", "not '3c 68 74 6d'", id="a web page"),
        pytest.param(
            b"\0\0\x08\x02" + struct.pack(">2i", -1, -4) + bytes(4),
            "promises 4 bytes and holds 4",
            id="negative axes",
        ),
        pytest.param(
            b"\0\0\x08\x03" + struct.pack(">3i", 2**31 - 1, 2**31 - 1, 8) + bytes(8),
            "promises 36893488113059364872 bytes",
            id="axes whose product is more than 64 bits",
        ),
    ],
)
def test_what_is_not_whole_idx_is_refused(tmp_path: Path, raw: bytes, words: str):
    with pytest.raises(DataCorrupt, match=words):
        read_idx(write(tmp_path / "images.gz", raw))


def test_what_is_not_whole_gzip_is_refused(tmp_path: Path):
    path = write(tmp_path / "images.gz", HEADER + bytes(12))
    path.write_bytes(path.read_bytes()[:-5])

    with pytest.raises(DataCorrupt, match="is not a whole gzip file"):
        read_idx(path)


def test_an_absent_file_is_one_line(tmp_path: Path):
    with pytest.raises(DataError, match=r"cannot read .*images\.gz: No such file or directory$"):
        read_idx(tmp_path / "images.gz")
