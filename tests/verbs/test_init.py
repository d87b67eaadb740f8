"""A study file to start from: whole, sound, and never over another file."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from hpsearch.choices import Kind
from hpsearch.evaluation.cost import measure_cost
from hpsearch.processes.runner import LocalRunner
from hpsearch.study.space import explore, params_of
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import StudyFile, read_study_file
from tests.conftest import Cli


@pytest.fixture(params=list(Kind))
def written(request: pytest.FixtureRequest, cwd: Path, inside: Cli) -> StudyFile:
    """The study file that `init` wrote, as `hpsearch run` reads it."""
    done = inside("init", "flowers", "--kind", request.param.value)

    assert done.returncode == 0, done.stderr
    assert done.stderr == "next: hpsearch check flowers.py --train\n"
    assert [path.name for path in cwd.iterdir()] == ["flowers.py"]
    return read_study_file("flowers.py")


def test_it_keeps_the_contract_of_study_files(written: StudyFile):
    task, space = written.task, explore(written)

    for factor in task.all_factors():
        levels = [params_of(written, space, factor, level) for level in factor.levels]
        assert task.baseline[factor.name] in [level[factor.name] for level in levels]
    assert task.encode is not None


def test_its_docstring_says_which_data_it_reads(written: StudyFile):
    assert written.title().endswith(".")
    assert "Data: flowers" in written.description()
    assert "my_task" not in written.text


def test_its_top_level_is_declarations_that_do_no_work(written: StudyFile):
    kinds = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.FunctionDef)

    _, *statements = ast.parse(written.text).body

    assert [type(s).__name__ for s in statements if not isinstance(s, kinds)] == []


def test_its_data_are_missed_in_words(written: StudyFile, inside: Cli):
    done = inside("check", "flowers.py", HPSEARCH_DATA="")

    assert done.returncode == 5
    assert "flowers" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: flowers.py:")


def test_a_table_is_learned_from_the_first_epochs(cwd: Path, inside: Cli):
    """Columns from thousandths to thousands, and 22 updates an epoch."""
    inside("init", "flowers", "--kind", "vectors")
    study = Path("flowers.py")
    study.write_text(
        study.read_text()
        .replace('"setosa", "versicolor", "virginica"', '"benign", "malignant"')
        .replace('LABEL = "species"', 'LABEL = "kind"')
    )
    tumours = load_breast_cancer()
    kinds = np.array(["malignant", "benign"])[tumours.target]
    rows = [",".join(map(str, row)) for row in tumours.data]
    lines = [f"{row},{kind}" for row, kind in zip(rows, kinds, strict=True)]
    header = ",".join([*map(str, tumours.feature_names), "kind"])
    Path("flowers.csv").write_text("\n".join([header, *lines]))

    study_file = read_study_file("flowers.py")
    cost = measure_cost(study_file, prepare_data(study_file, None), LocalRunner(), print)

    assert cost.value > 0.9  # after two epochs; BatchNormalization came to 0.4


def test_vectors_are_the_default(cwd: Path, inside: Cli):
    inside("init", "one")
    inside("init", "two", "--kind", "vectors")

    text = Path("one.py").read_text()
    assert text.replace("one.csv", "two.csv") == Path("two.py").read_text().replace("two:", "one:")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param([], "NAME", id="no name"),
        pytest.param(["taken"], "taken.py already exists", id="a file of that name"),
        pytest.param(["labs/flowers"], "cannot name a task", id="a path"),
        pytest.param(["../flowers"], "cannot name a task", id="up"),
        pytest.param(["flowers.py"], "cannot name a task", id="with a suffix"),
        pytest.param(["my flowers"], "cannot name a task", id="a space"),
        pytest.param(["1st"], "cannot name a task", id="a digit first"),
        pytest.param([""], "cannot name a task", id="empty"),
        pytest.param(["class"], "cannot name a task", id="a word of Python"),
        pytest.param(["digits"], "is already a task", id="a task of hpsearch's"),
        pytest.param(["flowers", "--kind", "sounds"], "images", id="another kind"),
    ],
)
def test_what_cannot_be_written_gets_one_line_and_writes_nothing(
    cwd: Path, inside: Cli, argv: list[str], message: str
):
    (cwd / "taken.py").write_text("precious")

    done = inside("init", *argv)

    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in cwd.iterdir()] == ["taken.py"]
    assert (cwd / "taken.py").read_text() == "precious"


def test_a_folder_that_cannot_be_written_is_an_error_of_the_disk(
    cwd: Path, monkeypatch: pytest.MonkeyPatch, inside: Cli
):
    (cwd / "gone").mkdir()
    monkeypatch.chdir(cwd / "gone")
    (cwd / "gone").rmdir()

    done = inside("init", "flowers")

    assert done.returncode == 5
    assert "cannot write flowers.py" in done.stderr
