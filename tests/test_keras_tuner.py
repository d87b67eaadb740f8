"""A KerasTuner `build(hp)` is a study's space and network as it stands, without KerasTuner."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import FixedTrial

import hpsearch.hyperparameters
from hpsearch import Split, keras_tuner_defaults, keras_tuner_space
from hpsearch.errors import StudyFileError
from hpsearch.study.distributions import describe_distribution
from hpsearch.study.space import Space, explore
from hpsearch.study_file import StudyFile, run_study_file
from tests.conftest import Cli

BUILD = """
def build_model(hp):
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input((2,))])
    for i in range(hp.Int("layers", 1, 3)):
        units = hp.Int(f"units_{i}", min_value=4, max_value=18, step=4, default=8)
        model.add(layers.Dense(units, activation=hp.Choice("activation", ["relu", "tanh"])))
        if hp.Boolean("dropout", default=True):
            model.add(layers.Dropout(hp.Float("rate", 0.0, 0.5, step=0.25)))
    kind = hp.Choice("optimizer", ["adam", "sgd"])
    rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log", default=1e-2)
    with hp.conditional_scope("optimizer", ["sgd"]):
        momentum = hp.Float("momentum", 0.0, 0.9)
        if kind == "sgd":
            optimizer = keras.optimizers.SGD(rate, momentum=momentum)
    with hp.conditional_scope("optimizer", ["adam"]):
        if kind == "adam":
            optimizer = keras.optimizers.Adam(rate, beta_1=hp.Fixed("beta_1", 0.8))
    model.add(layers.Dense(2, activation="softmax"))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
"""
STUDY = f'''
"""tuned: two classes of points."""
import numpy as np
from hpsearch import Budget, Dataset, Split, Task, keras_tuner_defaults, keras_tuner_space

def load(folder):
    x = np.random.default_rng(0).random((60, 2), dtype=np.float32)
    y = (x[:, 0] > x[:, 1]).astype(int)
    points = Split(x, y)
    return Dataset(points[:20], points[20:40], points[40:])
{BUILD}
TASK = Task(
    load=load,
    space=keras_tuner_space(build_model),
    build=build_model,
    baseline={{"epochs": 2, "batch_size": 10, **keras_tuner_defaults(build_model)}},
    budget=Budget(n_trials=2),
)
'''


@pytest.fixture
def study_file() -> StudyFile:
    return run_study_file(STUDY, "tuned.py")


def explored(build: str) -> Space:
    before, after = STUDY.split(BUILD)
    return explore(run_study_file(before + build + after, "tuned.py"))


def test_ranges_steps_scales_and_conditions_become_the_space(study_file: StudyFile):
    space = explore(study_file)

    assert {name: describe_distribution(d) for name, d in space.distributions.items()} == {
        "layers": "whole number 1 to 3",
        "units_0": "whole number 4 to 16 in steps of 4",
        "units_1": "whole number 4 to 16 in steps of 4",
        "units_2": "whole number 4 to 16 in steps of 4",
        "activation": "one of relu, tanh",
        "dropout": "one of False, True",
        "rate": "number 0 to 0.5 in steps of 0.25",
        "optimizer": "one of adam, sgd",
        "learning_rate": "number 0.0001 to 0.1, log scale",
        "momentum": "number 0 to 0.9",
    }
    assert space.conditional == {"units_1", "units_2", "rate", "momentum"}


def test_defaults_are_the_baseline(study_file: StudyFile):
    assert study_file.task.baseline == {
        "epochs": 2,
        "batch_size": 10,
        "layers": 1,
        "units_0": 8,
        "activation": "relu",
        "dropout": True,
        "rate": 0.0,
        "optimizer": "adam",
        "learning_rate": 0.01,
    }


def test_the_network_has_the_values_of_the_trial(study_file: StudyFile):
    from hpsearch.training.fit import build

    params = {**study_file.task.baseline, "layers": 2, "units_1": 12, "optimizer": "sgd"}
    params |= {"momentum": 0.5, "dropout": False}
    data = Split(np.zeros((4, 2), np.float32), np.zeros(4, int))

    model = build(study_file.task, params, 0, data)

    assert [layer.units for layer in model.layers] == [8, 12, 2]
    assert model.optimizer.momentum == 0.5


def test_it_runs_as_a_study(cwd: Path, inside: Cli):
    (cwd / "tuned.py").write_text(STUDY)

    checked = inside("check", "tuned.py")
    done = inside("run", "tuned.py", "--slots", "1")

    assert checked.returncode == 0, checked.stderr
    assert done.returncode == 0, done.stderr
    assert "trial 0" in inside("show", "tuned", "--trial", "0").stdout


@pytest.mark.parametrize("imported", ["import keras", "from keras import layers as layers"])
def test_what_the_file_imports_at_its_top_is_left_out_too(imported: str):
    build = f"""
{imported}
def width(hp):
    return hp.Int("units", 2, 4)
def build_model(hp):
    import keras
    model = keras.Sequential([keras.layers.Dense(width(hp) + 1) for _ in range(2)])
    model.layers[-1].activation = None
    return model
"""
    assert list(explored(build).distributions) == ["units"]


def test_a_step_on_a_log_scale_multiplies():
    space = explored("def build_model(hp):\n    hp.Int('n', 2, 33, step=2, sampling='log')\n")

    assert describe_distribution(space.distributions["n"]) == "one of 2, 4, 8, 16, 32"


def test_name_scopes_and_parents_by_name():
    build = """
def build_model(hp):
    kind = hp.Choice("kind", ["a", "b"])
    with hp.name_scope("head"):
        hp.Int("units", 1, 2)
    assert hp.Int("deep", 1, 9, parent_name="kind", parent_values=["b"]) is None or kind == "b"
    assert hp.get("kind") == hp["kind"] == kind
"""
    space = explored(build)

    assert list(space.distributions) == ["kind", "head/units", "deep"]
    assert space.conditional == {"deep"}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("hp.Float('x', 0.1, 1.0, sampling='reverse_log')", "no sampling='reverse_log'"),
        ("hp.Float('x', 0.0, 1.0, step=10, sampling='log')", "needs min_value > 0"),
        ("hp.Int('x', 5, 1)", "x"),
        ("keras.applications.VGG16().layers[0] or hp.Int('x', 1, 2)", "known without Keras"),
        ("[hp.Int('x', 1, 2) for _ in keras.Sequential().layers]", "known without Keras"),
        ("hp.conditional_scope('y', [1]).__enter__()", "nothing has that name yet"),
        ("hp.Text('x')", "has no attribute 'Text'"),
    ],
)
def test_what_cannot_be_a_space_says_where_and_why(code: str, message: str):
    build = f"\ndef build_model(hp):\n    import keras\n    {code}\n"
    before, after = STUDY.split(BUILD)

    with pytest.raises(StudyFileError) as error:
        explore(run_study_file(before + build + after, "tuned.py"))

    assert message in str(error.value)
    assert str(error.value).startswith("tuned.py")
    assert "\n" not in str(error.value)


def test_something_else_than_a_function_is_refused():
    with pytest.raises(StudyFileError, match="has to be a function"):
        keras_tuner_space(len)(FixedTrial({}))


def test_the_file_that_goes_into_exports_needs_python_alone():
    tree = ast.parse(Path(hpsearch.hyperparameters.__file__).read_text())
    modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}

    assert {str(name).partition(".")[0] for name in modules} <= sys.stdlib_module_names


def test_it_answers_as_keras_tuner_does():
    keras_tuner = pytest.importorskip("keras_tuner", reason="KerasTuner is not installed")
    namespace: dict[str, Any] = {}
    exec(BUILD, namespace)
    build = namespace["build_model"]

    def asked(**values: str) -> dict[str, Any]:
        theirs = keras_tuner.HyperParameters()
        theirs.values.update(values)
        build(theirs)
        return {name: value for name, value in theirs.values.items() if name != "beta_1"}

    assert keras_tuner_defaults(build) == asked()
    trial = FixedTrial(asked(optimizer="sgd"))
    keras_tuner_space(build)(trial)
    assert trial.params == asked(optimizer="sgd")
    assert "momentum" in trial.params
