"""The text that a network writes: a character at a time, each from the window before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import keras
import numpy as np
import numpy.typing as npt

from hpsearch.curves.curve import Written
from hpsearch.data import Split
from hpsearch.errors import StudyFileError
from hpsearch.task import Writing

Indices = npt.NDArray[np.integer]

# Beside a seed and an epoch, of which alone the order of examples is drawn.
STREAM = 1


def write(
    model: keras.Model,
    window: Indices,
    vocabulary: Sequence[str],
    *,
    n_chars: int,
    temperature: float,
    seed: int,
) -> Iterator[str]:
    """One text, a character at a time.

    Args:
        model: Gives the share of each character to come next.
        window: The characters to go on from, by their place in the vocabulary.
        vocabulary: The characters.
        n_chars: How many to write.
        temperature: 0 takes the most likely character, 1 draws as the network predicts.
        seed: Of the draws.

    Raises:
        StudyFileError: The network predicts something else than characters.
    """
    rng = np.random.default_rng(seed)
    for (character,) in islice(characters(model, window, vocabulary, [temperature], rng), n_chars):
        yield character


def write_after(
    epoch: int,
    model: keras.Model,
    train: Split,
    vocabulary: Sequence[str],
    writing: Writing,
    seed: int,
) -> Written:
    """What a network writes after an epoch, from a window drawn of seed and epoch alone."""
    rng = np.random.default_rng([seed, epoch, STREAM])
    assert not isinstance(train.x, dict | tuple)  # `require_windows` refuses several inputs
    window = train.x[rng.integers(len(train))]
    steps = characters(model, window, vocabulary, writing.temperatures, rng)
    texts = zip(*islice(steps, writing.n_chars), strict=True)
    return Written(
        window="".join(vocabulary[i] for i in window),
        temperatures=list(writing.temperatures),
        texts=["".join(text) for text in texts] or [""] * len(writing.temperatures),
    )


def characters(
    model: keras.Model,
    window: Indices,
    vocabulary: Sequence[str],
    temperatures: Sequence[float],
    rng: np.random.Generator,
) -> Iterator[tuple[str, ...]]:
    """The next character of several texts, one for each temperature, again and again.

    It ends early only if the network has diverged and predicts nothing.

    Raises:
        StudyFileError: The network predicts something else than characters.
    """
    windows = np.repeat(window[np.newaxis], len(temperatures), axis=0)
    while True:
        shares = np.asarray(model.predict_on_batch(windows))
        if shares.shape != (len(temperatures), len(vocabulary)):
            raise StudyFileError(
                f"writing= is for networks that predict one of {len(vocabulary)} characters, "
                f"the vocabulary of the data; this one's outputs have shape {shares.shape[1:]}"
            )
        if not np.isfinite(shares).all():
            return
        draws = rng.random(len(temperatures))
        chosen = [
            _choose(of_text, temperature, draw)
            for of_text, temperature, draw in zip(shares, temperatures, draws, strict=True)
        ]
        yield tuple(vocabulary[i] for i in chosen)
        windows[:, :-1] = windows[:, 1:]
        windows[:, -1] = chosen


def require_windows(train: Split, vocabulary: Sequence[str]) -> None:
    """Tell before training that nothing could be written.

    Raises:
        StudyFileError: The examples are not windows of characters.
    """
    if not vocabulary:
        raise StudyFileError("writing= needs the characters: give the Dataset its vocabulary=")
    windows = train.x
    if isinstance(windows, dict | tuple):
        raise StudyFileError("writing= needs windows of text as the only input: x has several")
    if windows.ndim != 2 or windows.dtype.kind not in "iu":
        raise StudyFileError(
            "writing= needs windows of text, (n, characters) of whole numbers: the examples are "
            f"{windows.dtype} of shape {windows.shape}"
        )


def _choose(shares: npt.NDArray[np.floating], temperature: float, draw: float) -> int:
    """The place of a character; `draw` is a number from 0 to 1, drawn evenly."""
    if temperature == 0:
        return int(shares.argmax())
    logs = np.log(np.maximum(shares.astype(np.float64), np.finfo(np.float64).tiny))
    sums = np.exp((logs - logs.max()) / temperature).cumsum()
    return int(np.searchsorted(sums[:-1], draw * sums[-1], side="right"))
