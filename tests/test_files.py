"""Files appear whole or not at all, under names that cannot lead elsewhere."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.errors import UsageError
from hpsearch.files import as_csv, atomic_file, atomic_folder, sha256_of, slug


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_when_the_new_one_is_whole(tmp_path):
    path = tmp_path / "curve.json"
    path.write_text("before")

    with atomic_file(path) as scratch:
        scratch.write_text("after")
        assert path.read_text() == "before"

    assert path.read_text() == "after"
    assert names(tmp_path) == ["curve.json"]


def test_a_file_stays_as_it_was_when_writing_fails(tmp_path):
    path = tmp_path / "curve.json"
    path.write_text("before")

    def write_half() -> None:
        with atomic_file(path) as scratch:
            scratch.write_text("half of it")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_half()

    assert path.read_text() == "before"
    assert names(tmp_path) == ["curve.json"]


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "curve.json").symlink_to("victim")

    with atomic_file(tmp_path / "curve.json") as scratch:
        scratch.write_text("new")
        assert scratch.stat().st_mode & 0o077 == 0

    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "curve.json").is_symlink()


def test_a_folder_appears_when_all_its_files_are_written(tmp_path):
    folder = tmp_path / "export"

    with atomic_folder(folder) as scratch:
        (scratch / "params.json").write_text("{}")
        assert not folder.exists()

    assert names(tmp_path) == ["export"]
    assert names(folder) == ["params.json"]


def test_a_folder_does_not_appear_when_writing_fails(tmp_path):
    def write_half() -> None:
        with atomic_folder(tmp_path / "export") as scratch:
            (scratch / "params.json").write_text("{}")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_half()

    assert names(tmp_path) == []


def test_a_folder_with_files_is_not_replaced(tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "mine.txt").write_text("keep")

    with pytest.raises(OSError), atomic_folder(folder) as scratch:
        (scratch / "params.json").write_text("{}")

    assert names(folder) == ["mine.txt"]
    assert names(tmp_path) == ["export"]


@given(content=st.binary(max_size=100))
def test_files_are_told_apart_by_their_content(content: bytes, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "data"
    path.write_bytes(content)

    assert sha256_of(path) == hashlib.sha256(content).hexdigest()


@given(st.text(), st.text())
def test_the_name_of_a_study_becomes_a_file_name_of_its_own(one: str, other: str):
    name = slug(one)

    assert Path(name).name == name
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
    assert len(name) <= 49
    assert (slug(other) == name) == (other == one)


def test_a_study_is_recognised_by_its_file_name():
    assert slug("digits with dropout").startswith("digits-with-dropout-")
    assert slug("../../etc/passwd").startswith("etc-passwd-")


def test_a_name_that_is_no_text_is_refused():
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        slug("\ud800")


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1"])
def test_no_cell_of_csv_begins_like_a_formula(cell):
    assert as_csv([cell], [[-1, None, 0.5]]).startswith(("'", "\"'"))
    assert as_csv([cell], [[-1, None, 0.5]]).endswith("-1,,0.5\r\n")


def test_a_cell_of_several_lines_stays_one_cell():
    cells = ["a\rb", "c\nd", "e\r\nf"]

    assert list(csv.reader(io.StringIO(as_csv(["x"] * 3, [cells]), newline=""))) == [
        ["x"] * 3,
        cells,
    ]
