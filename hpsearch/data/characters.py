"""Characters as whole numbers: windows of a text, each of which predicts the next one."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from hpsearch.data.arrays import Array, Split
from hpsearch.data.inputs import Encoded

# What typesetters use in place of ASCII.
_TYPEWRITER = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "--"})


def one_line(content: bytes) -> str:
    """A text in UTF-8 as one lower-case ASCII string: its lines stripped, joined by spaces."""
    text = content.decode("utf-8", "ignore").translate(_TYPEWRITER).lower()
    lines = (line.strip() for line in text.encode("ascii", "ignore").decode().splitlines())
    return " ".join(line for line in lines if line)


def encode_characters(text: str, vocabulary: Sequence[str]) -> Array:
    """The number of each character; those that the vocabulary lacks are left out.

    Args:
        text: Any.
        vocabulary: At most 256 characters, which are numbered in this order.
    """
    numbers = {character: number for number, character in enumerate(vocabulary)}
    return np.array([numbers[c] for c in text if c in numbers], dtype=np.uint8)


def windows(numbers: Array, length: int) -> Split:
    """Every window of a text, as an example whose label is the character that follows it."""
    x = np.lib.stride_tricks.sliding_window_view(numbers[:-1], length)
    return Split(np.ascontiguousarray(x), numbers[length:])


def encode_window(content: bytes, vocabulary: Sequence[str], length: int) -> Encoded:
    """A text in UTF-8 as a network takes it: its last characters, spaces before a short one.

    A space at its end stays: what comes next is a new word then.
    """
    typed = content.decode().rstrip("\r\n").translate(_TYPEWRITER).lower()
    text = re.sub(r"\s+", " ", typed)
    numbers = encode_characters(text, vocabulary)
    space = encode_characters(" " * length, vocabulary)
    x = np.concatenate([space, numbers])[-length:]
    return Encoded(x, n_words=len(text), n_unknown=len(text) - len(numbers))
