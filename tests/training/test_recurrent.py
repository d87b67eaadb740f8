"""Recurrent networks: continued bit for bit, and what they compute."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tests.training.letters import differences, letters, train

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
    kernel, recurrent_kernel, bias, *dense = weights_of(tmp_path / "model.keras")

    outputs = model.predict(x, verbose=0)

    last = run_lstm(x, kernel, recurrent_kernel, bias)
    np.testing.assert_allclose(outputs, softmax(last @ dense[0] + dense[1]), atol=1e-5)


def weights_of(path: Path) -> list[np.ndarray]:
    model = keras.saving.load_model(path, safe_mode=True)
    return [np.asarray(variable, dtype=np.float64) for variable in model.weights]


def run_lstm(
    x: np.ndarray, kernel: np.ndarray, recurrent_kernel: np.ndarray, bias: np.ndarray
) -> np.ndarray:
    """An LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    Args:
        x: `(examples, steps, features)`.
        kernel: `(features, 4 * units)`: Keras has the gates in the order input, forget,
            candidate, output.
        recurrent_kernel: `(units, 4 * units)`.
        bias: `(4 * units,)`.

    Returns:
        The output after the last step, `(examples, units)`.
    """
    n_units = recurrent_kernel.shape[0]
    output = cell = np.zeros((len(x), n_units))
    for step in range(x.shape[1]):
        gates = x[:, step] @ kernel + output @ recurrent_kernel + bias
        let_in, keep, candidate, let_out = np.split(gates, 4, axis=1)
        cell = sigmoid(keep) * cell + sigmoid(let_in) * np.tanh(candidate)
        output = sigmoid(let_out) * np.tanh(cell)
    return output


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
