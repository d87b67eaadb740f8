"""A task's data: loaded once, found again, and refused where they are others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hpsearch.errors import DataNotFound, StudyChanged, StudyFileError
from hpsearch.study.task_data import data_of_study, prepare_data
from hpsearch.study_file import StudyFile, run_study_file
from tests.study_texts import study_text
from tests.summaries import record

NO_FILES = "Source('toys of this module')"  # they come with a library, or are made up


def task(folder: Path, loads: str, **fields: str) -> StudyFile:
    return run_study_file(study_text(loads=loads, **fields), str(folder / "toy.py"))


def test_data_that_are_known_by_their_source_are_loaded_once(cwd):
    said: list[str] = []

    for _ in range(2):
        prepared = prepare_data(task(cwd, "return POINTS", source=NO_FILES), None, said.append)

    assert len(said) == 1
    assert np.array_equal(prepared.open().train.y, np.arange(8) % 2)


def test_another_load_is_called_although_its_source_was_loaded_before(cwd):
    other = "half = PART[:4]; return Dataset(half, half, half)"

    prepared = [
        prepare_data(task(cwd, loads, source=NO_FILES), None) for loads in ("return POINTS", other)
    ]

    assert [len(one.open().train) for one in prepared] == [8, 4]


def test_data_of_no_source_are_loaded_each_time_as_anything_may_have_changed(cwd):
    said: list[str] = []

    for _ in range(2):
        prepare_data(task(cwd, "return POINTS"), None, said.append)

    assert len(said) == 2


@pytest.mark.parametrize("named", [True, False])
def test_a_task_of_no_source_loads_from_the_folder_named_or_from_beside_its_study_file(cwd, named):
    folder = cwd / "data"
    folder.mkdir()
    loads = "import pathlib; pathlib.Path('place').write_text(str(folder)); return POINTS"

    prepare_data(task(cwd, loads), folder if named else None)

    assert Path("place").read_text() == str(folder if named else cwd)


def test_a_file_that_load_does_not_find_is_named_with_the_line(cwd):
    with pytest.raises(DataNotFound, match=r"toy\.py:7.*absent\.csv"):
        prepare_data(task(cwd, "open('absent.csv')"), None)


def test_a_load_that_raises_is_named_with_its_line(cwd):
    with pytest.raises(StudyFileError, match=r"toy\.py:7.*ZeroDivisionError"):
        prepare_data(task(cwd, "1 / 0"), None)


def test_a_load_that_returns_something_else_is_told_what_is_wanted(cwd):
    with pytest.raises(StudyFileError, match=r"load\(\).* int.*hpsearch\.Dataset"):
        prepare_data(task(cwd, "return 5"), None)


def test_a_study_goes_on_with_its_own_data_and_no_others(cwd):
    study_file = task(cwd, "return POINTS")
    own = prepare_data(study_file, None)
    made_with = record(data=own.fingerprint)

    assert data_of_study("toy", made_with, study_file, None) == own

    with pytest.raises(StudyChanged, match=r"'toy'.*--data"):
        data_of_study("toy", record(), study_file, None)
