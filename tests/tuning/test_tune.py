"""`hpsearch.tune`: from arrays to a study that all of hpsearch works on."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from contextlib import chdir
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import hpsearch
from hpsearch.errors import DataError, HpsearchError, StudyChanged, StudyFileError, UsageError
from hpsearch.study_file import read_study_file
from tests.tuning import networks
from tests.tuning.networks import build, clouds, space

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("tuning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras's
]

X, Y = clouds(60)
TEST = clouds(30)
OPTIONS = {
    "build": build,
    "space": space,
    "x": X,
    "y": Y,
    "test_data": TEST,
    "study": "mine",
    "epochs": 2,
    "trials": 2,
    "slots": 1,
    "pruner": "none",
}


def tune(**options):
    return hpsearch.tune(**{**OPTIONS, **options})


@cache
def tuned_folder() -> Path:
    """A folder in which `mine` was tuned; do not change it."""
    folder = Path(tempfile.mkdtemp(prefix="hpsearch-tuned-"))
    with chdir(folder):
        tune()
    return folder


@pytest.fixture
def tuned(cwd: Path) -> hpsearch.tuning.result.Tuned:
    """What `tune` returned, in a folder of one's own."""
    shutil.copytree(tuned_folder(), cwd, dirs_exist_ok=True)
    return hpsearch.tuning.result.Tuned("mine", "sqlite:///runs/studies.db", Path("mine.py"))


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_best_params_are_complete_and_the_trials_a_table(tuned):
    assert list(tuned.best_params) == ["epochs", "batch_size", "units", "rate"]
    assert tuned.best_params["epochs"] == 2
    assert tuned.best_value == pytest.approx(
        max(row["val_accuracy"] for row in tuned.trials), abs=1e-4
    )
    assert len(tuned.trials) == 2
    assert "mine: build of " in repr(tuned)
    assert "<td>finished</td>" in tuned._repr_html_()


def test_the_model_is_the_network_with_the_weights_that_gave_the_value(tuned):
    valid = hpsearch.study_file.read_study_file("mine.py").task.load(Path()).valid

    _, accuracy = tuned.model().evaluate(valid.x, valid.y, verbose=0)

    assert accuracy == pytest.approx(tuned.best_value)


def test_a_model_whose_weights_are_gone_is_trained_to_the_same_ones(tuned, capsys):
    kept = tuned.model().get_weights()
    for checkpoint in Path("runs/curves").rglob("epoch-*.npz"):
        checkpoint.unlink()

    again = tuned.model().get_weights()

    assert "again from epoch 1 to 2: its weights were not kept" in capsys.readouterr().err
    for one, other in zip(kept, again, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)  # other threads


def test_the_study_file_passes_the_check_and_the_same_call_goes_on(tuned, inside):
    assert inside("check", "mine.py").returncode == 0
    written = Path("mine.py").read_text()
    before = everything_in(Path("mine_data"))

    more = tune(trials=3)

    assert len(more.trials) == 3
    assert everything_in(Path("mine_data")) == before
    assert Path("mine.py").read_text() != written  # n_trials=3
    assert inside("show", "mine").stdout.startswith("mine: build of ")


def test_the_script_in_the_readme_runs_as_it_stands_without_a_main_guard(cwd, capsys):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (script,) = re.findall(r"^## From a script\n.*?^```python\n(.*?)^```$", readme, re.M | re.S)
    Path("flowers.py").write_text(script)

    runpy.run_path("flowers.py", run_name="__main__")

    assert "'units'" in capsys.readouterr().out
    assert Path("digits.keras").exists()
    assert "from keras" not in Path("flowers_study.py").read_text().partition("def load")[0]


def test_a_build_of_keras_tuner_is_its_own_space(cwd, inside):
    found = tune(build=networks.build_of_keras_tuner, space=None, trials=1, epochs=1, unit="points")

    assert found.best_params == {"epochs": 1, "batch_size": 32, "layers": 1, "units_0": 4}
    assert read_study_file("mine.py").task.unit == "points"
    assert inside("check", "mine.py").returncode == 0


def test_test_data_are_opened_once_by_evaluate_and_then_exported(tuned):
    found = tuned.evaluate(top=1, seeds=1, slots=1)
    tuned.export("best")

    assert found.content["openings"] == 1
    assert "On test: accuracy, trained on train + valid" in repr(found)
    assert Path("best/model.keras").exists()


def test_without_test_data_evaluate_says_so_in_one_line(cwd, inside):
    found = tune(study="open", trials=1, epochs=1, test_data=None)

    with pytest.raises(DataError, match="^the data have no test split"):
        found.evaluate()
    done = inside("evaluate", "open")
    assert (done.returncode, done.stderr.count("\n")) == (5, 1)
    assert inside("lab", "open.py").returncode == 5


def test_a_call_that_the_study_cannot_go_on_with_changes_nothing(tuned):
    before = everything_in(Path()), Path("mine.py").read_text()

    with pytest.raises(StudyChanged):
        tune(x=X + 1)

    assert (everything_in(Path()), Path("mine.py").read_text()) == before


def test_a_file_of_somebody_elses_is_not_written_over(cwd):
    Path("mine.py").write_text("print('mine')\n")

    with pytest.raises(UsageError, match=r"mine\.py is not as hpsearch wrote it, if it did"):
        tune()

    assert everything_in(cwd) == ["mine.py"]


def nothing(trial):
    pass


def wide(trial):
    trial.suggest_int("units", 9, 3)


def long(trial):
    trial.suggest_int("units", 4, 16)
    trial.suggest_int("epochs", 1, 3)


def no_params():
    pass


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"space": nothing}, StudyFileError, r"space\(trial\) suggests nothing"),
        ({"space": None}, StudyFileError, "asked for the space since there is no space="),
        ({"space": wide}, StudyFileError, r"test_tune.py:\d+: units: low"),
        (
            {"space": long},
            UsageError,
            "the space suggests 'epochs', or .*: leave epochs= out",
        ),
        ({"build": no_params}, UsageError, r"write def no_params\(params\)"),
        ({"build": networks.around(2)}, UsageError, "build uses n of the function around it"),
        ({"space": lambda trial: None}, UsageError, "space is a lambda"),
        ({"y": Y[:-1]}, DataError, "60 examples have 59 labels"),
        ({"x": (row for row in X)}, UsageError, "not generator: collect the examples"),
        ({"study": "../mine"}, UsageError, "cannot have a file of that name"),
        ({"baseline": {"unit": 4}}, StudyFileError, "did you mean 'units'"),
        ({"baseline": {"units": 99}}, StudyFileError, "sets units=99, outside"),
        ({"metric": "accuracy"}, StudyFileError, "search on validation, with 'val_accuracy'"),
        ({"batch_size": 0}, StudyFileError, "'batch_size', a whole number of 1 or more"),
        ({"sampler": "tpee"}, UsageError, "did you mean 'tpe'"),
        ({"callbacks": 7}, UsageError, "callbacks takes a function"),
        ({"on": "slurm://lab7"}, UsageError, "--on takes listen://HOST:PORT"),
        ({"trials": 0}, HpsearchError, "n_trials must be a whole number"),
        ({"class_weight": {np.int64(0): 1.0}}, StudyFileError, "no weight for the class 1"),
        ({"class_weight": lambda params: None}, UsageError, "a function of the params belongs"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(cwd, options, error, message):
    with pytest.raises(error, match=message) as raised:
        tune(**options)

    assert "\n" not in str(raised.value)
    assert everything_in(cwd) == []


def test_importing_hpsearch_loads_neither_keras_nor_ipython_nor_matplotlib():
    heavy = "{'keras', 'tensorflow', 'IPython', 'matplotlib', 'optuna', 'rich'}"
    code = f"import sys, hpsearch; print(*{heavy} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "\n"
