"""A user's tables: read if sound, else one line that names the rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.data import read_table
from hpsearch.errors import DataError

GOOD = "width,kind,height\n1,cat,2.5\n3,dog,4\n5,cat,-6e1\n7,dog,8\n"


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "animals.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_table_becomes_numbers_with_a_label_each(tmp_path: Path):
    table = read_table(write(tmp_path, GOOD), label="kind")

    assert table.rows.x.tolist() == [[1, 2.5], [3, 4], [5, -60], [7, 8]]
    assert table.rows.y.tolist() == [0, 1, 0, 1]
    assert table.columns == ("width", "height")
    assert table.classes == ("cat", "dog")


def test_a_target_is_the_number_to_predict(tmp_path: Path):
    table = read_table(write(tmp_path, "width,price,height\n1,9.5,2.5\n3,-1e3,4\n"), target="price")

    assert table.rows.x.tolist() == [[1, 2.5], [3, 4]]
    assert table.rows.y.tolist() == [9.5, -1000]
    assert table.columns == ("width", "height")
    assert table.classes == ()


def test_a_target_that_is_no_number_is_named_with_its_line(tmp_path: Path):
    path = write(tmp_path, "width,price\n1,9.5\n3,\n")

    with pytest.raises(DataError, match="has nothing in column 'price' of line 3, not a number"):
        read_table(path, target="price")


@pytest.mark.parametrize("columns", [{}, {"label": "kind", "target": "width"}])
def test_a_table_has_either_classes_or_a_target(tmp_path: Path, columns: dict[str, str]):
    with pytest.raises(ValueError, match="label= for classes, or target= for a number"):
        read_table(write(tmp_path, GOOD), **columns)


def test_what_spreadsheets_add_makes_no_difference(tmp_path: Path):
    content = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode() + b"\r\n"

    table = read_table(write(tmp_path, content), label="kind")

    assert table.columns == ("width", "height")
    assert len(table.rows) == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("", "has no rows below the line with the names", id="empty"),
        pytest.param("width,kind\n", "has no rows", id="a header alone"),
        pytest.param(
            "width,sort\n1,cat\n", "no column 'kind': its columns are width, sort", id="-"
        ),
        pytest.param("kind\ncat\n", "needs 'kind' and other columns", id="a label alone"),
        pytest.param("a,a,kind\n1,2,cat\n", "each named once", id="two columns of a name"),
        pytest.param(
            GOOD + "9,cat\n9,dog,1,1\n", "has 3 columns, but not in lines 6, 7$", id="ragged"
        ),
        pytest.param(
            GOOD.replace("cat", ""), "lacks the label 'kind' in lines 2, 4: fill it in", id="labels"
        ),
        pytest.param(
            "width,kind\n" + "1,\n" * 8, "in lines 2, 3, 4, 5, 6 and 3 more", id="many labels"
        ),
        pytest.param(
            GOOD.replace("cat", "dog"), "has only one class, 'dog' in all 4 rows", id="one class"
        ),
        pytest.param(
            GOOD + "1,eel,1\n",
            "classes with a single row in column 'kind', 'eel' in line 6: none would be left",
            id="a class of one row",
        ),
        pytest.param(
            GOOD.replace("2.5", "tall"),
            "has 'tall' in column 'height' of line 2, not a number",
            id="text",
        ),
        pytest.param(
            GOOD.replace("2.5", " "), "has nothing in column 'height' of line 2", id="a hole"
        ),
        pytest.param(GOOD.replace("2.5", "nan"), "has 'nan' in column 'height'", id="no number"),
        pytest.param(GOOD.replace("2.5", "2_5"), "has '2_5' in column 'height'", id="Python's 25"),
        pytest.param(GOOD.replace("2.5", "1e39"), "has '1e39' in column 'height'", id="too large"),
        pytest.param(GOOD.encode("utf-16"), "is not CSV in UTF-8", id="another encoding"),
        pytest.param('a,kind\n"1,cat\n', "is not CSV in UTF-8", id="an open quote"),
    ],
)
def test_an_unusable_table_is_one_line(tmp_path: Path, content: str | bytes, words: str):
    with pytest.raises(DataError, match=words) as caught:
        read_table(write(tmp_path, content), label="kind")

    assert caught.value.exit_code == 5
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "animals.csv"))


def test_a_table_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(DataError, match=r"cannot read .*animals\.csv: No such file or directory$"):
        read_table(tmp_path / "animals.csv", label="kind")
