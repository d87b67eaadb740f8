"""A trained network in a form that other programs take, compared with itself there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from hpsearch.choices import Form
from hpsearch.data.structure import mapped
from hpsearch.errors import StudyFileError
from hpsearch.study_file import describe
from hpsearch.training.loop import PREDICTED_AT_ONCE, is_sparse, make_batches, names_of

KERAS_NAMES = {Form.SAVED_MODEL: "tf_saved_model", Form.ONNX: "onnx"}
TOLERANCE = 1e-4  # relative and absolute: another program adds in another order


def convert(model: keras.Model, x: Any, form: Form, path: str) -> None:
    """Write a network, load what was written, and compare what both make of some examples.

    Keras must run on TensorFlow.

    Args:
        model: The network.
        x: The examples, as `arrange` returns them.
        form: Which form.
        path: The file or folder to write.

    Raises:
        StudyFileError: The form cannot hold the network.
    """
    # also calls the network, without which Keras does not export it
    predicted = model.predict(make_batches((x,), PREDICTED_AT_ONCE).for_keras(), verbose=0)
    arrays = keras.tree.flatten(mapped(_dense, x))
    try:
        _hold_constants(model)
        model.export(path, format=KERAS_NAMES[form], verbose=False)
        found = ASK[form](path, names_of(model, "input"), arrays)
    except Exception as error:
        raise StudyFileError(f"it cannot be written as {form}: {describe(error)}") from error
    for here, there in zip(keras.tree.flatten(predicted), found, strict=True):
        if not np.allclose(here, there, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            raise StudyFileError(f"written as {form} it predicts something else")


def _hold_constants(model: keras.Model) -> None:
    """Keep in NumPy what `Normalization` keeps in tensors: tf2onnx would make inputs of them."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)


def _dense(array: Any) -> Any:
    return array.toarray() if is_sparse(array) else np.asarray(array)


def _ask_saved_model(path: str, names: Sequence[str], arrays: Sequence[Any]) -> list[Any]:
    import tensorflow as tf

    served = tf.saved_model.load(path).signatures["serving_default"]
    kinds = served.structured_input_signature[1]
    outputs = served(**{
        name: tf.constant(array if kinds[name].dtype == tf.string else _as(kinds[name], array))
        for name, array in zip(names, arrays, strict=True)
    })  # fmt: skip
    return [outputs[name].numpy() for name in sorted(outputs)]


def _as(spec: Any, array: Any) -> Any:
    return array.astype(spec.dtype.as_numpy_dtype)


def _ask_onnx(path: str, names: Sequence[str], arrays: Sequence[Any]) -> list[Any]:
    import onnx
    import onnxruntime

    graph = onnx.load(path).graph
    unknown = {one.op_type for one in graph.node if not onnx.defs.has(one.op_type, one.domain)}
    if unknown:  # ONNX Runtime says it on many lines
        raise ValueError(f"it has no {', '.join(sorted(unknown))}")
    session = onnxruntime.InferenceSession(path)
    kinds = {one.name: TYPES[one.type] for one in session.get_inputs()}
    given = {name: array.astype(kinds[name]) for name, array in zip(names, arrays, strict=True)}
    return list(session.run(None, given))


TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}
"""NumPy's names for those of ONNX Runtime."""

ASK: dict[Form, Callable[[str, Sequence[str], Sequence[Any]], list[Any]]] = {
    Form.SAVED_MODEL: _ask_saved_model,
    Form.ONNX: _ask_onnx,
}
"""What a written network predicts, output by output as Keras orders them."""
