"""What a script defines before it calls `tune`; nothing here imports Keras when it is imported."""

from __future__ import annotations

import functools

import numpy as np

N_CLASSES = len(np.unique([0, 1, 2, 2]))
RATES = {"slow": 0.01, "fast": float(np.float64(0.1))}


class Doubled:
    """Needs what it inherits from, at once."""

    factor = N_CLASSES

    def __init__(self, n):
        self.n = n * self.factor


def hidden(units):
    # imported here, as this module must not load Keras
    import keras

    return keras.layers.Dense(units, "relu")


def build(params):
    """Tells three clouds of points apart."""
    import keras

    layers = [keras.Input((2,)), hidden(params["units"]), keras.layers.Dense(N_CLASSES, "softmax")]
    model = keras.Sequential(layers)
    adam = keras.optimizers.Adam(RATES[params["rate"]])
    # to trace a graph takes longer than a few epochs
    loss = "sparse_categorical_crossentropy"
    model.compile(adam, loss, metrics=["accuracy"], run_eagerly=True)
    return model


def space(trial):
    trial.suggest_int("units", 4, 16, log=True)
    trial.suggest_categorical("rate", list(RATES))


def build_of_keras_tuner(hp):
    import keras

    layers = [keras.layers.Dense(hp.Int(f"units_{i}", 4, 8)) for i in range(hp.Int("layers", 1, 2))]
    model = keras.Sequential([keras.Input((2,)), *layers, keras.layers.Dense(N_CLASSES, "softmax")])
    loss = "sparse_categorical_crossentropy"
    model.compile("adam", loss, metrics=["accuracy"], run_eagerly=True)
    return model


def doubled(params):
    return Doubled(params["units"]).n


def wrapped(function):
    @functools.wraps(function)
    def inner(params):
        return function(params)

    return inner


@wrapped
def decorated(params):
    return params


def around(n):
    def inner(params):
        return params["units"] * n

    return inner


IMAGES = np.zeros((60, 60))
HIDING = lambda params: params  # noqa: E731


def of_images(params):
    return IMAGES.shape


def with_lambda(params):
    return HIDING(params)


def shadowing(params):
    IMAGES = params["units"]
    return IMAGES + 1


def clouds(n):
    rng = np.random.default_rng(0)
    y = np.arange(n) % N_CLASSES
    return (rng.normal(size=(n, 2)) + 3 * y[:, None]).astype("float32"), y
