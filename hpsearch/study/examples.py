"""One example of a data set, with its label and decoded text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpsearch.data.arrays import Array, Split, is_sparse
from hpsearch.data.imdb.reviews import CLASSES, Reviews
from hpsearch.data.structure import mapped, named
from hpsearch.data.words import SPECIAL, decode_words
from hpsearch.errors import UsageError
from hpsearch.task import Task


@dataclass(frozen=True)
class Example:
    """An example as stored, and its meaning."""

    x: Array
    label: Any
    """Of several outputs, a dict or list, as the data have it."""
    n_examples: int
    """Size of its split."""
    shape: tuple[int, ...] = ()
    """Of all examples of its split together."""
    largest: int | float | None = None
    """The largest number in its split; None where examples are not numbers."""
    name: str | None = None
    """The label's name; with several outputs, the names of all labels that have one."""
    text: str | None = None
    """The decoded text, if the numbers encode words or characters."""


def example_of_task(
    task: Task, split: Split, vocabulary: tuple[str, ...], number: int, input_name: str = ""
) -> Example:
    """An example of one of a task's splits, or what one of several inputs gets of it.

    Raises:
        UsageError: No example has that number.
    """
    _require_number(number, len(split))
    examples = named(split.x)[input_name]
    largest = _largest(examples.data if is_sparse(examples) else examples)
    text = None
    if is_sparse(examples):
        x = examples[[number]].toarray()[0]
        if vocabulary:  # a bag has no word order: list words by frequency
            text = decode_words(np.flatnonzero(x), vocabulary)
    else:
        x = examples[number]
        if vocabulary and task.writing:
            text = "".join(vocabulary[i] for i in x)
        elif x.dtype.kind in "iu" and largest is not None and largest < len(vocabulary):
            text = decode_words(x, vocabulary)
    label = mapped(lambda labels: labels[number].tolist(), split.y)
    return Example(
        x,
        label,
        len(split),
        shape=tuple(examples.shape),
        largest=largest,
        name=_name_of(label, (lambda _: vocabulary) if task.writing else task.classes_of),
        text=text,
    )


def _name_of(label: Any, names_of: Callable[[str], Sequence[str]]) -> str | None:
    found = {
        output: names_of(output)[one]
        for output, one in named(label).items()
        if isinstance(one, int) and 0 <= one < len(names_of(output))
    }
    if "" in found or not found:
        return found.get("")
    return ", ".join(f"{output} {name}" for output, name in found.items())


def example_of_reviews(reviews: Reviews, number: int) -> Example:
    """A complete film review from the training split.

    Raises:
        UsageError: No example has that number.
    """
    texts = reviews.train
    _require_number(number, len(texts))
    x, label = texts[number], int(texts.labels[number])
    return Example(
        x,
        label,
        len(texts),
        shape=(len(texts),),
        largest=_largest(texts.tokens),
        name=CLASSES[label],
        text=decode_words(x, reviews.vocabulary),
    )


@dataclass(frozen=True)
class Word:
    """A word of a vocabulary."""

    word: str
    rank: int
    """1 for the most frequent word, as in Keras's word index."""
    number: int
    """What stands for it in the examples."""


def word_of(vocabulary: tuple[str, ...], rank: int) -> Word:
    """The word of a rank, from 1; its number is higher, as the first ones stand for no word.

    Raises:
        UsageError: The vocabulary has no words, or fewer.
    """
    if vocabulary[: len(SPECIAL)] != SPECIAL:
        raise UsageError("these data have no words: name imdb, or a task that reads texts")
    number = rank + len(SPECIAL) - 1  # as Keras counts: rank 1 is number 4
    if number >= len(vocabulary):
        n_words = len(vocabulary) - len(SPECIAL)
        raise UsageError(f"no word {rank}: there are words 1 to {n_words:,}")
    return Word(vocabulary[number], rank, number)


def _largest(x: Any) -> int | float | None:
    if x.dtype.kind not in "biuf" or x.size == 0:
        return None
    largest: int | float = x.max().item()
    return largest


def _require_number(number: int, n_examples: int) -> None:
    if number >= n_examples:
        raise UsageError(f"no example {number}: valid numbers are 0 to {n_examples - 1}")
