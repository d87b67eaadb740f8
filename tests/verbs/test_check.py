"""`hpsearch check`: the contract in one line each, the plan on half a page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.errors import DataError, HpsearchError
from hpsearch.verbs.check import check
from tests.conftest import Cli
from tests.several import write_houses
from tests.study_texts import study_text
from tests.toy import write_toy


def refused(text: str, *, train: bool = False) -> str:
    """What `check` says to a study file `task.py` of the current folder."""
    Path("task.py").write_text(text)
    with pytest.raises(HpsearchError) as caught:
        check("task.py", None, train=train)
    message = str(caught.value)
    assert caught.value.exit_code == (5 if isinstance(caught.value, DataError) else 2)
    assert "\n" not in message
    return message


def test_the_plan_shows_data_space_baseline_and_budget(
    cwd: Path, capsys: pytest.CaptureFixture[str]
):
    space = (
        "if trial.suggest_int('layers', 1, 2) == 2:",
        "    trial.suggest_int('units_2', 16, 64, step=16)",
        "trial.suggest_categorical('kind', ['a', 'b'])",
    )
    Path("task.py").write_text(
        study_text(
            *space,
            baseline="layers=1, kind='b'",
            budget="Budget(n_trials=7, timeout_s=90)",
            direction="'minimize'",
            metric="'val_loss'",
        )
    )

    check("task.py", None, train=False)

    out = capsys.readouterr().out
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert rows[0] == "task: A small task."
    assert "examples      train 8, valid 8, test 8; each 3 (float64), 2 classes" in out
    assert "layers whole number 1 to 2 always 1" in rows
    assert "units_2 whole number 16 to 64 in steps of 16 sometimes" in rows
    assert "kind one of a, b always b" in rows
    assert "epochs fixed by the baseline never 1" in rows
    assert f"combinations  {(1 + 4) * 2}\n" in out
    assert "goal          minimize val_loss\n" in out
    assert "budget        7 trials, at most 90 s for each launch\n" in out
    assert "hpsearch check task.py --train" in out


def test_the_plan_shows_each_input_and_output_and_the_range_of_weights(
    cwd: Path, capsys: pytest.CaptureFixture[str]
):
    check(str(write_houses(cwd)), None, train=False)

    lines = capsys.readouterr().out.splitlines()
    assert lines[2:6] == [
        "examples      train 160, valid 40, test 40",
        "inputs        numbers 2 (float32); words 4 (float32, sparse)",
        "labels        kind one number (uint8), 2 classes; price 1 (float32)",
        "weights       0.5 to 2",
    ]


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ("['dear', 'cheap']", "has a list, but the labels of the data have 'kind', 'price'"),
        ("{'sort': ['dear', 'cheap']}", "has 'sort', but the labels of the data have 'kind'"),
        ("{'kind': ['dear']}", "names 1 labels, 0 to 0, but the labels of kind of the data go"),
    ],
)
def test_names_of_classes_belong_to_an_output(cwd: Path, classes: str, words: str):
    text = write_houses(cwd).read_text()
    own = '{"kind": ["dear", "cheap"]}'
    assert own in text

    assert words in refused(text.replace(own, classes))


def test_a_continuous_hyperparameter_makes_the_combinations_endless(inside: Cli):
    done = inside("check", "digits")

    assert done.returncode == 0, done.stderr
    assert "combinations  infinitely many (learning_rate is continuous)\n" in done.stdout
    assert "train 1,150, valid 287, test 360; each 8 x 8 (uint8), 10 classes" in done.stdout


def test_a_study_file_that_imports_keras_at_its_top_gets_an_answer_without_greetings(
    cli: Cli, cwd: Path
):
    path = write_toy(cwd)
    path.write_text(path.read_text().replace("import os\n", "import os\nimport keras.layers\n"))

    done = cli("check", "toy.py")

    assert done.returncode == 0
    assert done.stdout.startswith("toy: Toy")
    assert all(line.startswith("loading") for line in done.stderr.splitlines()), done.stderr


def test_an_error_ends_the_command_with_2_and_one_line(inside: Cli, cwd: Path):
    (cwd / "task.py").write_text("import sys; sys.exit(3)")

    done = inside("check", "task.py")

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "Error: task.py:1: the study file raised SystemExit: 3\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            "x = (", "task.py:1: the study file raised SyntaxError: '(' was never", id="syntax"
        ),
        pytest.param(
            "\n1 / 0", "task.py:2: the study file raised ZeroDivisionError", id="an exception"
        ),
        pytest.param(
            "import nosuch", "task.py:1: the study file raised ModuleNotFoundError", id="an import"
        ),
        pytest.param("exit()", "task.py:1: the study file raised SystemExit", id="an exit"),
        pytest.param("x = 1", "task.py declares no task: end it with TASK", id="no task"),
        pytest.param("TASK = 1", "task.py declares no task: end it with TASK", id="another TASK"),
    ],
)
def test_a_file_that_does_not_run_is_named_with_its_line(cwd: Path, text: str, words: str):
    assert words in refused(text)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param(
            {"direction": "'maximise'"},
            "direction must be 'maximize' or 'minimize', not 'maximise': did you mean 'maximize'?",
            id="direction misspelt",
        ),
        pytest.param({"direction": "1"}, "direction must be", id="direction of another kind"),
        pytest.param(
            {"metric": "'test_accuracy'"}, "belongs to the test split", id="metric on test"
        ),
        pytest.param({"metric": "'accuracy'"}, "with 'val_accuracy'", id="metric on train"),
        pytest.param({"metric": "'val_loss'"}, "direction='minimize'", id="the highest loss"),
        pytest.param({"budget": "30"}, "budget= takes a Budget(...), not 30", id="budget"),
        pytest.param({"source": "'imdb'"}, "source= takes a Source(...)", id="source is text"),
        pytest.param({"published": "0.9"}, "published= takes a Published", id="published"),
        pytest.param({"writing": "True"}, "writing= takes a Writing(...)", id="writing"),
        pytest.param({"classes": "range(2)"}, "takes a list of names", id="classes are numbers"),
        pytest.param({"classes": "'ab'"}, "takes a list of names", id="classes are a text"),
        pytest.param({"metric": "''"}, "takes a key of Keras's logs", id="no metric"),
        pytest.param({"load": "None"}, "load= takes a function, not None", id="no load"),
        pytest.param({"space": "{}"}, "space= takes a function, not {}", id="space is a dict"),
        pytest.param({"build": "'b'"}, "build= takes a function, not 'b'", id="build is text"),
        pytest.param({"encode": "'b'"}, "encode= takes a function, not 'b'", id="encode is text"),
        pytest.param(
            {"also_log": "{}"}, "also_log= takes a function, not {}", id="logs are a dict"
        ),
        pytest.param(
            {"budget": "Budget(n_trials=0)"}, "n_trials must be a whole number", id="no trials"
        ),
        pytest.param({"budget": "Budget(n_trials=1e3)"}, "not 1000.0", id="half a trial"),
        pytest.param(
            {"budget": "Budget(n_trials=1, timeout_s=0)"}, "timeout_s must be more", id="no time"
        ),
        pytest.param({"factors": "units=[]"}, "'units' needs a list of values", id="no levels"),
        pytest.param({"factors": "units='relu'"}, "needs a list", id="text for levels"),
        pytest.param({"baseline": "epoch=1"}, "names 'epoch'|lacks 'units'", id="no such name"),
        pytest.param({"metrics": "'loss'"}, "unexpected keyword argument 'metrics'", id="field"),
    ],
)
def test_a_task_with_an_unusable_field_is_refused(cwd: Path, fields: dict[str, str], words: str):
    message = refused(study_text(**fields))

    assert any(word in message for word in words.split("|"))
    assert "task.py:" in message


def test_a_level_that_the_space_does_not_hold_is_refused(cwd: Path):
    space = ("if trial.suggest_int('layers', 1, 2) == 2:", "    trial.suggest_int('units_2', 1, 8)")

    message = refused(study_text(*space, baseline="layers=1", factors="units_2=[4]"))

    assert message.endswith("does not suggest 'units_2' there: add layers=2 to the level")


@pytest.mark.parametrize("value", ["0", "2.5", "True", "None", "'1'"])
@pytest.mark.parametrize("name", ["epochs", "batch_size"])
def test_the_baseline_needs_whole_numbers_for_the_trainer(cwd: Path, name: str, value: str):
    text = study_text().replace("epochs=1, batch_size=4", "epochs=1, batch_size=4")
    old = "epochs=1" if name == "epochs" else "batch_size=4"

    message = refused(text.replace(old, f"{name}={value}"))

    assert f"the baseline needs '{name}', a whole number of 1 or more, not {value}" in message


@pytest.mark.parametrize(
    ("load", "words"),
    [
        pytest.param("1 / 0", "task.py:7: load(.) raised ZeroDivisionError", id="raises"),
        pytest.param("raise SystemExit(1)", "load(.) raised SystemExit: 1", id="exits"),
        pytest.param("open('nosuch.csv')", "task.py:7: load(.) raised", id="finds no file"),
        pytest.param("return 1", "load() returned int, not an hpsearch.Dataset", id="another kind"),
        pytest.param(
            "return Dataset(PART, PART[:0], PART)", "task.py:7: the valid split is empty", id="none"
        ),
        pytest.param(
            "return Dataset(PART, PART, Split(PART.x / 0, PART.y))",
            "24 of the 24 values in the examples of the test split are not finite",
            id="not numbers",
        ),
        pytest.param(
            "return Dataset(PART, PART, PART, {'a': 0})",
            "task.py:7: a vocabulary is a tuple of texts, not dict",
            id="a vocabulary the other way round",
        ),
        pytest.param(
            "return Dataset(PART, PART, Split(PART.x, PART.y.astype('datetime64[D]')))",
            "the labels of the test split are datetime64[D], not a NumPy array of numbers or text",
            id="dates",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_unusable_data_are_refused(cwd: Path, load: str, words: str):
    assert words in refused(study_text(loads=load))


def test_a_class_without_weight_is_refused_before_anything_is_stored(cwd: Path, inside: Cli):
    words = "task.py:22: class_weight= has no weight for the class 1 of the labels: give it one"
    assert refused(study_text(class_weight="{0: 1.0}")).startswith(words)

    done = inside("run", "task.py", "--storage", "sqlite:///hpsearch.db")

    assert (done.returncode, words in done.stderr) == (2, True)
    assert not Path("hpsearch.db").exists()


def test_fewer_names_for_classes_than_classes_are_refused_with_their_line(cwd: Path):
    message = refused(study_text(classes="['only one']"))

    assert message.startswith(
        "task.py:22: classes= names 1 labels, 0 to 0, but the labels of the data go"
    )


def test_training_the_baseline_tells_what_a_trial_costs(
    cwd: Path, capsys: pytest.CaptureFixture[str]
):
    check(str(write_toy(cwd)), None, train=True)

    out = capsys.readouterr().out
    assert "network       22 weights with the baseline's params\n" in out  # 2 x 4 + 4 + 4 x 2 + 2
    assert "val_score is 0.49 so far" in out
    assert "for its 3 epochs\n" in out
    assert "the budget    at most " in out


@pytest.mark.slow
def test_a_module_of_the_current_folder_is_not_taken_for_keras(cwd: Path, inside: Cli):
    write_toy(cwd)
    (cwd / "keras.py").write_text("raise SystemExit('not Keras')")
    script = Path(sys.executable).with_name("hpsearch")

    done = subprocess.run([script, "check", "toy.py", "--train"], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("build", "words"),
    [
        pytest.param("lambda params: None", "build= must be a function that", id="lambda"),
        pytest.param("describe", r"build\(\) uses hpsearch, but an exported", id="hpsearch"),
    ],
)
def test_a_network_that_could_not_be_exported_is_refused_before_a_search(
    cwd: Path, build: str, words: str
):
    text = study_text(build=build).replace("TASK =", "def describe(_):\n    Task\nTASK =")

    assert re.search(words, refused(text))
