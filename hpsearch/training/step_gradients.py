"""How much of the gradient reaches each time step: where it vanishes or explodes.

Going back in time from the loss, a recurrent layer multiplies the gradient at each step. What
is left of it is measured where the layer reads: x_t, what enters it at step t.

    l2 norm over features of  d loss / d x_t,  for one example; then the mean over examples

Nothing of the model is changed. Zeros are added to x, and the gradient is that of the zeros:
so it does not matter where in the model x comes from, nor where else it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

from hpsearch.errors import StudyFileError
from hpsearch.training.loop import arrange, count, take

AT_ONCE = 64  # examples: each keeps all its steps in memory


def step_gradients(model: keras.Model, x: Any, y: Any) -> list[float]:
    """The norm of the gradient at each time step of the first recurrent layer.

    Args:
        model: Built and compiled. Dropout is off.
        x: Examples, in an array of shape (n, ...) or in several, as the model takes them.
        y: Their labels.

    Returns:
        A norm for each step, the first one first.

    Raises:
        StudyFileError: The model has no recurrent layer, or runs on another backend than
            TensorFlow and JAX.
    """
    layer = _first_recurrent(model)
    total: Any = 0.0
    data, n = arrange(model, x, y), count(x)
    for start in range(0, n, AT_ONCE):
        total = total + _sums(model, layer, *take(data, slice(start, start + AT_ONCE)))
    norms: list[float] = (total / n).tolist()
    return norms


def _first_recurrent(model: keras.Model) -> keras.Layer:
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.RNN):
            return layer
    raise StudyFileError(
        "build(params) returned a network without a recurrent layer: gradients are measured at "
        "the time steps of a SimpleRNN, GRU or LSTM"
    )


def _sums(model: keras.Model, layer: keras.Layer, x: Any, y: Any) -> Any:
    """The norms, summed over the examples of a batch: of shape (steps,)."""
    with _added(layer, 0.0) as read:
        model(x, training=False)
    (shape,) = read  # (examples, steps, features)

    def loss(zeros: Any) -> Any:
        with _added(layer, zeros):
            outputs = model(x, training=False)
        # the mean over examples, each of which has a gradient of its own: so times their number
        return model.compute_loss(x, y, outputs) * count(x)

    gradient = ops.convert_to_numpy(_gradient(loss, ops.zeros(shape)))
    features = gradient.reshape(*shape[:2], -1).astype(np.float64)
    return np.linalg.norm(features, axis=2).sum(axis=0)


@contextmanager
def _added(layer: keras.Layer, addend: Any) -> Iterator[list[tuple[int, ...]]]:
    """Within the block, something is added to what a layer reads; yields the shapes of that."""
    call, shapes = layer.call, []

    def call_added(sequence: Any, *args: Any, **kwargs: Any) -> Any:
        shapes.append(tuple(sequence.shape))
        return call(sequence + addend, *args, **kwargs)

    layer.call = call_added
    try:
        yield shapes
    finally:
        del layer.call  # the class has its own


def _gradient(function: Callable[[Any], Any], at: Any) -> Any:
    """The gradient of a function of one tensor, whose value is one number."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            with tf.GradientTape() as tape:
                tape.watch(at)
                value = function(at)
            return tape.gradient(value, at)
        case "jax":
            import jax

            return jax.grad(function)(at)
        case backend:
            raise StudyFileError(
                f"gradients at time steps need TensorFlow or JAX, not the backend {backend}"
            )
