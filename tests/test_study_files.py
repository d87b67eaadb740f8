"""Every study file keeps the contract. A new file in studies/ is a new test here."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.data.sources import locate
from hpsearch.engine.space import explore, validate
from hpsearch.engine.task_data import prepare_data
from hpsearch.study_file import StudyFile, read_study_file

STUDY_FILES = sorted((Path(__file__).parent.parent / "studies").glob("*.py"))


@pytest.fixture(params=STUDY_FILES, ids=lambda path: path.stem)
def study_file(request: pytest.FixtureRequest) -> StudyFile:
    return read_study_file(str(request.param))


def test_it_says_what_the_task_is_and_where_the_data_come_from(study_file: StudyFile):
    assert study_file.title().endswith(".")
    assert "Data: " in study_file.description()


def test_its_top_level_is_declarations_that_do_no_work(study_file: StudyFile):
    kinds = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.FunctionDef)
    docstring, *statements = ast.parse(study_file.text).body

    assert isinstance(docstring, ast.Expr)
    assert [type(s).__name__ for s in statements if not isinstance(s, kinds)] == []


def test_its_baseline_and_factors_lie_inside_its_space(study_file: StudyFile):
    task = study_file.task
    space = explore(study_file)  # refuses a baseline outside

    for name, levels in task.factors.items():
        for level in levels:
            validate({name: level}, space, "a factor")
    # else the lab's own value would not be in the lab's own table
    levels_with_baseline = {name for name in task.factors if name in task.baseline}
    assert [n for n in levels_with_baseline if task.baseline[n] not in task.factors[n]] == []


def test_reading_it_imports_no_keras(study_file: StudyFile):
    code = (
        "import sys\n"
        "from hpsearch.engine.space import explore\n"
        "from hpsearch.study_file import read_study_file\n"
        "explore(read_study_file(sys.argv[1]))\n"
        "print({'keras', 'tensorflow', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, study_file.filename],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "set()\n"


def test_its_data_are_sound_and_fit_its_classes(
    study_file: StudyFile, request: pytest.FixtureRequest
):
    task, folder = study_file.task, None
    if task.source is not None and task.source.files and locate(task.source, None) is None:
        folder = request.getfixturevalue("real_data")

    dataset = prepare_data(study_file, folder).open()

    labels = dataset.train.classes()
    if task.classes:
        assert labels is not None
        assert labels.tolist() == list(range(len(task.classes)))
    assert all(len(split) >= 10 for split in dataset.splits().values())


def test_its_baseline_builds_a_compiled_model(study_file: StudyFile):
    keras = pytest.importorskip("keras")

    model = study_file.task.build(dict(study_file.task.baseline))

    assert isinstance(model, keras.Model)
    assert model.compiled


def test_hpsearch_ships_study_files():
    assert {"digits", "fashion_mnist"} <= {path.stem for path in STUDY_FILES}
