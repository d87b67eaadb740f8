"""The data sets of tasks, found by the name of either."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.study.data_sets import data_sets, task_of
from tests.study_texts import study_text


@pytest.fixture(autouse=True)
def studies(cwd: Path) -> Path:
    """A folder studies/ with two tasks of one data set, and a file that does not run."""
    folder = cwd / "studies"
    folder.mkdir()
    for name in ("play", "more"):
        (folder / f"{name}.py").write_text(study_text(source="Source('toys')"))
    (folder / "broken.py").write_text("1 / 0")
    return folder


def test_tasks_that_share_a_data_set_are_named_together_and_broken_files_are_skipped():
    said: list[str] = []

    (toys,) = [one for one in data_sets(None, said.append) if one.source.name == "toys"]

    assert toys.tasks == ["more", "play"]
    assert said == [
        "skipped: studies/broken.py:1: the study file raised ZeroDivisionError: division by zero"
    ]


def test_a_data_set_stands_for_the_first_task_that_uses_it():
    assert task_of("toys", lambda text: None) == "more"
    assert task_of("play", lambda text: None) == "play"
    assert task_of("nothing", lambda text: None) == "nothing"


def test_a_path_is_a_task_and_no_other_study_file_runs():
    said: list[str] = []

    assert task_of("mine/toys.py", said.append) == "mine/toys.py"

    assert said == []
