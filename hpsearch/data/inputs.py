"""An input from a user, encoded for a network."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.data.arrays import Array
from hpsearch.data.structure import Structure


@dataclass(frozen=True)
class Encoded:
    """A user's text or image, encoded the way the data set's examples are."""

    x: Structure[Array]
    """One example, without the axis of examples; a dense row where the data are sparse. With
    several inputs, a dict by their names, or a tuple in their order, as in the data."""
    n_words: int = 0
    """Of a text."""
    n_unknown: int = 0
    """Words, or characters, that the vocabulary lacks."""
