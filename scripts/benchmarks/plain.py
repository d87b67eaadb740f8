"""What a user would write by hand: the lab's data and network, a callback that prints."""

from __future__ import annotations

import json
import time
from typing import Any

import keras

from benchmarks.lab import data_folder
from hpsearch.data import read_idx

OPTIMIZERS = {
    "sgd": keras.optimizers.SGD,
    "adam": keras.optimizers.Adam,
    "rmsprop": keras.optimizers.RMSprop,
}
ACTIVATIONS = ["relu", "elu", "silu", "tanh", "sigmoid"]


def load() -> tuple[Any, Any, Any, Any]:
    """Train and validation images, divided by 255, and one-hot labels, as in the lab."""
    folder = data_folder() / "fashion-mnist"
    x = read_idx(folder / "train-images-idx3-ubyte.gz").reshape(-1, 784) / 255.0
    y = keras.utils.to_categorical(read_idx(folder / "train-labels-idx1-ubyte.gz"), 10)
    x = x.astype("float32")
    return x[:48000], y[:48000], x[48000:], y[48000:]


def network(
    units: list[int], activation: str, optimizer: str, learning_rate: float, dropout: float
) -> keras.Model:
    """A dense network, as the lab builds it."""
    model = keras.Sequential([keras.Input((784,))])
    for n in units:
        model.add(keras.layers.Dense(n, activation))
        model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(10, "softmax"))
    model.compile(
        OPTIMIZERS[optimizer](learning_rate), "categorical_crossentropy", metrics=["accuracy"]
    )
    return model


class Recorder(keras.callbacks.Callback):
    """Prints each epoch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Print time and value."""
        print(json.dumps([time.time(), float((logs or {})["val_accuracy"])]), flush=True)
