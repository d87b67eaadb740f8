"""One example from outside, as a network takes it."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.data.arrays import Array


@dataclass(frozen=True)
class Encoded:
    """A text or an image from outside, encoded as the examples of a data set are."""

    x: Array
    """One example, without the axis of examples; of sparse data a dense row."""
    n_words: int = 0
    """Of a text."""
    n_unknown: int = 0
    """Words, or characters, that the vocabulary lacks."""
