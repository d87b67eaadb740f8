"""What is left of the gradient at each time step."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from hpsearch.errors import StudyFileError
from hpsearch.training.step_gradients import AT_ONCE, step_gradients
from tests.training.numpy_lstm import Lstm, sigmoid

N_STEPS, N_FEATURES = 6, 3


def examples(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, N_STEPS, N_FEATURES)).astype("float32"), rng.integers(2, size=n)


def compiled(*layers: keras.Layer) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((N_STEPS, N_FEATURES)), *layers])
    model.compile("sgd", "binary_crossentropy")
    return model


def test_it_is_the_mean_over_examples_of_what_an_lstm_passes_back_to_each_step():
    """Also where examples fill no whole batch, and whatever is dropped or regularized."""
    lstm = keras.layers.LSTM(5, dropout=0.5, bias_regularizer="l2")
    model = compiled(lstm, keras.layers.Dense(1, "sigmoid"))
    x, y = examples(AT_ONCE + 10)

    norms = step_gradients(model, x, y)

    *weights, kernel, bias = (np.asarray(w, dtype=np.float64) for w in model.trainable_variables)
    oracle = Lstm(*weights)
    last, steps = oracle.forward(x)
    errors = sigmoid(last @ kernel + bias) - y[:, None]
    passed_back = oracle.backward(steps, errors @ kernel.T).x
    expected = np.linalg.norm(passed_back, axis=2).mean(axis=0)
    np.testing.assert_allclose(norms, expected, rtol=1e-4)


def test_a_cell_that_halves_what_it_remembers_halves_the_gradient_at_each_step():
    half = keras.initializers.Identity(0.5)
    cell = keras.layers.SimpleRNN(3, "linear", recurrent_initializer=half)

    norms = step_gradients(compiled(cell, keras.layers.Dense(1, "sigmoid")), *examples(8))

    ratios = np.array(norms[1:]) / norms[:-1]
    np.testing.assert_allclose(ratios, 2, rtol=1e-5)


def test_the_model_is_left_as_it_was():
    model = compiled(keras.layers.GRU(4), keras.layers.Dense(1, "sigmoid"))
    x, y = examples(8)
    outputs, loss = model.predict(x, verbose=0), model.evaluate(x, y, verbose=0)

    step_gradients(model, x, y)

    np.testing.assert_array_equal(model.predict(x, verbose=0), outputs)
    assert model.evaluate(x, y, verbose=0) == loss
    assert "call" not in vars(model.layers[0])


def test_a_network_without_time_steps_has_none_to_measure():
    model = compiled(keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid"))

    with pytest.raises(StudyFileError, match="a network without a recurrent layer"):
        step_gradients(model, *examples(2))
