"""What Keras computes with, as its own configuration has it."""

from __future__ import annotations

import json

import pytest

from hpsearch.errors import UsageError
from hpsearch.processes.backend import keras_backend, keras_settings
from hpsearch.study.record import versions


@pytest.fixture
def keras_json(tmp_path, monkeypatch):
    """Keras's configuration file, which is not there yet."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path / "keras.json"


def test_without_a_configuration_file_keras_computes_as_it_does_by_default(keras_json):
    assert keras_settings() == {}


def test_defaults_that_are_written_out_are_no_change(keras_json):
    """Keras itself writes such a file the first time that it is imported."""
    content = {"floatx": "float32", "epsilon": 1e-07, "image_data_format": "channels_last"}
    keras_json.write_text(json.dumps({**content, "backend": "jax"}))

    assert keras_settings() == {}


def test_a_float_type_of_ones_own_makes_other_curves(keras_json):
    before = versions()
    keras_json.write_text('{"floatx": "float64", "image_data_format": "channels_first"}')

    assert keras_settings() == {"floatx": "float64", "image_data_format": "channels_first"}
    assert versions() == {**before, **keras_settings()}


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_what_keras_could_not_read_changes_nothing(keras_json, content):
    keras_json.write_text(content)

    assert keras_settings() == {}


@pytest.mark.parametrize("name", ["KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"])
def test_what_would_cut_trainings_short_is_refused(monkeypatch, name):
    monkeypatch.setenv(name, "3")

    with pytest.raises(UsageError, match=f"{name} is set: Keras would end each training"):
        keras_backend()


@pytest.mark.parametrize("backend", ["no_such_backend", "not/a/name"])
def test_a_backend_that_is_not_installed_is_told(monkeypatch, backend):
    monkeypatch.setenv("KERAS_BACKEND", backend)

    with pytest.raises(UsageError, match="not installed"):
        keras_backend()


def test_tensorflow_computes_unless_another_backend_is_named(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)

    assert keras_backend() == "tensorflow"
