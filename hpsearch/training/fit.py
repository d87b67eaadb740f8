"""Fitting a network: the same for a trial, for a retraining and for a notebook."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import keras
import numpy as np

from hpsearch.curves.curve import State
from hpsearch.data import Split
from hpsearch.errors import StudyFileError
from hpsearch.goal import Logs
from hpsearch.task import Params, Task, without_epochs
from hpsearch.training.batches import make_batches, order
from hpsearch.training.gradient_norm import gradient_norm_logged
from hpsearch.training.logs import complete

# One call into the backend runs this many batches: between them nothing needs Python.
BATCHES_PER_CALL = 32
# Of the examples that are only predicted, which have no gradients to keep in memory.
PREDICTED_AT_ONCE = 1000


class AfterEpoch(keras.callbacks.Callback):
    """Shuffles before each epoch; hands on its logs after it, and stops if told to.

    Args:
        task: What it adds to the logs.
        shuffle: Called with the number of epochs done.
        after_epoch: Gets the number of epochs done and their last logs; training ends
            when it returns False.
    """

    def __init__(
        self,
        task: Task,
        shuffle: Callable[[int], None],
        after_epoch: Callable[[int, Logs], bool],
    ) -> None:
        super().__init__()
        self.task, self.shuffle, self.after_epoch = task, shuffle, after_epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.shuffle(epoch)
        self.began_s = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        seconds = round(time.monotonic() - self.began_s, 4)
        all_logs = {**complete(self.task, logs or {}), "seconds": seconds}
        if not self.after_epoch(epoch + 1, all_logs):
            self.model.stop_training = True


def build(task: Task, params: Params, seed: int, examples: Split) -> keras.Model:
    """Build the network of some params, the same weights for the same seed.

    Raises:
        StudyFileError: `build` returned something else than a compiled model, or asks how
            long training will be.
    """
    keras.utils.set_random_seed(seed)
    try:
        model = task.build(without_epochs(params))
    except KeyError as error:
        if error.args != ("epochs",):
            raise
        raise StudyFileError(
            "build(params) is not told the epochs: a longer training goes on where a shorter "
            "one ended, so the network must be the same for both. Let a learning rate decay "
            "by the epoch, not over all of them"
        ) from error
    if not isinstance(model, keras.Model) or not model.compiled:
        raise StudyFileError(
            f"build(params) returned {type(model).__name__}, not a compiled keras.Model"
        )
    if not model.built:
        model.build((None, *examples.x.shape[1:]))
    model.optimizer.build(model.trainable_variables)
    if task.jit_compile:
        model.jit_compile = True
    return model


def fit(
    task: Task,
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
    batches = make_batches(train, batch_size)

    def shuffle(epoch: int) -> None:
        batches.set_order(order(seed, epoch, len(train)))

    with gradient_norm_logged(model) if task.gradient_norm else nullcontext():
        model.fit(
            batches.for_keras(),
            epochs=epochs,
            initial_epoch=epochs_done,
            validation_data=None if valid is None else _in_order(valid),
            callbacks=[AfterEpoch(task, shuffle, after_epoch)],
            shuffle=False,
            verbose=0,
        )


def measure(task: Task, model: keras.Model, split: Split) -> Logs:
    """The logs of a trained model on other examples, with what the task adds to them."""
    return complete(task, model.evaluate(_in_order(split), return_dict=True, verbose=0))


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


def _in_order(split: Split) -> Any:
    return make_batches(split, PREDICTED_AT_ONCE).for_keras()


def _variables(model: keras.Model) -> list[tuple[str, list[Any]]]:
    of_metrics = {id(variable) for variable in model.metrics_variables}
    own = [variable for variable in model.variables if id(variable) not in of_metrics]
    return [("model", own), ("optimizer", model.optimizer.variables)]
