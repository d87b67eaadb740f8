"""A network that could not be loaded again is refused before it is trained."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from hpsearch.errors import StudyFileError
from hpsearch.training.loadable import require_loadable


class Unregistered(layers.Layer):
    pass


@keras.saving.register_keras_serializable("loadable")
class Registered(layers.Layer):
    pass


@keras.saving.register_keras_serializable("loadable")
class Unsaid(keras.Model):
    """Does not say what it was made of."""

    def __init__(self, made_of):
        super().__init__()


class UnregisteredModel(keras.Model):
    pass


def half(x):
    return x / 2


def sequential(*inner: layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((2,)), *inner])


def functional() -> keras.Model:
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.ops.relu(inputs[:, :1]) * 2)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(sequential(Registered(), layers.Dense(2, "relu")), id="registered"),
        pytest.param(functional(), id="operations"),
        pytest.param(sequential(layers.Activation(keras.activations.gelu)), id="Keras's function"),
    ],
)
def test_what_keras_finds_by_name_is_taken(model: keras.Model):
    require_loadable(model)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(sequential(Unregistered()), "Unregistered is not Keras's own", id="a layer"),
        pytest.param(
            sequential(keras.Sequential([Unregistered()])),
            "Unregistered is not Keras's own",
            id="a layer of an inner model",
        ),
        pytest.param(sequential(layers.Dense(1, half)), "half is not Keras's own", id="a function"),
        pytest.param(sequential(layers.Lambda(lambda x: x)), "a lambda cannot be", id="a lambda"),
        pytest.param(UnregisteredModel(), "UnregisteredModel is not Keras's own", id="a model"),
        pytest.param(Unsaid(object()), "must override `get_config\\(\\)`", id="no get_config"),
    ],
)
def test_what_keras_would_not_find_is_refused(model: keras.Model, message: str):
    with pytest.raises(StudyFileError, match=message):
        require_loadable(model)
