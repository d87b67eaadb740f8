"""The same batches as `PortableBatches`, gathered inside TensorFlow.

The only module that calls TensorFlow, used when it is Keras's backend. A PyDataset costs
a call from TensorFlow into Python for every batch; at 50 images a batch that is a third
of the epoch (measured: 3.3 s against 2.1 s, Fashion-MNIST, one thread, 800 units).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from hpsearch.data.arrays import is_sparse
from hpsearch.training.batches import Order


class TensorFlowBatches:
    """Batches as a `tf.data.Dataset`; `set_order` changes what it yields next."""

    def __init__(self, x: Any, y: Any, batch_size: int) -> None:
        rows = (sparse_rows if is_sparse(x) else dense_rows)(x)
        labels = tf.constant(y)
        self.order = tf.Variable(np.arange(len(y)))

        def batch(i: Any) -> tuple[Any, Any]:
            examples = self.order[i * batch_size : (i + 1) * batch_size]
            return rows(examples), tf.gather(labels, examples)

        n_batches = math.ceil(len(y) / batch_size)
        self.dataset = tf.data.Dataset.range(n_batches).map(batch).prefetch(2)

    def set_order(self, order: Order) -> None:
        self.order.assign(order)

    def for_keras(self) -> Any:
        return self.dataset


def dense_rows(x: Any) -> Callable[[Any], Any]:
    """A function from the places of some examples to the examples."""
    everything = tf.constant(x)
    return lambda examples: tf.gather(everything, examples)


def sparse_rows(x: Any) -> Callable[[Any], Any]:
    """A function from the places of some rows of a CSR array to a sparse tensor of them."""
    x = x if x.has_sorted_indices else x.sorted_indices()  # as TensorFlow wants them
    row_splits = x.indptr.astype(np.int64)
    values = tf.RaggedTensor.from_row_splits(x.data, row_splits, validate=False)
    columns = tf.RaggedTensor.from_row_splits(x.indices, row_splits, validate=False)
    n_columns = x.shape[1]

    def gather(examples: Any) -> Any:
        found = tf.gather(columns, examples)
        places = tf.stack([found.value_rowids(), tf.cast(found.flat_values, tf.int64)], axis=1)
        shape = [tf.size(examples, out_type=tf.int64), n_columns]
        return tf.SparseTensor(places, tf.gather(values, examples).flat_values, shape)

    return gather
