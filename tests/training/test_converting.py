"""A network in other programs' forms predicts what it predicts in Keras, or is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy.sparse import csr_array

from hpsearch.choices import Form
from hpsearch.errors import StudyFileError
from hpsearch.training.converting import convert

pytestmark = [
    pytest.mark.slow,
    # Keras's own: where it reads a variable to save it, and where it mends tf2onnx
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning"),
]

layers = keras.layers
RNG = np.random.default_rng(0)


def normalized() -> tuple[keras.Model, Any]:
    """Preprocessing that was adapted to data."""
    x = RNG.normal(5, 3, (20, 4, 3)).astype("float32")
    normalization = layers.Normalization()
    normalization.adapt(x)
    inside = [layers.Rescaling(2), normalization, layers.LSTM(3), layers.Dense(2, "softmax")]
    return keras.Sequential([keras.Input((4, 3)), *inside]), x


def several() -> tuple[keras.Model, Any]:
    """Inputs and outputs by name."""
    image, words = keras.Input((4, 4, 1), name="image"), keras.Input((5,), name="words")
    seen = layers.Flatten()(layers.Conv2D(2, 3)(image))
    read = layers.GlobalAveragePooling1D()(layers.Embedding(10, 3)(words))
    both = layers.Concatenate()([seen, read])
    outputs = {"kind": layers.Dense(3, "softmax")(both), "age": layers.Dense(1)(both)}
    x = {"words": RNG.integers(0, 10, (6, 5)), "image": RNG.normal(size=(6, 4, 4, 1))}
    return keras.Model({"image": image, "words": words}, outputs), x


def sparse() -> tuple[keras.Model, Any]:
    """Examples in CSR form."""
    x = csr_array(RNG.integers(0, 2, (9, 20)).astype("float32"))
    return keras.Sequential([keras.Input((20,), sparse=True), layers.Dense(2)]), x


def of_text() -> tuple[keras.Model, Any]:
    """Text as it is typed."""
    words = layers.TextVectorization(vocabulary=["good", "bad"], output_sequence_length=3)
    inside = [words, layers.Embedding(4, 2), layers.Flatten(), layers.Dense(1)]
    return keras.Sequential([keras.Input((), dtype="string"), *inside]), np.array(
        ["good film", "?"]
    )


def saved(make: Any, folder: Path) -> tuple[keras.Model, Any]:
    """As it comes from its file."""
    model, x = make()
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras", compile=False), x


@pytest.mark.parametrize("make", [normalized, several, sparse, of_text])
def test_tensorflow_predicts_the_same_from_a_saved_model(tmp_path: Path, make):
    convert(*saved(make, tmp_path), Form.SAVED_MODEL, str(tmp_path / "saved"))

    assert (tmp_path / "saved" / "saved_model.pb").exists()


@pytest.mark.parametrize("make", [normalized, several, sparse])
def test_onnx_runtime_predicts_the_same_without_keras(tmp_path: Path, make):
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    model, x = saved(make, tmp_path)

    convert(model, x, Form.ONNX, str(tmp_path / "model.onnx"))

    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    dense = x.toarray() if make is sparse else x
    (name, *_) = [one.name for one in session.get_inputs()]
    arrays = dense if isinstance(dense, dict) else {name: dense}
    found = session.run(None, {name: one.astype("float32") for name, one in arrays.items()})
    expected = keras.tree.flatten(model.predict(dense, verbose=0))
    for here, there in zip(expected, found, strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-5)


def test_what_onnx_cannot_hold_is_refused_by_name(tmp_path: Path):
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

    with pytest.raises(StudyFileError, match=r"as onnx: ValueError: it has no .*StringSplit"):
        convert(*saved(of_text, tmp_path), Form.ONNX, str(tmp_path / "model.onnx"))


def test_a_form_that_predicts_something_else_is_refused(tmp_path: Path):
    @keras.saving.register_keras_serializable()
    class Noise(layers.Layer):
        def call(self, x):
            return x + keras.random.uniform(keras.ops.shape(x))

    with pytest.raises(StudyFileError, match="written as saved_model it predicts something else"):
        convert(
            keras.Sequential([keras.Input((2,)), Noise()]),
            np.ones((3, 2), "float32"),
            Form.SAVED_MODEL,
            str(tmp_path / "saved"),
        )
