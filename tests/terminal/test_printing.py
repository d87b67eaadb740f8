"""Printing: what reaches a terminal, a spreadsheet, a program, a report."""

from __future__ import annotations

import io
import json
import math

import pytest
from rich.console import Console

from hpsearch.terminal.printing import (
    plain,
    print_csv,
    print_json,
    print_line,
    print_markdown,
    print_table,
    say,
    show_cell,
)


def test_control_characters_become_visible_and_lines_stay():
    assert plain("a\x1b[2Jb\nc\x07") == "a\N{REPLACEMENT CHARACTER}[2Jb\nc\N{REPLACEMENT CHARACTER}"


def test_a_line_is_printed_as_it_is_however_long():
    console = Console(file=io.StringIO(), width=20)

    print_line(console, "[red] " + "word " * 20)

    assert console.file.getvalue() == "[red] " + "word " * 20 + "\n"


def test_progress_goes_to_standard_error(capsys: pytest.CaptureFixture[str]):
    say("working\x07")

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "working\N{REPLACEMENT CHARACTER}\n"


def test_json_has_no_numbers_that_it_does_not_know(capsys: pytest.CaptureFixture[str]):
    print_json({"value": math.nan, "limit": math.inf, "name": "é"})

    out = capsys.readouterr().out
    assert json.loads(out) == {"value": "nan", "limit": "inf", "name": "é"}
    assert "é" in out


def test_a_spreadsheet_runs_no_formula_and_keeps_negative_numbers(
    capsys: pytest.CaptureFixture[str],
):
    print_csv(["a", "b", "c"], [["=1+1", -0.5, None], ["@x", "-y", "z"]])

    assert capsys.readouterr().out.splitlines() == ["a,b,c", "'=1+1,-0.5,", "'@x,'-y,z"]


def test_a_markdown_table_survives_bars_and_line_feeds(capsys: pytest.CaptureFixture[str]):
    print_markdown(["a", "b"], [["x|y", "two\nlines"], [None, 0.25]])

    assert capsys.readouterr().out.splitlines() == [
        "| a | b |",
        "| --- | --- |",
        "| x\\|y | two lines |",
        "|  | 0.25 |",
    ]


def test_a_table_aligns_numbers_to_the_right_and_folds_long_cells():
    console = Console(file=io.StringIO(), width=24)

    print_table(console, ["n", "text"], [[1, "a"], [100, "b" * 30]], right=1)

    rows = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert "   1   a" in [row.rstrip() for row in rows]
    assert sum(row.count("b") for row in rows) == 30


@pytest.mark.parametrize(
    ("cell", "text"), [(None, ""), (0.123456, "0.1235"), (3, "3"), (True, "True"), ("x", "x")]
)
def test_cells_read_as_people_write_them(cell, text: str):
    assert show_cell(cell) == text
