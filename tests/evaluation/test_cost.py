"""What a trial costs: a baseline trained for an epoch or two, or why it cannot be trained."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from hpsearch.errors import StudyFileError
from hpsearch.evaluation.cost import LONG_EPOCH_S, Cost, OnceOrTwice, measure_cost
from hpsearch.goal import Goal
from hpsearch.messages import Verdict
from hpsearch.processes.runner import LocalRunner
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from tests.toy import write_toy


def cost_of(toy: Path) -> Cost:
    study_file = read_study_file(str(toy))
    return measure_cost(study_file, prepare_data(study_file, None), LocalRunner(), print)


@pytest.mark.parametrize(
    ("seconds", "score", "verdict"),
    [
        pytest.param(LONG_EPOCH_S, 0.5, Verdict.GO_ON, id="short"),
        pytest.param(LONG_EPOCH_S + 1, 0.5, Verdict.STOP, id="long"),
        pytest.param(1.0, math.nan, Verdict.STOP, id="diverged"),
    ],
)
def test_a_second_epoch_follows_a_short_one_that_did_not_diverge(seconds, score, verdict):
    watcher = OnceOrTwice(Goal("val_score", "maximize"))
    logs = {"seconds": seconds, "val_score": score}

    assert watcher.epoch_done(1, logs, is_stored=False) is verdict


def test_the_baseline_is_trained_for_two_short_epochs_and_leaves_nothing(cwd):
    toy = write_toy(cwd)

    cost = cost_of(toy)

    assert cost.value == pytest.approx(0.49)  # after the second
    assert cost.n_weights == 2 * 4 + 4 + 4 * 2 + 2
    assert min(cost.first_epoch_s, cost.epoch_s, cost.start_s) > 0
    assert cost.seconds(10, 2) == pytest.approx(10 * cost.epoch_s + 2 * cost.start_s)
    assert list(cwd.iterdir()) == [toy]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param({"metric": "val_acc"}, "'val_score'.*'val_acc'", id="an unknown metric"),
        pytest.param({"in_build": "1 / 0"}, "ZeroDivisionError", id="a build that raises"),
        pytest.param(
            {"in_build": "return 1"}, r"build\(params\).* int", id="a build that returns no model"
        ),
        pytest.param({"in_build": "os.abort()"}, "SIGABRT", id="a build that crashes"),
        pytest.param(
            {"in_build": "params['epochs']"},
            r"build\(params\).* epochs",
            id="a network that depends on how long it is trained",
        ),
        pytest.param(
            {"in_build": "params['level'] = float('nan')"},
            "val_score is nan",
            id="a metric that is not a number",
        ),
    ],
)
def test_a_baseline_that_cannot_be_trained_is_explained_in_a_line_that_names_the_study_file(
    cwd, code, words
):
    with pytest.raises(StudyFileError, match=rf"^toy\.py:.*{words}") as caught:
        cost_of(write_toy(Path(), **code))

    assert "\n" not in str(caught.value)


WAITS_FOR_ANOTHER = """
open(f"{folder}/{{os.getpid()}}", "w").close()
deadline = time.monotonic() + 60
while len(os.listdir("{folder}")) % 2:
    assert time.monotonic() < deadline, "nothing else is built at the same time"
"""

SHAKEN = """
@keras.saving.register_keras_serializable("toy")
class Shaken(keras.layers.Layer):
    def call(self, x, training=False):
        return x + {}(keras.ops.shape(x)) if training else x
"""


@pytest.mark.parametrize(
    ("draw", "goes_on"),
    [
        pytest.param("keras.random.normal", True, id="Keras's"),
        pytest.param("__import__('tensorflow').random.normal", False, id="TensorFlow's"),
    ],
)
def test_own_code_that_would_not_go_on_where_training_stopped_is_found(cwd, draw, goes_on):
    path = write_toy(Path(), in_build=SHAKEN.format(draw))
    path.write_text(path.read_text().replace("keras.layers.Dropout(0.3)", "Shaken()"))

    if goes_on:
        assert cost_of(path).n_weights > 0
    else:
        with pytest.raises(StudyFileError, match="exactly where it stopped: after 3"):
            cost_of(path)


def test_an_error_in_the_study_file_is_named_with_its_line(cwd):
    path = write_toy(Path(), in_build="1 / 0")
    line = path.read_text().splitlines().index("    1 / 0") + 1

    with pytest.raises(StudyFileError, match=rf"^toy\.py:{line}: "):
        cost_of(path)


@pytest.mark.parametrize("field", ["also_log=more", "writing=Writing()"])
def test_what_is_wrong_in_a_field_of_the_task_is_named_with_its_line(cwd, field):
    path = write_toy(Path())
    text = path.read_text().replace("Split, Task", "Split, Task, Writing")
    text = text.replace("TASK =", "def more(logs):\n    return len(logs)\n\n\nTASK =")
    path.write_text(text.replace("build=build,", f"build=build,\n    {field},"))
    line = path.read_text().splitlines().index(f"    {field},") + 1

    with pytest.raises(StudyFileError, match=rf"^toy\.py:{line}: {field.partition('=')[0]}="):
        cost_of(path)


def test_all_slots_are_measured_at_once(cwd, tmp_path_factory):
    built = tmp_path_factory.mktemp("built")
    toy = write_toy(cwd, in_build=WAITS_FOR_ANOTHER.format(folder=built))
    study_file = read_study_file(str(toy))

    cost = measure_cost(study_file, prepare_data(study_file, None), LocalRunner(), print, n_slots=2)

    assert cost.value == pytest.approx(0.49)


def test_the_baseline_is_trained_with_what_the_space_suggests_alone(cwd):
    path = write_toy(Path(), in_build="params['momentum']")
    text = path.read_text().replace("baseline=dict(", "baseline=dict(momentum=0.9, ")
    mode = 'trial.suggest_categorical("mode", ["sound", "odd"])'
    at_times = f'if {mode} == "odd": trial.suggest_float("momentum", 0.0, 1.0)'
    path.write_text(text.replace(mode, at_times))

    with pytest.raises(StudyFileError, match="KeyError: 'momentum'"):
        cost_of(path)
