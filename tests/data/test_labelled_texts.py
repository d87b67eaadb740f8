"""A user's texts in a folder for each class, or in a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.data import labelled_texts, read_text_folder, read_text_table, read_texts
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
    monkeypatch.setattr(labelled_texts, "MAX_BYTES", 100)
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


TABLE = """label,id,text
ham,1,"a text, with a comma"
spam,2,"two
lines"
ham,3,Åge
spam,4,last
"""


def test_each_row_of_a_table_is_a_text(tmp_path: Path):
    (tmp_path / "mail.csv").write_text(TABLE)

    texts = read_texts(tmp_path / "mail")

    assert texts.contents == (b"a text, with a comma", b"two\nlines", "Åge".encode(), b"last")
    assert texts.labels.tolist() == [0, 1, 0, 1]
    assert texts.classes == ("ham", "spam")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (TABLE.replace("text\n", "body\n"), "no column 'text' of texts: its columns are label, id"),
        (TABLE.replace("Åge", " "), "mail.csv has no text in line 5: delete them, or write one"),
        (TABLE.replace("ham,3", ",3"), "lacks the label 'label' in line 5"),
        (TABLE.replace("ham", "spam"), "only one class, 'spam' in all 4 rows"),
    ],
)
def test_a_bad_table_of_texts_is_one_line(tmp_path: Path, table: str, words: str):
    (tmp_path / "mail.csv").write_text(table)

    with pytest.raises(DataError, match=words):
        read_text_table(tmp_path / "mail.csv", text="text", label="label")


def test_texts_are_read_from_the_folder_or_the_table_but_not_from_either(folder: Path):
    assert len(read_texts(folder).contents) == 4
    with pytest.raises(DataError, match="neither texts in the folder .*nowhere nor in .*csv$"):
        read_texts(folder / "nowhere")

    folder.with_name(f"{folder.name}.csv").write_text(TABLE)

    with pytest.raises(DataError, match="there are both .*: delete or rename one"):
        read_texts(folder)
