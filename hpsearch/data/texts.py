"""Texts as whole numbers, and the two forms that networks take them in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpsearch.data.arrays import Array, Split
from hpsearch.data.words import PADDING, START, UNKNOWN, split_words, word_numbers


@dataclass(frozen=True)
class Texts:
    """Texts of any length, stored one after the other, with a label each."""

    tokens: Array
    """A number for each word; text `i` is `tokens[offsets[i] : offsets[i + 1]]`."""
    offsets: Array
    """Where each text starts, and the end of the last one."""
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> Array:
        text: Array = self.tokens[self.offsets[i] : self.offsets[i + 1]]
        return text

    def last_words(self, length: int, n_words: int) -> Split:
        """The last words of each text, padded at the front if the text is shorter.

        Args:
            length: How many numbers an example has.
            n_words: The size of the vocabulary: numbers from here on become `UNKNOWN`.
        """
        x = np.full((len(self), length), PADDING, dtype=np.min_scalar_type(n_words - 1))
        for i in range(len(self)):
            last = _cut(self[i][-length:], n_words)
            x[i, length - len(last) :] = last
        return Split(x, np.asarray(self.labels))

    def bags_of_words(self, n_words: int) -> Split:
        """The words of each text without order or count: 1 if it has the word, else 0.

        Args:
            n_words: The number of columns: numbers from here on become `UNKNOWN`.

        Returns:
            Examples in CSR form, as almost all entries are 0.
        """
        from scipy.sparse import csr_array

        owners = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        cells = np.sort(owners * n_words + _cut(self.tokens, n_words))
        # np.unique would take ten times as long
        cells = cells[np.diff(cells, prepend=-1) > 0]
        rows, columns = np.divmod(cells, n_words)
        starts = np.searchsorted(rows, np.arange(len(self) + 1))
        x = csr_array(
            (np.ones(len(cells), np.float32), columns.astype(np.int32), starts.astype(np.int32)),
            shape=(len(self), n_words),
        )
        return Split(x, np.asarray(self.labels))


def encode_texts(contents: Iterable[bytes], labels: Array, vocabulary: Sequence[str]) -> Texts:
    """Number the words of UTF-8 texts.

    Args:
        contents: The texts.
        labels: One for each text.
        vocabulary: What each number stands for, as `fit_vocabulary` returns it.
    """
    numbers = word_numbers(vocabulary)
    rows = [[START, *(numbers.get(w, UNKNOWN) for w in split_words(text))] for text in contents]
    return join_texts(rows, labels)


def join_texts(rows: Sequence[Sequence[int] | Array], labels: Array) -> Texts:
    """Store the numbers of texts one after the other."""
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    tokens = np.empty(offsets[-1], dtype=np.uint32)
    for row, start, end in zip(rows, offsets[:-1], offsets[1:], strict=True):
        tokens[start:end] = row
    return Texts(tokens, offsets, labels)


def _cut(tokens: Array, n_words: int) -> npt.NDArray[np.int64]:
    return np.where(tokens < n_words, tokens, UNKNOWN).astype(np.int64)
