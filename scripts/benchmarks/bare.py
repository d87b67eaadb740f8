"""The labs' baselines, trained as in their texts: one process, one `model.fit`, all cores.

    python -m benchmarks.bare TASK BATCH_SIZE EPOCHS

Prints when each epoch ends, then the process's peak memory in bytes.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import keras
import numpy as np
from keras import layers

from benchmarks.lab import data_folder
from benchmarks.plain import load as load_fashion
from benchmarks.plain import network
from hpsearch.data import Dataset
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file


class Clock(keras.callbacks.Callback):
    """Prints when an epoch ended."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Print the time."""
        print("at", time.monotonic(), flush=True)


def prepared(task: str) -> Dataset:
    """The data as our own trials use them; prepared only once."""
    return prepare_data(read_study_file(task), data_folder()).open()


def reviews(task: str, n_words: int, length: int) -> list[Any]:
    """The last words of each review, as indices of the most frequent words."""
    data = prepared(task)

    def cut(x: Any) -> Any:
        last = np.asarray(x[:, -length:])
        return np.where(last < n_words, last, 2)

    return [cut(data.train.x), data.train.y, cut(data.valid.x), data.valid.y]


def regularizer() -> keras.Regularizer:
    """L1L2(0.01, 0.01), which two of the labs put on the bias."""
    return keras.regularizers.L1L2(0.01, 0.01)


def fashion_mnist() -> tuple[keras.Model, list[Any]]:
    """Lab 1."""
    return network([800], "relu", "sgd", 0.01, 0.0), list(load_fashion())


def imdb_lstm() -> tuple[keras.Model, list[Any]]:
    """Lab 2."""
    model = keras.Sequential(
        [
            layers.Embedding(5000, 32),
            layers.SpatialDropout1D(0.2),
            layers.LSTM(100, dropout=0.2, recurrent_dropout=0.2),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model, reviews("imdb_lstm", 5000, 80)


def imdb_mlp() -> tuple[keras.Model, list[Any]]:
    """Lab 3: every review of both halves of IMDB as 10,000 floats, as in the lab's text."""
    model = keras.Sequential(
        [
            layers.Dense(16, activation="relu"),
            layers.Dense(16, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    data = prepared("imdb_mlp")

    def vectorize(x: Any) -> Any:
        results = np.zeros((x.shape[0], 10000))
        results[x.tocoo().row, x.tocoo().col] = 1.0
        return results

    x_train = vectorize((data.train + data.valid).x)
    model.x_test = vectorize(data.test.x)  # the lab's text keeps it in memory
    n_train = len(data.train)
    y = np.asarray((data.train + data.valid).y).astype("float32")
    return model, [x_train[:n_train], y[:n_train], x_train[n_train:], y[n_train:]]


def imdb_lstm_regularized() -> tuple[keras.Model, list[Any]]:
    """Lab 4."""
    model = keras.Sequential(
        [
            layers.Embedding(20000, 128),
            layers.LSTM(64, dropout=0.2, bias_regularizer=regularizer()),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model, reviews("imdb_lstm_regularized", 20000, 80)


def alice_chars() -> tuple[keras.Model, list[Any]]:
    """Lab 5: windows of 10 characters, one-hot."""
    data = prepared("alice_chars")
    n_chars = len(data.vocabulary)
    model = keras.Sequential(
        [
            layers.LSTM(128, dropout=0.1, bias_regularizer=regularizer()),
            layers.Dense(n_chars),
            layers.Activation("softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="rmsprop", metrics=["accuracy"])

    def one_hot(values: Any) -> Any:
        return np.eye(n_chars, dtype="float32")[np.asarray(values)]

    return model, [
        one_hot(data.train.x[:, -10:]),
        one_hot(data.train.y),
        one_hot(data.valid.x[:, -10:]),
        one_hot(data.valid.y),
    ]


LABS = {
    lab.__name__: lab
    for lab in (fashion_mnist, imdb_lstm, imdb_mlp, imdb_lstm_regularized, alice_chars)
}


def main() -> None:
    """Train a lab's baseline."""
    task, batch_size, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    model, (x, y, x_valid, y_valid) = LABS[task]()
    print("at", time.monotonic(), flush=True)
    model.fit(
        x,
        y,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(x_valid, y_valid),
        callbacks=[Clock()],
        verbose=0,
    )
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)


if __name__ == "__main__":
    main()
