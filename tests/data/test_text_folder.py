"""A user's texts in a folder for each class."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.data import read_text_folder, text_folder
from hpsearch.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("ham/1.txt", "ham/2.txt", "spam/1.txt", "spam/2.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"text of {name}")
    return tmp_path


def test_each_sub_folder_is_a_class(folder: Path):
    (folder / "ham" / ".hidden").write_bytes(b"\xff")
    (folder / ".git").mkdir()

    texts = read_text_folder(folder)

    assert texts.contents[0] == b"text of ham/1.txt"
    assert texts.labels.tolist() == [0, 0, 1, 1]
    assert texts.classes == ("ham", "spam")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param(
            "ham/2.txt", "Åge".encode("latin1"), r"is not UTF-8 text \(at byte 0\)", id="8"
        ),
        pytest.param("ham/2.txt", b"", "is empty: delete it, or write a text", id="empty"),
        pytest.param("ham/2.txt", b" \n", "is empty", id="white space"),
        pytest.param(
            "ham/2.txt", b"a" * 101, "has 101 bytes, more than the 100 allowed", id="large"
        ),
    ],
)
def test_a_file_that_is_not_text_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, words: str
):
    monkeypatch.setattr(text_folder, "MAX_BYTES", 100)
    (folder / name).write_bytes(content)

    with pytest.raises(DataError, match=f"{folder / name} {words}") as caught:
        read_text_folder(folder)
    assert caught.value.exit_code == 5


def test_a_class_needs_two_texts(folder: Path):
    (folder / "spam" / "2.txt").unlink()

    with pytest.raises(DataError, match="spam has 1 texts: a class needs two or more"):
        read_text_folder(folder)


def test_one_class_is_not_enough(folder: Path):
    with pytest.raises(DataError, match="ham has 0 sub-folders: texts need two or more"):
        read_text_folder(folder / "ham")


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(DataError, match=r"cannot read .*nowhere: No such file or directory$"):
        read_text_folder(tmp_path / "nowhere")
