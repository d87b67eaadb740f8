"""A trained network answers questions, and refuses what it cannot take."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from hpsearch.errors import StudyFileError
from hpsearch.questions import Predict, Write
from hpsearch.training.use import answer

# Keras's own, as it saves
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def save(folder: Path, *layers: keras.Layer) -> str:
    """Save a network that takes two numbers."""
    keras.Sequential([keras.Input((2,)), *layers]).save(folder / "model.keras")
    return str(folder / "model.keras")


def test_a_prediction_begins_with_the_last_activation_and_has_a_row_for_each_example(tmp_path):
    dense = keras.layers.Dense(3, "softmax", kernel_initializer="zeros")
    model = save(tmp_path, dense)

    activation, *rows = answer(Predict(model=model, x=[[0, 1], [2, 3]], dtype="float32"))

    assert activation == "softmax"
    np.testing.assert_allclose(rows, np.full((2, 3), 1 / 3))


def test_a_last_layer_without_an_activation_is_said_to_have_none(tmp_path):
    model = save(tmp_path, keras.layers.Dense(1), keras.layers.Flatten())

    activation, _ = answer(Predict(model=model, x=[[0, 1]], dtype="float32"))

    assert activation == ""


def test_examples_of_another_shape_are_refused_in_a_line(tmp_path):
    model = save(tmp_path, keras.layers.Dense(1))

    with pytest.raises(
        StudyFileError, match=r"shape \(2,\), and encode\(\) made one of shape \(3,\)"
    ):
        list(answer(Predict(model=model, x=[[0, 1, 2]], dtype="float32")))


def test_a_network_writes_as_many_characters_as_asked(tmp_path):
    always_b = keras.layers.Dense(
        2,
        "softmax",
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant([0, 5]),
    )
    question = Write(
        model=save(tmp_path, always_b),
        window=[0, 0],
        vocabulary=["a", "b"],
        n_chars=4,
        temperature=0.0,
        seed=1,
    )

    assert "".join(answer(question)) == "bbbb"
