"""Batches of training examples in an order that (seed, epoch) alone decides.

So an epoch sees the same batches whether training came here in one go or was stopped
and continued, in this process or another.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

from hpsearch.data import Split

Order = npt.NDArray[np.int64]


def order(seed: int, epoch: int, n: int) -> Order:
    """The examples of an epoch, counted from 0, in the order they are trained on."""
    return np.random.default_rng([seed, epoch]).permutation(n)


class Batches(Protocol):
    """The batches of a split, at first in the order of its examples."""

    def set_order(self, order: Order) -> None:
        """Yield the examples in another order from now on."""

    def for_keras(self) -> Any:
        """What `fit` and `evaluate` take as `x`."""


def make_batches(split: Split, batch_size: int) -> Batches:
    """Batches for the backend that Keras runs on."""
    if keras.backend.backend() == "tensorflow":
        from hpsearch.training.tensorflow_batches import TensorFlowBatches

        return TensorFlowBatches(split.x, split.y, batch_size)
    return PortableBatches(split.x, split.y, batch_size)


class PortableBatches(keras.utils.PyDataset):
    """Batches for any Keras backend; of sparse examples, sparse ones."""

    def __init__(self, x: Any, y: npt.NDArray, batch_size: int) -> None:
        super().__init__()
        self.x, self.y, self.batch_size = x, y, batch_size
        self.order = np.arange(len(y))

    def set_order(self, order: Order) -> None:
        self.order = order

    def for_keras(self) -> PortableBatches:
        return self

    def __len__(self) -> int:
        return math.ceil(len(self.y) / self.batch_size)

    def __getitem__(self, i: int) -> tuple[Any, npt.NDArray]:
        batch = self.order[i * self.batch_size : (i + 1) * self.batch_size]
        return self.x[batch], self.y[batch]
