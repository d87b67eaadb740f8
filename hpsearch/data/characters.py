"""Characters as whole numbers: windows of a text, each with the character that follows."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from hpsearch.data.arrays import Array, Split
from hpsearch.data.inputs import Encoded

# Typographic characters and their ASCII forms.
_TYPEWRITER = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "--"})


def one_line(content: bytes) -> str:
    """Turn UTF-8 text into one lower-case ASCII string, its lines stripped and joined by spaces."""
    text = content.decode("utf-8", "ignore").translate(_TYPEWRITER).lower()
    lines = (line.strip() for line in text.encode("ascii", "ignore").decode().splitlines())
    return " ".join(line for line in lines if line)


def encode_characters(text: str, vocabulary: Sequence[str]) -> Array:
    """Number the characters of a text; those that the vocabulary lacks are dropped.

    Args:
        text: Any text.
        vocabulary: At most 256 characters, numbered in this order.
    """
    numbers = {character: number for number, character in enumerate(vocabulary)}
    return np.array([numbers[c] for c in text if c in numbers], dtype=np.uint8)


def windows(numbers: Array, length: int) -> Split:
    """Cut a text into all its windows; the label of each is the character that follows it."""
    x = np.lib.stride_tricks.sliding_window_view(numbers[:-1], length)
    return Split(np.ascontiguousarray(x), numbers[length:])


def encode_window(content: bytes, vocabulary: Sequence[str], length: int) -> Encoded:
    """Encode the last characters of a UTF-8 text, with spaces in front of a short one.

    A space at its end stays: the next character starts a new word then.
    """
    typed = content.decode().rstrip("\r\n").translate(_TYPEWRITER).lower()
    text = re.sub(r"\s+", " ", typed)
    numbers = encode_characters(text, vocabulary)
    space = encode_characters(" " * length, vocabulary)
    x = np.concatenate([space, numbers])[-length:]
    return Encoded(x, n_words=len(text), n_unknown=len(text) - len(numbers))
