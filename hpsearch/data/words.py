"""Words as whole numbers, encoded exactly as Keras encodes its film reviews."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from hpsearch.data.arrays import Array
from hpsearch.data.inputs import Encoded

PADDING, START, UNKNOWN = 0, 1, 2
SPECIAL = ("[padding]", "[start]", "[unknown]", "[unused]")
"""What the numbers below those of words stand for; the most frequent word is number 4."""
SEPARATORS = b'!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_UPPER, _LOWER = string.ascii_uppercase.encode(), string.ascii_lowercase.encode()
_PLAIN = bytes.maketrans(SEPARATORS + _UPPER, b" " * len(SEPARATORS) + _LOWER)


def split_words(text: bytes) -> list[bytes]:
    """Split UTF-8 text into words as Keras did when it counted the words of its reviews.

    Only A to Z become lower-case. Apostrophes are part of words, and so is all white space but
    the space, the tab and the line feed.
    """
    return [word for word in text.translate(_PLAIN).split(b" ") if word]


def plain_text(content: bytes) -> bytes:
    """Drop what some editors add to UTF-8 text: a byte order mark, carriage returns.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    return content.decode("utf-8-sig").replace("\r\n", "\n").encode()


def fit_vocabulary(texts: Iterable[bytes], n_words: int) -> tuple[str, ...]:
    """Choose the most frequent words as the vocabulary.

    Args:
        texts: UTF-8 texts of the training split only: words known from other splits would
            flatter the network.
        n_words: The size of the vocabulary, the numbers that stand for no word included.

    Returns:
        What each number below `n_words` stands for.

    Raises:
        ValueError: `n_words` leaves no room for a word.
    """
    if n_words <= len(SPECIAL):
        raise ValueError(f"n_words must be more than {len(SPECIAL)}, not {n_words}")
    counts = Counter(word for text in texts for word in split_words(text))
    by_frequency = sorted(counts, key=lambda word: (-counts[word], word))
    return (*SPECIAL, *(word.decode() for word in by_frequency[: n_words - len(SPECIAL)]))


def word_numbers(vocabulary: Sequence[str]) -> dict[bytes, int]:
    """The number of each word of a vocabulary."""
    return {
        word.encode(): number for number, word in enumerate(vocabulary) if number >= len(SPECIAL)
    }


def encode_words(text: bytes, vocabulary: Sequence[str], length: int) -> Encoded:
    """Encode the last words of a UTF-8 text, padded at the front.

    Args:
        text: The text.
        vocabulary: What each number stands for.
        length: How many numbers the network takes.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    tokens, encoded = _encode(text, vocabulary)
    x = np.full(length, PADDING, dtype=np.min_scalar_type(len(vocabulary) - 1))
    last = tokens[-length:]
    x[length - len(last) :] = last
    return Encoded(x, **encoded)


def encode_bag(text: bytes, vocabulary: Sequence[str]) -> Encoded:
    """Encode a UTF-8 text as a bag of words: 1 for each word in it, 0 for all others.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    tokens, encoded = _encode(text, vocabulary)
    x = np.zeros(len(vocabulary), dtype=np.float32)
    x[tokens] = 1
    return Encoded(x, **encoded)


def decode_words(tokens: Array, vocabulary: Sequence[str]) -> str:
    """The words that numbers stand for; padding is dropped."""
    return " ".join(vocabulary[token] for token in tokens if token != PADDING)


def _encode(text: bytes, vocabulary: Sequence[str]) -> tuple[list[int], dict[str, int]]:
    """The numbers of a text, and how many of its words there are and are unknown."""
    numbers = word_numbers(vocabulary)
    tokens = [numbers.get(word, UNKNOWN) for word in split_words(plain_text(text))]
    return [START, *tokens], {"n_words": len(tokens), "n_unknown": tokens.count(UNKNOWN)}
