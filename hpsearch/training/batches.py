"""Batches of training examples in an order that (seed, epoch) alone decides.

So an epoch sees the same batches whether training came here in one go or was stopped
and continued, in this process or another.
"""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt

from hpsearch.data import Split


def order(seed: int, epoch: int, n: int) -> npt.NDArray[np.int64]:
    """The examples of an epoch, counted from 0, in the order they are trained on."""
    return np.random.default_rng([seed, epoch]).permutation(n)


class SeededBatches(keras.utils.PyDataset):
    """Batches for any Keras backend; `epoch` picks the order."""

    def __init__(self, split: Split, batch_size: int, seed: int) -> None:
        super().__init__()
        self.split, self.batch_size, self.seed = split, batch_size, seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Shuffle for an epoch, counted from 0."""
        self.order = order(self.seed, epoch, len(self.split))

    def __len__(self) -> int:
        return -(-len(self.split) // self.batch_size)

    def __getitem__(self, i: int) -> tuple[npt.NDArray, npt.NDArray]:
        batch = self.order[i * self.batch_size : (i + 1) * self.batch_size]
        return self.split.x[batch], self.split.y[batch]
