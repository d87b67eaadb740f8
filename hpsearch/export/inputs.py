"""What a user hands to a trained network: files, standard input and texts."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpsearch.data.inputs import Encoded
from hpsearch.data.structure import mapped
from hpsearch.errors import DataError, StudyFileError, UsageError
from hpsearch.export.models import Model

MAX_INPUT_BYTES = 5_000_000
MAX_TITLE = 60  # characters


@dataclass(frozen=True)
class Input:
    """A text or a file to predict from."""

    argument: str
    """As typed: a path, `-` for standard input, or the text itself."""
    content: bytes

    @property
    def title(self) -> str:
        """The input in one short line."""
        text = "standard input" if self.argument == "-" else " ".join(self.argument.split())
        return text if len(text) <= MAX_TITLE else f"{text[: MAX_TITLE - 1]}…"


def read_input(argument: str) -> Input:
    """Read what an argument stands for.

    Raises:
        UsageError: It looks like a path, and there is no such file.
        DataError: It is empty, too large, or cannot be read.
    """
    if argument == "-":
        content = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
    elif is_file(argument):
        try:
            with Path(argument).open("rb") as file:
                content = file.read(MAX_INPUT_BYTES + 1)
        except OSError as error:
            raise DataError(f"cannot read {argument}: {error.strerror}") from error
    elif os.path.isdir(argument):  # noqa: PTH112  # Path's own raises where a name is too long
        raise UsageError(f"{argument} is a folder: name the files in it, as in {argument}/*")
    elif looks_like_path(argument):
        raise UsageError(
            f"no file {argument}; if it is a text, pass - and send it to standard input"
        )
    else:
        content = argument.encode(errors="surrogateescape")  # the bytes that the shell passed
    given = Input(argument, content)
    called = given.title or "the text"
    if len(content) > MAX_INPUT_BYTES:
        raise DataError(f"{called} is larger than {MAX_INPUT_BYTES // 10**6} MB, the limit")
    if not content.strip():
        raise DataError(f"{called} is empty: there is nothing to predict from")
    return given


def is_file(argument: str) -> bool:
    """Whether a path leads to a file, or to something that reads like one."""
    try:
        path = Path(argument)
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):  # longer than any path, or with a null character
        return False


def looks_like_path(argument: str) -> bool:
    """Whether whoever types this means a file: `boot.png`, `images/boot`, `../my boot`."""
    if argument.startswith(("/", "./", "../", "~")):
        return True
    has_suffix = re.search(r"\w\.[A-Za-z]\w{0,5}$", argument) is not None
    if re.search(r"\s", argument):
        return has_suffix and "/" in argument
    return has_suffix or "/" in argument


def encode_inputs(model: Model, inputs: Sequence[Input]) -> list[Encoded]:
    """Encode inputs as examples of one shape.

    Raises:
        DataError: One of them cannot be encoded.
        StudyFileError: The task's `encode` raises, or returns examples of different shapes.
    """
    examples = [model.encode(one.content, one.title) for one in inputs]
    for one, example in zip(inputs, examples, strict=True):
        shapes = [mapped(np.shape, encoded.x) for encoded in (example, examples[0])]
        if shapes[0] != shapes[1]:
            raise StudyFileError(
                f"encode() returned shape {shapes[0]} for {one.title}, but {shapes[1]} for "
                f"{inputs[0].title}: all must be alike"
            )
    return examples


def encode_seed_text(model: Model, seed_text: str) -> Encoded:
    """Encode the text that a network is to continue.

    Raises:
        DataError: It is empty, or has characters that the network never saw.
    """

    def encode(text: str) -> Encoded:
        return model.encode(text.encode(errors="surrogateescape"), "the seed text")

    def is_unknown(character: str) -> bool:
        """Whether the vocabulary lacks it, or the task's `encode` drops it."""
        encoded = encode(character)
        return bool(encoded.n_unknown) or (encoded.n_words == 0 and not character.isspace())

    if not seed_text:
        raise DataError("the seed text is empty: the network continues its last characters")
    if unknown := [one for one in dict.fromkeys(seed_text) if is_unknown(one)]:
        raise DataError(
            f"the network never saw these characters of the seed text: "
            f"{', '.join(map(repr, unknown))}; it knows {''.join(model.vocabulary)!r}"
        )
    return encode(seed_text)
