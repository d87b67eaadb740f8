"""Callbacks of a study file: which ones training takes, and what it says of the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.data import Split
from hpsearch.errors import StudyFileError
from hpsearch.task import Task
from hpsearch.training.fit import build, callbacks_of, fit

POINTS = Split(np.eye(8, 2, dtype="float32"), np.arange(8) % 2)
PARAMS = {"epochs": 4, "batch_size": 4}


def make(params):
    model = keras.Sequential([keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    return model


def task(callbacks: Callable[[Any], Any], **fields: Any) -> Task:
    return Task(load=len, space=len, build=make, baseline=PARAMS, callbacks=callbacks, **fields)


def train(of_task: Task, stored: list[int]) -> None:
    """Train for four epochs, and note which of them there were to store."""

    def after_epoch(epoch, logs):
        stored.append(epoch)
        return True

    model = build(of_task, PARAMS, 1, POINTS)
    epochs = {"epochs_done": 0, "epochs": 4, "seed": 1}
    fit(of_task, model, POINTS, POINTS, params=PARAMS, after_epoch=after_epoch, **epochs)


class Own(keras.callbacks.Callback):
    """Keeps nothing, unless a subclass does."""

    def get_state(self):
        return {}

    def set_state(self, state):
        pass


class Silent(keras.callbacks.Callback):
    """Does not say what it keeps."""


@pytest.mark.parametrize(
    ("made", "message"),
    [
        pytest.param(
            keras.callbacks.ReduceLROnPlateau(),
            "returned ReduceLROnPlateau, not a list of Keras callbacks",
            id="no list",
        ),
        pytest.param(
            ["plateau"], "a list with 'plateau', not only Keras callbacks", id="no callback"
        ),
        pytest.param(
            [keras.callbacks.EarlyStopping()],
            "leave out EarlyStopping: to end a training early is the search's work: the pruner "
            "stops networks that fall behind, and the best epoch of a longer training is found as "
            "a read-off trial",
            id="early stopping",
        ),
        pytest.param(
            [keras.callbacks.ModelCheckpoint("a.keras")],
            "leave out ModelCheckpoint: each epoch has a checkpoint already",
            id="checkpoints",
        ),
        pytest.param(
            [Silent()],
            r"Silent has no get_state\(\) and set_state\(state\), so training could not go on "
            r"exactly where it was stopped: give it both \(get_state returns \{\} if it keeps "
            r"nothing from epoch to epoch\), or say continues=False in the task",
            id="no state",
        ),
    ],
)
def test_callbacks_that_training_cannot_take_are_refused_with_the_reason(made, message):
    with pytest.raises(StudyFileError, match=message):
        callbacks_of(task(lambda params: made), PARAMS)


def test_the_callbacks_in_the_documentation_are_taken():
    page = (Path(__file__).parents[2] / "studies" / "README.md").read_text()
    (code,) = re.findall(r"^```python\n(def callbacks.*?)^```$", page, re.M | re.S)
    names: dict[str, Any] = {}
    exec(code, names)

    taken = callbacks_of(task(names["callbacks"]), PARAMS)

    assert [type(one).__name__ for one in taken.callbacks] == ["Warmup", "ReduceLROnPlateau"]


def test_a_task_that_trains_in_one_go_takes_a_callback_that_keeps_what_it_likes():
    taken = callbacks_of(task(lambda params: [Silent()], continues=False), PARAMS)

    assert [type(callback) for callback in taken.callbacks] == [Silent]
    assert taken.get_state() == {}


def test_callbacks_are_not_told_how_long_training_will_be():
    with pytest.raises(StudyFileError, match=r"callbacks\(params\) is not told the epochs"):
        callbacks_of(task(lambda params: [params["epochs"]]), PARAMS)


class AsksForEpochs(Own):
    def on_epoch_begin(self, epoch, logs=None):
        self.share = epoch / self.params["epochs"]


class Raises(Own):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            raise ValueError("no such luck")


class Recompiles(Own):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.model.compile("sgd", "mse")


class Unfreezes(Own):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            self.model.layers[0].trainable = False


class Stops(Own):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 2


class KeepsAnArray(Own):
    def get_state(self):
        return {"best": np.zeros(3)}


@pytest.mark.parametrize(
    ("callback", "n_stored", "message"),
    [
        pytest.param(
            Raises(),
            2,
            "callback Raises raised in on_epoch_end, epoch 3: ValueError: no such luck",
            id="raises",
        ),
        pytest.param(
            AsksForEpochs(),
            0,
            "callback AsksForEpochs raised in on_epoch_begin, epoch 1: KeyError: 'epochs'",
            id="asks for epochs",
        ),
        pytest.param(Recompiles(), 1, "in epoch 2 a callback changed the network", id="compiles"),
        pytest.param(Unfreezes(), 1, "in epoch 2 a callback changed the network", id="freezes"),
        pytest.param(
            Stops(),
            2,
            "a callback stopped training after epoch 3, but to end a training early is the search",
            id="stops",
        ),
        pytest.param(
            KeepsAnArray(),
            0,
            r"get_state\(\) of KeepsAnArray returned what JSON cannot hold: Object of type ndarray",
            id="no JSON",
        ),
        pytest.param(
            keras.callbacks.ReduceLROnPlateau("val_los", mode="min"),
            0,
            "ReduceLROnPlateau monitors 'val_los', which is not among the logs: learning_rate, loss"
            ", val_loss",
            id="no such log",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Learning rate reduction:UserWarning")
def test_the_epoch_in_which_a_callback_does_what_none_may_do_is_not_stored(
    callback, n_stored, message
):
    stored: list[int] = []

    with pytest.raises((StudyFileError, RuntimeError), match=message):
        train(task(lambda params: [callback]), stored)

    assert len(stored) == n_stored


def test_a_training_that_diverged_may_be_stopped_by_keras():
    def diverging(params):
        model = make(params)
        model.layers[0].kernel_initializer = keras.initializers.Constant(np.nan)
        return model

    of_task = Task(
        load=len,
        space=len,
        build=diverging,
        baseline=PARAMS,
        callbacks=lambda params: [keras.callbacks.TerminateOnNaN()],
    )

    stored: list[int] = []

    train(of_task, stored)

    assert stored == [1]
