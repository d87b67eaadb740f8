"""The same batches as `SeededBatches`, gathered inside TensorFlow.

The only module that calls TensorFlow, used when it is Keras's backend. A PyDataset costs
a call from TensorFlow into Python for every batch; at 50 images a batch that is a third
of the epoch (measured: 3.3 s against 2.1 s, Fashion-MNIST, one thread, 800 units).
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from hpsearch.data import Split
from hpsearch.training.batches import order


class TensorFlowBatches:
    """Batches as a `tf.data.Dataset`; `set_epoch` changes what it yields next."""

    def __init__(self, split: Split, batch_size: int, seed: int) -> None:
        self.n, self.seed = len(split), seed
        x, y = tf.constant(split.x), tf.constant(split.y)
        self.order = tf.Variable(order(seed, 0, self.n))

        def batch(i: Any) -> tuple[Any, Any]:
            examples = self.order[i * batch_size : (i + 1) * batch_size]
            return tf.gather(x, examples), tf.gather(y, examples)

        n_batches = -(-self.n // batch_size)
        self.dataset = tf.data.Dataset.range(n_batches).map(batch).prefetch(2)

    def set_epoch(self, epoch: int) -> None:
        """Shuffle for an epoch, counted from 0."""
        self.order.assign(order(self.seed, epoch, self.n))
