"""What Keras's own functions for data return, without Keras: for study files that were scripts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hpsearch.data.arrays import Array
from hpsearch.data.idx import read_idx
from hpsearch.data.imdb.reviews import open_reviews
from hpsearch.data.sources import File, Source
from hpsearch.data.texts import Texts
from hpsearch.data.words import UNKNOWN

Pair = tuple[Array, Array]
MIRROR = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
FASHION_MNIST = Source(
    "fashion-mnist",
    tuple(
        File(f"{name}-ubyte.gz", sha256, f"{MIRROR}{name}-ubyte.gz")
        for name, sha256 in {  # of the content: gzip headers differ between mirrors
            "train-images-idx3": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        }.items()
    ),
)
MNIST = Source(
    "mnist",
    (
        File(
            "mnist.npz",
            "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
            f"{MIRROR}mnist.npz",
        ),
    ),
)


def load_fashion_mnist(folder: Path) -> tuple[Pair, Pair]:
    """Fashion-MNIST as `keras.datasets.fashion_mnist.load_data()` returns it.

    Args:
        folder: It holds the files of `FASHION_MNIST`.

    Returns:
        Images, uint8 of shape (n, 28, 28), and labels, uint8 of shape (n,): 60,000 of each to
        train on, then 10,000 to test on.

    Raises:
        DataError: A file cannot be read, or is damaged.
    """

    def part(name: str) -> Pair:
        images = read_idx(folder / f"{name}-images-idx3-ubyte.gz")
        return images, read_idx(folder / f"{name}-labels-idx1-ubyte.gz")

    return part("train"), part("t10k")


def load_mnist(folder: Path) -> tuple[Pair, Pair]:
    """MNIST as `keras.datasets.mnist.load_data()` returns it, in the form of Fashion-MNIST.

    Args:
        folder: It holds `mnist.npz`.
    """
    with np.load(folder / "mnist.npz", allow_pickle=False) as arrays:
        return (
            (arrays["x_train"], arrays["y_train"]),
            (arrays["x_test"], arrays["y_test"]),
        )


def load_imdb(folder: Path, num_words: int | None = None) -> tuple[Pair, Pair]:
    """The film reviews as `keras.datasets.imdb.load_data(num_words)` returns them.

    The numbers are Keras's; the order of the reviews is hpsearch's, which is as random.

    Args:
        folder: It holds one of the sets of files of `IMDB`.
        num_words: Numbers from here on become 2, "unknown"; None keeps all.

    Returns:
        Reviews, each an array of whole numbers, and labels of shape (25000,): to train on,
        then to test on.

    Raises:
        DataError: As `open_reviews`.
    """
    reviews = open_reviews(folder)

    def part(texts: Texts) -> Pair:
        x = np.empty(len(texts), dtype=object)
        for i in range(len(texts)):
            known = texts[i] < (num_words or np.inf)
            x[i] = np.where(known, texts[i], UNKNOWN).astype(np.int64)
        return x, np.asarray(texts.labels)

    return part(reviews.train), part(reviews.test)


def to_categorical(labels: npt.ArrayLike, num_classes: int | None = None) -> Array:
    """One-hot rows, float32 of shape (n, classes), as `keras.utils.to_categorical` makes them."""
    numbers = np.asarray(labels, dtype=np.int64).ravel()
    rows: Array = np.eye(num_classes or int(numbers.max()) + 1, dtype=np.float32)[numbers]
    return rows


def pad_sequences(
    sequences: Sequence[Any] | Array,
    maxlen: int | None = None,
    dtype: str = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float = 0.0,
) -> Array:
    """Sequences of one length, as `keras.utils.pad_sequences` makes them.

    Args:
        sequences: Whole numbers, in rows of any lengths.
        maxlen: The length; None for the longest row's.
        dtype: Of the result.
        padding: Whether shorter rows are filled up at the front, `pre`, or the end, `post`.
        truncating: Whether longer rows are cut at the front or the end.
        value: Fills rows up.

    Returns:
        Shape (n, maxlen).
    """
    length = maxlen or max(map(len, sequences), default=0)
    x = np.full((len(sequences), length), value, dtype=dtype)
    for i, sequence in enumerate(sequences):
        kept = sequence[-length:] if truncating == "pre" else sequence[:length]
        if len(kept):
            place = slice(length - len(kept), None) if padding == "pre" else slice(len(kept))
            x[i, place] = kept
    return x
