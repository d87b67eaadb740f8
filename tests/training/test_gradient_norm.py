"""The norm of the gradient in the logs, and no trace of it in the model."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from hpsearch.training.fit import get_state
from hpsearch.training.gradient_norm import gradient_norm_logged

X = np.array([[0, 1, 1], [1, 1, 2], [3, 0, 1], [2, 2, 2], [1, 0, 3]])
Y = np.array([0.5, -1.0, 2.0, 1.0, 0.0])


class OneLayer(keras.Model):
    """A subclassed model, which Keras locks once it is built."""

    def __init__(self, layers):
        super().__init__()
        self.inner = layers

    def call(self, x):
        for layer in self.inner:
            x = layer(x)
        return x


def make(*, is_own_class: bool = False, **optimizer) -> keras.Model:
    """Sums the embeddings of three numbers: its gradient can be written down."""
    layers = [keras.layers.Embedding(4, 1, embeddings_initializer="ones"), keras.layers.Flatten()]
    layers.append(keras.layers.Dense(1, kernel_initializer="ones", use_bias=False, trainable=False))
    model = OneLayer(layers) if is_own_class else keras.Sequential([keras.Input((3,)), *layers])
    model.compile(keras.optimizers.SGD(**optimizer), "mse", metrics=["mae"])
    model(X)
    return model


def norm(x, y, embeddings=(1, 1, 1, 1)) -> float:
    counts = np.array([[(row == i).sum() for i in range(4)] for row in x])
    errors = counts @ np.array(embeddings) - y
    return float(np.linalg.norm(2 * counts.T @ errors / len(x)))


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("is_own_class", [False, True])
def test_it_is_the_mean_of_the_norms_before_clipping(is_own_class, jit_compile):
    model = make(is_own_class=is_own_class, learning_rate=0.0, clipnorm=0.01)
    model.jit_compile = jit_compile

    with gradient_norm_logged(model):
        history = model.fit(
            X, Y, batch_size=2, epochs=2, shuffle=False, validation_data=(X, Y), verbose=0
        ).history

    batches = [norm(X[i : i + 2], Y[i : i + 2]) for i in (0, 2, 4)]
    assert history["gradient_norm"] == pytest.approx([np.mean(batches)] * 2, rel=1e-5)
    assert set(history) == {"loss", "mae", "val_loss", "val_mae", "gradient_norm"}


# Keras's own, where it reads a variable to save it
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_nothing_of_it_stays(tmp_path):
    model, plain = make(learning_rate=0.1), make(learning_rate=0.1)

    with gradient_norm_logged(model):
        model.fit(X, Y, verbose=0)
        inside = get_state(model)
    model.fit(X, Y, verbose=0)
    plain.fit(X, Y, epochs=2, shuffle=False, verbose=0)

    assert inside.keys() == get_state(plain).keys()
    assert model.metrics_names == plain.metrics_names
    assert set(model.evaluate(X, Y, return_dict=True, verbose=0)) == {"loss", "mae"}
    assert "gradient_norm" not in model.history.history
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert len(loaded.variables) == len(plain.variables)
