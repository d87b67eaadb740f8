"""Arrays that are in a file already: used there, not copied, and refused once they changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from hpsearch.data import Dataset, Split
from hpsearch.data.arrays import Array, prepare
from hpsearch.data.file_array import FileArray
from hpsearch.errors import DataCorrupt

N, WIDTH = 30, 500
Y = np.arange(N) % 2


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """A file of numbers, far bigger than what the cache holds beside arrays."""
    path = tmp_path / "big.npy"
    np.save(path, np.random.default_rng(0).normal(size=(N, WIDTH)))
    return path


def load(path: Path) -> Dataset:
    examples = Split(np.load(path, mmap_mode="r"), Y)
    return Dataset(examples[:10], examples[10:20], examples[20:])


def n_bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*"))


def change(path: Path) -> None:
    """Write another number into a file, which then has another time, however coarse the clock."""
    with path.open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(b"\x07" * 8)
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1000))


def test_no_second_copy_is_on_the_disk(big: Path, tmp_path: Path):
    prepared = prepare(tmp_path / "cache", None, lambda: load(big))
    opened = prepared.open()

    assert n_bytes_in(tmp_path / "cache") < big.stat().st_size / 10
    np.testing.assert_array_equal(opened.valid.x, np.load(big)[10:20])
    assert isinstance(opened.valid.x, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        opened.valid.x[0] = 1


def test_they_have_the_fingerprint_of_the_same_numbers_in_memory(big: Path, tmp_path: Path):
    x = np.load(big)
    in_memory = Dataset(*(Split(x[i : i + 10], Y[i : i + 10]) for i in (0, 10, 20)))

    assert prepare(tmp_path / "cache", None, lambda: load(big)).fingerprint == (
        in_memory.fingerprint()
    )


def test_training_and_validation_are_joined_without_a_copy_where_they_are_neighbours(big: Path):
    data = load(big)

    joined, apart = data.train + data.valid, data.train + data.test

    assert isinstance(joined.x, np.memmap)
    assert FileArray.of(apart.x) is None
    np.testing.assert_array_equal(joined.x, np.load(big)[:20])
    np.testing.assert_array_equal(apart.x, np.concatenate([data.train.x, data.test.x]))


def test_the_parts_of_a_sparse_array_stay_where_they_are_too(tmp_path: Path):
    rows = csr_array(np.eye(N, WIDTH))
    for name in ("data", "indices", "indptr"):
        np.save(tmp_path / f"{name}.npy", getattr(rows, name))
    parts = (np.load(tmp_path / f"{n}.npy", mmap_mode="r") for n in ("data", "indices", "indptr"))
    whole = Split(csr_array(tuple(parts), shape=rows.shape), Y)

    folder = prepare(tmp_path / "cache", None, lambda: Dataset(whole, whole, whole)).folder

    assert (folder / "train_x_data.json").exists()
    assert not (folder / "train_x_data.npy").exists()


@pytest.mark.parametrize(
    "take",
    [
        pytest.param(lambda path: np.load(path), id="in memory"),
        pytest.param(lambda path: np.load(path, mmap_mode="r+"), id="may be written to"),
        pytest.param(lambda path: np.load(path, mmap_mode="r")[::2], id="every other row"),
        pytest.param(lambda path: np.load(path, mmap_mode="r").T, id="columns"),
        pytest.param(lambda path: np.load(path, mmap_mode="r")[[2, 1]], id="chosen rows"),
        pytest.param(lambda path: np.load(path, mmap_mode="r") + 1, id="computed"),
    ],
)
def test_other_arrays_are_copied(big: Path, take: Callable[[Path], Array]):
    assert FileArray.of(take(big)) is None


@pytest.mark.parametrize(
    "take",
    [
        pytest.param(lambda x: x[7:9], id="rows"),
        pytest.param(lambda x: x[7], id="a row"),
        pytest.param(lambda x: np.asarray(x)[3:].reshape(-1, WIDTH // 2), id="in another shape"),
    ],
)
def test_a_piece_is_found_where_it_is(big: Path, take: Callable[[Array], Array]):
    piece = take(np.load(big, mmap_mode="r"))

    found = FileArray.of(piece)

    assert found is not None
    again = FileArray.from_json(found.as_json()).open(big.parent)
    np.testing.assert_array_equal(again, piece)
    assert again.shape == piece.shape


def test_a_file_that_was_changed_is_refused_with_one_line(big: Path, tmp_path: Path):
    prepared = prepare(tmp_path / "cache", None, lambda: load(big))
    change(big)

    with pytest.raises(DataCorrupt, match=f"^{big} was changed after hpsearch had") as caught:
        prepared.open()
    assert "\n" not in str(caught.value)
    assert prepare(tmp_path / "cache", None, lambda: load(big)).fingerprint != prepared.fingerprint


def test_a_file_that_is_gone_is_named(big: Path, tmp_path: Path):
    prepared = prepare(tmp_path / "cache", None, lambda: load(big))
    big.unlink()

    with pytest.raises(
        DataCorrupt, match=f"cannot read {big} .*: put it back, or delete {prepared.folder}"
    ):
        prepared.open()


def test_a_file_that_was_moved_or_touched_is_the_same_data(big: Path, tmp_path: Path):
    before = prepare(tmp_path / "cache", None, lambda: load(big))
    moved = big.rename(tmp_path / "moved.npy")
    moved.touch()

    after = prepare(tmp_path / "cache", None, lambda: load(moved))

    assert after.fingerprint == before.fingerprint
    np.testing.assert_array_equal(after.open().test.x, np.load(moved)[20:])
