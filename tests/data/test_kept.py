"""Folders in a cache: found again, and verified as far as it is cheap."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hpsearch.data.kept import keep
from hpsearch.errors import DataCorrupt, DataError


def fill(folder: Path) -> str:
    (folder / "a").write_bytes(b"apple")
    (folder / "b").write_bytes(b"banana")
    return "fruit"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder that was filled."""
    assert keep(tmp_path / "kept", fill) == "fruit"
    return tmp_path / "kept"


def never(_folder: Path) -> str:
    raise AssertionError("it was filled before")


def verified_ns(folder: Path) -> dict[str, int]:
    return json.loads((folder / "manifest.json").read_text())["verified_ns"]


def test_what_was_filled_is_found(kept):
    assert keep(kept, never) == "fruit"


def test_other_content_of_the_same_size_is_damage(kept):
    (kept / "a").write_bytes(b"grape")
    os.utime(kept / "a", (1, 1))

    with pytest.raises(DataCorrupt, match=r"a has other content than was written\): delete that"):
        keep(kept, never)


def test_a_copy_is_verified_once(kept):
    os.utime(kept / "a", (1, 1))  # as a copied file has another time than the one it is of

    assert keep(kept, never) == "fruit"

    assert verified_ns(kept)["a"] == 10**9 == (kept / "a").stat().st_mtime_ns
    assert verified_ns(kept)["b"] == (kept / "b").stat().st_mtime_ns


def test_a_folder_from_before_there_were_hashes_is_known_by_its_sizes(kept):
    manifest = {"fingerprint": "fruit", "bytes": {"a": 5, "b": 6}}
    (kept / "manifest.json").write_text(json.dumps(manifest))
    assert keep(kept, never) == "fruit"

    (kept / "a").write_bytes(b"apples")
    with pytest.raises(DataCorrupt, match="a should have 5 bytes"):
        keep(kept, never)


def test_a_fill_that_fails_leaves_nothing(tmp_path):
    def full(folder: Path) -> str:
        fill(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match="cannot write the data cache .*No space left on device"):
        keep(tmp_path / "kept", full)

    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []
