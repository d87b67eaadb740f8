"""Fitting a network: the same for a trial, for a retraining and for a notebook."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from hpsearch.curves import State
from hpsearch.data import Split
from hpsearch.errors import MetricNotFound, StudyFileError
from hpsearch.messages import Logs
from hpsearch.task import Params, Task
from hpsearch.training.batches import SeededBatches

# One call into the backend runs this many batches: between them nothing needs Python.
BATCHES_PER_CALL = 32
# Of the examples that are only predicted, which have no gradients to keep in memory.
PREDICTED_AT_ONCE = 1000


class AfterEpoch(keras.callbacks.Callback):
    """Shuffles before each epoch; hands on its logs after it, and stops if told to.

    Args:
        batches: Whose `set_epoch` is called.
        after_epoch: Gets the number of epochs done and their last logs; training ends
            when it returns False.
    """

    def __init__(self, batches: Any, after_epoch: Callable[[int, Logs], bool]) -> None:
        super().__init__()
        self.batches, self.after_epoch = batches, after_epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.batches.set_epoch(epoch)
        self.began_s = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        floats = {name: float(value) for name, value in (logs or {}).items()}
        floats["seconds"] = round(time.monotonic() - self.began_s, 4)
        if not self.after_epoch(epoch + 1, floats):
            self.model.stop_training = True


def build(task: Task, params: Params, seed: int, examples: Split) -> keras.Model:
    """Build the network of some params, the same weights for the same seed.

    Raises:
        StudyFileError: `build` returned something else than a compiled model.
    """
    keras.utils.set_random_seed(seed)
    model = task.build(params)
    if not isinstance(model, keras.Model) or not model.compiled:
        raise StudyFileError(
            f"build(params) returned {type(model).__name__}, not a compiled keras.Model"
        )
    if not model.built:
        model.build((None, *examples.x.shape[1:]))
    model.optimizer.build(model.trainable_variables)
    return model


def fit(
    model: keras.Model,
    train: Split,
    valid: Split | None,
    *,
    batch_size: int,
    epochs: int,
    epochs_done: int,
    seed: int,
    after_epoch: Callable[[int, Logs], bool],
) -> None:
    """Train a model from `epochs_done` to `epochs`, or until `after_epoch` says stop."""
    model.steps_per_execution = min(BATCHES_PER_CALL, math.ceil(len(train) / batch_size))
    batches, x = _batches(train, batch_size, seed)
    model.fit(
        x,
        epochs=epochs,
        initial_epoch=epochs_done,
        validation_data=None if valid is None else (valid.x, valid.y),
        validation_batch_size=PREDICTED_AT_ONCE,
        callbacks=[AfterEpoch(batches, after_epoch)],
        shuffle=False,
        verbose=0,
    )


def require_metric(metric: str, logs: Logs) -> None:
    """Training on without the metric would look like a search in which nothing is good.

    Raises:
        MetricNotFound: Keras logged no such metric.
    """
    if metric not in logs:
        logged = sorted(set(logs) - {"seconds"})
        raise MetricNotFound(f"Keras logged {logged}, not {metric!r}: mend metric= in the task")


def get_state(model: keras.Model) -> State:
    """Everything that the next epoch depends on: weights, optimizer, seed generators."""
    return {
        f"{owner}/{i:04d}": np.asarray(variable)
        for owner, variables in _variables(model)
        for i, variable in enumerate(variables)
    }


def set_state(model: keras.Model, state: State) -> None:
    """Put a model where `get_state` found one of the same build."""
    for owner, variables in _variables(model):
        for i, variable in enumerate(variables):
            variable.assign(state[f"{owner}/{i:04d}"])


def _variables(model: keras.Model) -> list[tuple[str, list[Any]]]:
    of_metrics = {id(variable) for variable in model.metrics_variables}
    own = [variable for variable in model.variables if id(variable) not in of_metrics]
    return [("model", own), ("optimizer", model.optimizer.variables)]


def _batches(train: Split, batch_size: int, seed: int) -> tuple[Any, Any]:
    """The batches and what `fit` takes for them."""
    if keras.backend.backend() == "tensorflow":
        from hpsearch.training.tensorflow_batches import TensorFlowBatches

        fast = TensorFlowBatches(train, batch_size, seed)
        return fast, fast.dataset
    portable = SeededBatches(train, batch_size, seed)
    return portable, portable
