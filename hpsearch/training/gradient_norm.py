"""The norm of the gradient as one more of Keras's metrics: how hard a batch pulls.

Gradients are seen where the optimizer applies them, metrics are updated where Keras
computes all of them; between the two, in one training step, the norm waits. So it goes
with every backend, and Keras resets and reports it as it does its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

NAME = "gradient_norm"


@contextmanager
def gradient_norm_logged(model: keras.Model) -> Iterator[None]:
    """Within the block, training logs the norm as a mean over the batches of an epoch.

    It is the norm of all gradients together, before they are clipped. Afterwards the model
    is as it was: nothing of this is saved with it, and nothing of it is in its state.
    """
    mean = keras.metrics.Mean(name=NAME)
    optimizer, waiting = model.optimizer, []
    apply, compute_metrics = optimizer.apply, model.compute_metrics

    def apply_measured(gradients: Sequence[Any], *args: Any) -> None:
        gradients = list(gradients)
        waiting.append(_norm(gradients))
        apply(gradients, *args)

    def compute_all_metrics(*args: Any, **kwargs: Any) -> dict[str, Any]:
        is_training = bool(waiting)
        while waiting:
            mean.update_state(waiting.pop())
        logs: dict[str, Any] = compute_metrics(*args, **kwargs)
        if not is_training:
            del logs[NAME]
        return logs

    model._tracker.unlock()  # Keras locks it when a subclassed model is built
    model._gradient_norm = mean
    optimizer.apply, model.compute_metrics = apply_measured, compute_all_metrics
    try:
        yield
    finally:
        del optimizer.apply, model.compute_metrics, model._gradient_norm
        model._tracker.untrack(mean)
        model.train_function = model.test_function = None  # they were made with it


def _norm(gradients: Sequence[Any]) -> Any:
    # An embedding's gradient may list a row several times; with 0 added, those are summed.
    squares = [ops.sum(ops.square(ops.add(one, 0.0))) for one in gradients if one is not None]
    return ops.sqrt(sum(squares))
