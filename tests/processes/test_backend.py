"""The backend is what `KERAS_BACKEND` names, else TensorFlow."""

from __future__ import annotations

import pytest

from hpsearch.errors import UsageError
from hpsearch.processes.backend import keras_backend


def test_tensorflow_unless_another_is_named(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert keras_backend() == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    assert keras_backend() == "numpy"


@pytest.mark.parametrize("name", ["jaxx", "no name", "../tensorflow", ""])
def test_a_backend_that_is_not_installed_is_refused(monkeypatch, name):
    monkeypatch.setenv("KERAS_BACKEND", name)

    with pytest.raises(UsageError, match=f"KERAS_BACKEND is {name!r}, which is not installed"):
        keras_backend()
