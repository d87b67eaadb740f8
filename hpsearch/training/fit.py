"""A task's network built, trained and measured: for a trial, a retraining or a notebook.

How that is done is in `loop.py`. This adds what a task declares (callbacks, more logs, the
norm of the gradient), a verdict after each epoch, and the state that training continues from.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR, global_seed_generator

from hpsearch.curves.curve import State
from hpsearch.data import Split
from hpsearch.errors import StudyFileError
from hpsearch.goal import Logs
from hpsearch.hyperparameters import HyperParameters
from hpsearch.task import ClassWeight, Params, Task, without_epochs
from hpsearch.training import loop
from hpsearch.training.callbacks import StudyCallbacks, make_callbacks
from hpsearch.training.gradient_norm import gradient_norm_logged
from hpsearch.training.logs import complete

UNSEEDED = "random/unseeded"  # the state of Keras's own seed generator, in a checkpoint


class AfterEpoch(keras.callbacks.Callback):
    """Hands on the logs of each epoch, and ends training if told to.

    Args:
        task: What it adds to the logs.
        after_epoch: Gets the number of epochs done and their last logs; training ends
            when it returns False.
    """

    def __init__(self, task: Task, after_epoch: Callable[[int, Logs], bool]) -> None:
        super().__init__()
        self.task, self.after_epoch = task, after_epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.began_s = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        seconds = round(time.monotonic() - self.began_s, 4)
        all_logs = {**complete(self.task, logs or {}), "seconds": seconds}
        if not self.after_epoch(epoch + 1, all_logs):
            self.model.stop_training = True


def build(task: Task, params: Params, seed: int, examples: Split) -> keras.Model:
    """Build the network of some params, the same weights for the same seed.

    Raises:
        StudyFileError: `build` returned something else than a compiled model, or one whose inputs
            and outputs are not those of the data; it asks how long training will be, or left a
            layer to adapt to data that nobody knows.
    """

    def compiled(params: Params) -> keras.Model:
        with _not_told_the_epochs("build"):
            model = task.build(HyperParameters(params))
        if not isinstance(model, keras.Model) or not model.compiled:
            raise StudyFileError(
                f"build(params) returned {type(model).__name__}, not a compiled keras.Model"
            )
        for side, data in (("input", examples.x), ("output", examples.y)):
            _require_same_names(model, side, data)
        return model

    try:
        return loop.build_network(compiled, params, seed, examples.x, jit_compile=task.jit_compile)
    except loop.CannotAdapt as error:
        raise StudyFileError(
            f"build(params): {error}: put it right after the Input, or give it its mean= and "
            "variance=, vocabulary= or bin_boundaries="
        ) from error


def _require_same_names(model: keras.Model, side: str, data: Any) -> None:
    """Refuse a network whose inputs, or outputs, are not those of the data.

    Keras would leave out what it does not know, or tell on many lines.

    Args:
        model: Compiled, and perhaps not built: then nothing is known of it.
        side: `input` or `output`.
        data: The `x` or `y` of a split.

    Raises:
        StudyFileError: The names, or their number, differ.
    """
    own = loop.names_of(model, side)
    name = "x" if side == "input" else "y"
    match data:
        case dict():
            fits, given = set(own) == set(data), ", ".join(map(repr, sorted(data)))
        case tuple():
            is_named = isinstance(getattr(model, f"_{side}s_struct", None), dict)
            fits, given = len(own) == len(data) and not is_named, f"a tuple of {len(data)} arrays"
        case _:  # an output may be without labels and loss of its own
            fits, given = len(own) == 1 or side == "output", "one array"
    if own and not fits:
        s, names = "s" * (len(own) > 1), ", ".join(map(repr, own))
        raise StudyFileError(
            f"build(params) returned a network with the {side}{s} {names}, but {name} of the data "
            f"has {given}: use the same names"
        )


def callbacks_of(task: Task, params: Params) -> StudyCallbacks:
    """The callbacks that some params train with; made after the network, as seeds are drawn.

    Raises:
        StudyFileError: As `make_callbacks`, or `callbacks` asks how long training will be.
    """
    with _not_told_the_epochs("callbacks"):
        return make_callbacks(task, without_epochs(params))


def fit(
    task: Task,
    model: keras.Model,
    train: Split,
    valid: Split | None,
    *,
    params: Params,
    epochs: int,
    epochs_done: int,
    seed: int,
    after_epoch: Callable[[int, Logs], bool],
    callbacks: StudyCallbacks | None = None,
) -> None:
    """Train a model from `epochs_done` to `epochs`, or until `after_epoch` says stop.

    Args:
        task: What the study file declares.
        model: As `build` returned it, or as it was after `epochs_done` epochs.
        train: The examples to fit.
        valid: Those to measure the model on after each epoch, if any.
        params: Of the network.
        epochs: How many it will have been trained for in the end.
        epochs_done: How many it has been trained for.
        seed: Of the order of examples.
        after_epoch: As `AfterEpoch` takes it.
        callbacks: The study file's, where they go on from a state; else new ones.

    Raises:
        StudyFileError: Classes cannot be weighed as the task says, or a callback did what
            none may do.
        RuntimeError: A callback raised.
    """
    batch_size = params["batch_size"]
    assert isinstance(batch_size, int)  # a task refuses anything else
    callbacks = callbacks_of(task, params) if callbacks is None else callbacks
    with (
        gradient_norm_logged(model) if task.gradient_norm else nullcontext(),
        callbacks.told_of_errors(epochs_done),
    ):
        try:
            loop.fit(
                model,
                *train.as_tuple(),
                batch_size=batch_size,
                epochs=epochs,
                epochs_done=epochs_done,
                seed=seed,
                validation=None if valid is None else valid.as_tuple(),
                class_weight=_class_weight(task, params),
                callbacks=[*callbacks.all, AfterEpoch(task, after_epoch)],
            )
        except loop.CannotWeigh as error:
            raise StudyFileError(f"class_weight=: {error}") from error


def _class_weight(task: Task, params: Params) -> ClassWeight:
    with _not_told_the_epochs("class_weight"):
        return task.class_weight_of(params)


@contextmanager
def _not_told_the_epochs(function: str) -> Iterator[None]:
    """Explain why a function of the study file cannot know how long training will be."""
    try:
        yield
    except KeyError as error:
        if error.args != ("epochs",):
            raise
        raise StudyFileError(
            f"{function}(params) is not told the epochs: a longer training continues where a "
            "shorter one ended, so both need the same network. Let a learning rate decay "
            "by the epoch, not over all of them"
        ) from error


def measure(task: Task, model: keras.Model, split: Split) -> Logs:
    """The logs of a trained model on other examples, with what the task adds to them."""
    return complete(task, loop.measure(model, *split.as_tuple()))


def get_state(model: keras.Model) -> State:
    """Everything that the next epoch depends on: weights, optimizer, seed generators."""
    state = {
        f"{owner}/{i:04d}": np.asarray(variable)
        for owner, variables in _variables(model)
        for i, variable in enumerate(variables)
    }
    # made where something draws without a seed, as `keras.random.normal(shape)` does
    if (seeds := global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)) is not None:
        state[UNSEEDED] = np.asarray(seeds.state)
    return state


def set_state(model: keras.Model, state: State) -> None:
    """Put a model where `get_state` found one of the same build."""
    for owner, variables in _variables(model):
        for i, variable in enumerate(variables):
            values = state[f"{owner}/{i:04d}"]
            if values.dtype.kind == "V":  # NumPy's files know of bfloat16 only how wide it is
                values = values.view(np.asarray(variable).dtype)
            variable.assign(values)
    if UNSEEDED in state:
        global_seed_generator().state.assign(state[UNSEEDED])
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with constants made of its variables


def _variables(model: keras.Model) -> list[tuple[str, list[Any]]]:
    of_metrics = {id(variable) for variable in model.metrics_variables}
    own = [variable for variable in model.variables if id(variable) not in of_metrics]
    return [("model", own), ("optimizer", model.optimizer.variables)]


def layers_of(model: keras.Model) -> list[dict[str, str | int]]:
    """The layers of a network, as `Curve.layers` reads them back."""
    return [
        {
            "kind": type(layer).__name__,
            "name": layer.name,
            "shape": _output_shape(layer),
            "n_weights": layer.count_params() if layer.built else 0,
        }
        for layer in model.layers
    ]


def _output_shape(layer: keras.Layer) -> str:
    """`(None, 10)`; several if there are several outputs; empty if Keras cannot tell."""
    try:
        outputs = layer.output
    except (AttributeError, ValueError):  # a layer without calls, or one of a subclassed model
        return ""
    return ", ".join(str(tuple(one.shape)) for one in keras.tree.flatten(outputs))
