"""What Keras computes with, and how."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

from hpsearch.errors import UsageError

SETTINGS: dict[str, str | float] = {
    "floatx": "float32",
    "epsilon": 1e-07,
    "image_data_format": "channels_last",
}
"""What Keras's configuration file may say of how networks are computed, and its defaults."""
CUTS = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")


def keras_backend() -> str:
    """What `KERAS_BACKEND` names, else TensorFlow; Keras's own configuration has no say.

    Raises:
        UsageError: It is not installed, or the environment has Keras cut trainings short.
    """
    for name in CUTS:
        if os.environ.get(name):
            raise UsageError(
                f"{name} is set: Keras would end each training before its last epoch; unset it"
            )
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if not backend.isidentifier() or importlib.util.find_spec(backend) is None:
        raise UsageError(f"KERAS_BACKEND is {backend!r}, which is not installed")
    return backend


def keras_settings() -> dict[str, str]:
    """What Keras's configuration file changes of how networks are computed.

    Returns:
        Values by name; nothing where the defaults hold, as they do for nearly everybody.
    """
    # Path's own expanduser raises where nobody has a home
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111
    try:
        content = json.loads((Path(home) / "keras.json").read_bytes())
    except (OSError, ValueError):  # then Keras takes its defaults too
        return {}
    if not isinstance(content, dict):
        return {}
    return {
        name: str(content[name])
        for name, default in SETTINGS.items()
        if content.get(name, default) != default
    }
