"""Whether a network can be loaded again once it is saved: better told before it is trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from hpsearch.errors import StudyFileError

LAMBDA = "__lambda__"  # what Keras writes for one
CURE = "@keras.saving.register_keras_serializable()"


def require_loadable(model: keras.Model) -> None:
    """Look at all that a model's file would name.

    Raises:
        StudyFileError: The model has a class or function that is neither Keras's nor
            registered with Keras, or does not say how to make it again.
    """
    try:
        found = [*_of_model(type(model)), *_names(model.get_config())]
    except NotImplementedError as error:
        raise StudyFileError(
            "build(params): the network cannot be saved: "
            + " ".join(str(error).partition("Example")[0].split())
        ) from error
    for name in found:
        if name == LAMBDA:
            raise StudyFileError(
                "build(params): a network with a lambda cannot be loaded again: write a layer "
                f"class, or a function with a name, and put {CURE} above it"
            )
        raise StudyFileError(
            f"build(params): {name} is not Keras's own, so a network that was saved could not be "
            f"loaded again: put {CURE} above it"
        )


def _of_model(kind: type[keras.Model]) -> Iterator[str]:
    registered: str = keras.saving.get_registered_name(kind)
    if ">" not in registered and not _is_of_keras(kind.__module__):
        yield kind.__name__


def _is_of_keras(module: str | None) -> bool:
    return module is not None and module.partition(".")[0] == "keras"


def _names(config: Any) -> Iterator[str]:
    """The classes and functions in a config that Keras would not find by their names."""
    if isinstance(config, dict):
        registered, module = config.get("registered_name"), config.get("module")
        if config.get("class_name") == LAMBDA:
            yield LAMBDA
        elif registered is not None and ">" not in registered and not _is_of_keras(module):
            # of a function, `registered_name` says only that it is one
            yield config["config"] if registered == "function" else registered
        config = list(config.values())
    if isinstance(config, list | tuple):
        for part in config:
            yield from _names(part)
