"""Recurrent networks: continued bit for bit, and what they compute."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.letters import differences, letters, train
from tests.training.numpy_lstm import Lstm, softmax
from tests.used import copy_used

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("cell", "jit_compile"),
    [("LSTM", False), ("GRU", False), ("SimpleRNN", False), ("SimpleRNN", True)],
)
def test_training_that_continues_equals_training_in_one_go(cell, jit_compile):
    study_file = letters(cell=cell, jit_compile=jit_compile)

    states, logs = train(study_file, 3)
    continued, last_logs = train(study_file, 3, state=states[0], epochs_done=1)

    assert differences(states[-1], continued[-1]) == {}
    assert last_logs == logs[1:]
    assert all("gradient_norm" in of_epoch for of_epoch in logs)


# Keras's own, where it reads a variable to save it
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_saved_lstm_computes_what_its_equations_say(tmp_path):
    keras.utils.set_random_seed(0)
    lstm = keras.layers.LSTM(7, dropout=0.2, recurrent_dropout=0.2, bias_regularizer="l2")
    model = keras.Sequential([keras.Input((9, 5)), lstm, keras.layers.Dense(3, "softmax")])
    x = np.random.default_rng(0).normal(size=(4, 9, 5)).astype("float32")
    for variable in model.weights:  # also biases, which begin as zeros and ones
        variable.assign(np.random.default_rng(1).normal(size=variable.shape, scale=0.5))
    model.save(tmp_path / "model.keras")
    *weights, kernel, bias = weights_of(keras.saving.load_model(tmp_path / "model.keras"))

    outputs = model.predict(x, verbose=0)

    last, _ = Lstm(*weights).forward(x)
    np.testing.assert_allclose(outputs, softmax(last @ kernel + bias), atol=1e-5)


@pytest.mark.xdist_group("evaluated")  # the export is made once a process
def test_an_exported_lstm_and_its_gradients_are_what_the_equations_say(cwd: Path):
    """Trained, evaluated and exported by hpsearch; computed anew in NumPy, in float64."""
    copy_used("letters", cwd, "out")
    model = keras.saving.load_model(cwd / "out" / "model.keras", compile=False, safe_mode=True)
    with np.load(cwd / "out" / "data.npz", allow_pickle=False) as data:
        characters = data["x_test"]
    # wrong labels: with those that it has learned, a network's gradients are next to nothing
    y = np.random.default_rng(0).integers(4, size=len(characters))
    embedding, kernel, recurrent_kernel, bias, dense, dense_bias = weights_of(model)
    n = len(y)

    with tf.GradientTape() as tape:
        outputs = model(characters, training=False)
        loss = keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, outputs))
    # an embedding's gradient may list a row several times; with 0 added, those are summed
    found = [
        keras.ops.convert_to_numpy(keras.ops.add(one, 0.0))
        for one in tape.gradient(loss, model.trainable_variables)
    ]

    lstm = Lstm(kernel, recurrent_kernel, bias)
    last, steps = lstm.forward(embedding[characters])
    shares = softmax(last @ dense + dense_bias)
    np.testing.assert_allclose(outputs, shares, atol=1e-5)
    d_logits = (shares - np.eye(shares.shape[1])[y]) / n
    back = lstm.backward(steps, d_logits @ dense.T)
    d_embedding = np.zeros_like(embedding)
    np.add.at(d_embedding, characters, back.x)
    expected = [
        d_embedding,
        back.kernel,
        back.recurrent_kernel,
        back.bias,
        last.T @ d_logits,
        d_logits.sum(axis=0),
    ]
    for one, other in zip(found, expected, strict=True):
        assert np.abs(other).max() > 1e-4  # there is something to compare
        np.testing.assert_allclose(one, other, atol=1e-5)


def weights_of(model: keras.Model) -> list[np.ndarray]:
    return [np.asarray(variable, dtype=np.float64) for variable in model.trainable_variables]
