"""Keras's backend and settings."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

from hpsearch.choices import STORAGE_VARIABLES
from hpsearch.errors import UsageError

SETTINGS: dict[str, str | float] = {
    "floatx": "float32",
    "epsilon": 1e-07,
    "image_data_format": "channels_last",
}
"""Settings in Keras's configuration file that change results, and their defaults."""
CUTS = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")


def keras_backend() -> str:
    """The backend in `KERAS_BACKEND`, else TensorFlow; Keras's configuration file is ignored.

    Raises:
        UsageError: It is not installed, or the environment makes Keras cut training short.
    """
    for name in CUTS:
        if os.environ.get(name):
            raise UsageError(f"{name} is set: Keras would cut training short; unset it")
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if not backend.isidentifier() or importlib.util.find_spec(backend) is None:
        raise UsageError(f"KERAS_BACKEND is {backend!r}, which is not installed")
    return backend


def inherited() -> dict[str, str]:
    """What processes that train or answer inherit of the environment.

    Not the storage's URL; and they are told where Keras's settings are, which it would look for
    in a folder that others can write to where nobody has a home.
    """
    ours = {name: value for name, value in os.environ.items() if name not in STORAGE_VARIABLES}
    return {"KERAS_HOME": _keras_home(), **ours}


def _keras_home() -> str:
    # Path's own expanduser raises if there is no home
    return os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111


def keras_settings() -> dict[str, str]:
    """Settings in Keras's configuration file that change results.

    Returns:
        Values by name; without those that are Keras's defaults.
    """
    try:
        content = json.loads((Path(_keras_home()) / "keras.json").read_bytes())
    except (OSError, ValueError):  # Keras then uses its defaults, too
        return {}
    if not isinstance(content, dict):
        return {}
    return {
        name: str(content[name])
        for name, default in SETTINGS.items()
        if content.get(name, default) != default
    }
