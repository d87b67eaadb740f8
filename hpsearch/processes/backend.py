"""What Keras computes with."""

from __future__ import annotations

import importlib.util
import os

from hpsearch.errors import UsageError


def keras_backend() -> str:
    """What `KERAS_BACKEND` names, else TensorFlow; Keras's own configuration has no say.

    Raises:
        UsageError: It is not installed.
    """
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if not backend.isidentifier() or importlib.util.find_spec(backend) is None:
        raise UsageError(f"KERAS_BACKEND is {backend!r}, which is not installed")
    return backend
