"""A task's network, built from params and put where a checkpoint was."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from hpsearch.curves.curve import Curve, State
from hpsearch.data import Split
from hpsearch.errors import StudyFileError
from hpsearch.task import Task
from hpsearch.training.fit import build, fit, get_state, measure, set_state

RNG = np.random.default_rng(0)
POINTS = Split(RNG.normal(size=(50, 3)).astype("float32"), np.arange(50) % 2)


def task(make) -> Task:
    baseline = {"epochs": 3, "batch_size": 16}
    return Task(load=lambda _: None, space=lambda _: None, build=make, baseline=baseline)


def small(dtype: str) -> Task:
    """Two layers that compute, and keep their weights, in a type of number."""

    def make(params):
        hidden = layers.Dense(4, "relu", dtype=dtype)
        outputs = layers.Dense(2, "softmax", dtype=dtype)
        model = keras.Sequential([hidden, layers.Dropout(0.2), outputs])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return task(make)


def train(of_task: Task, epochs: int, state: State | None = None, epochs_done: int = 0) -> State:
    model = build(of_task, {}, 1, POINTS)
    if state is not None:
        set_state(model, state)
    fit(
        of_task,
        model,
        POINTS,
        None,
        params={"batch_size": 16},
        epochs=epochs,
        epochs_done=epochs_done,
        seed=1,
        after_epoch=lambda epoch, logs: True,
    )
    return get_state(model)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "mixed_float16"])
def test_a_stored_state_is_continued_bit_for_bit_in_any_type_of_number(dtype, tmp_path: Path):
    of_task, curve = small(dtype), Curve(tmp_path)
    curve.append(1, {"loss": 1.0}, train(of_task, 1), {})
    epochs_done, stored = curve.resume_point(3)

    continued, whole = train(of_task, 3, stored, epochs_done), train(of_task, 3)

    assert continued.keys() == whole.keys()
    for name, values in whole.items():
        assert continued[name].dtype == values.dtype
        np.testing.assert_array_equal(continued[name], values, err_msg=name)


def test_the_same_seed_builds_the_same_weights():
    one, same, other = (get_state(build(small("float32"), {}, s, POINTS)) for s in (1, 1, 2))

    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["model/0000"], other["model/0000"])


def test_training_ends_when_it_is_told_to():
    of_task, seen = small("float32"), []

    def after_epoch(epoch, logs):
        seen.append(epoch)
        return epoch < 2

    model = build(of_task, {}, 1, POINTS)
    fit(
        of_task,
        model,
        POINTS,
        POINTS,
        params={"batch_size": 16},
        epochs=9,
        epochs_done=0,
        seed=1,
        after_epoch=after_epoch,
    )

    assert seen == [1, 2]
    assert set(measure(of_task, model, POINTS)) == {"loss", "accuracy"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda params: params["epochs"], "is not told the epochs", id="epochs"),
        pytest.param(lambda params: None, "returned NoneType, not a compiled", id="nothing"),
        pytest.param(
            lambda params: keras.Sequential([layers.Dense(1)]),
            "returned Sequential, not a compiled",
            id="not compiled",
        ),
    ],
)
def test_a_build_that_gives_no_network_to_train_is_an_error(make, message):
    with pytest.raises(StudyFileError, match=message):
        build(task(make), {"epochs": 3}, 1, POINTS)


def test_an_error_of_the_study_file_stays_what_it_is():
    with pytest.raises(KeyError, match="unit"):
        build(task(lambda params: params["unit"]), {"units": 3}, 1, POINTS)
