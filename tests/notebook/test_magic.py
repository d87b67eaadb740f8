"""`%%study`: a cell is saved once it declares a task, and only over an older cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.errors import HpsearchError
from hpsearch.notebook.magic import write_cell
from hpsearch.study_file import read_study_file
from tests.study_texts import study_text

CELL = study_text("trial.suggest_int('units', 1, 8)", baseline="units=2")


def test_a_cell_is_the_study_file_and_a_changed_cell_replaces_it(cwd):
    assert write_cell("mine", CELL) == Path("mine.py")
    assert Path("mine.py").read_text().startswith(CELL.rstrip())

    write_cell("mine", CELL.replace("units=2", "units=4"))

    assert read_study_file("mine.py").task.baseline["units"] == 4


@pytest.mark.parametrize(
    ("name", "cell", "message"),
    [
        ("mine", "x = 1\n", r"the cell %%study mine declares no task: end it with TASK = "),
        ("mine", "x = = 1\n", "the cell %%study mine:1: .*SyntaxError"),
        ("mine", "1 / 0\n", "the cell %%study mine:1: .*ZeroDivisionError"),
        ("../mine", CELL, "cannot have a file of that name"),
        ("a/mine", CELL, "cannot have a file of that name"),
        ("", CELL, "cannot have a file of that name"),
        ("theirs", CELL, r"theirs\.py is not as hpsearch wrote it"),
    ],
)
def test_what_cannot_be_saved_is_one_line_and_writes_nothing(cwd, name, cell, message):
    Path("theirs.py").write_text("x = 1\n")

    with pytest.raises(HpsearchError, match=message) as error:
        write_cell(name, cell)

    assert "\n" not in str(error.value)
    assert [path.name for path in cwd.rglob("*")] == ["theirs.py"]
    assert Path("theirs.py").read_text() == "x = 1\n"
