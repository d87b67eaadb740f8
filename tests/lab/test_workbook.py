"""A table as a spreadsheet."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from hpsearch.errors import UsageError
from hpsearch.lab.workbook import write_workbook


def test_numbers_are_numbers_and_what_looks_like_a_formula_is_text(tmp_path: Path):
    path = tmp_path / "table.xlsx"

    write_workbook(path, ["level", "value"], [["=1+1", 0.25], ["http://a.b", None]], ["Means."])

    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        texts = book.read("xl/sharedStrings.xml").decode()
    assert "<v>0.25</v>" in sheet
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    for text in ("=1+1", "http://a.b", "Means."):
        assert f"<t>{text}</t>" in texts


def test_no_file_is_overwritten_and_none_is_half_written(tmp_path: Path):
    path = tmp_path / "table.xlsx"
    path.write_text("mine")

    with pytest.raises(UsageError, match=r"table.xlsx exists"):
        write_workbook(path, ["level"], [["8"]], [])
    with pytest.raises(UsageError, match="no folder .*elsewhere"):
        write_workbook(tmp_path / "elsewhere" / "table.xlsx", ["level"], [["8"]], [])

    assert [file.name for file in tmp_path.iterdir()] == ["table.xlsx"]
    assert path.read_text() == "mine"
