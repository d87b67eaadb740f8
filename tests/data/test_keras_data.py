"""What Keras's functions for data return, without Keras."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.data import load_fashion_mnist, load_mnist, pad_sequences, to_categorical

ROWS = st.lists(st.lists(st.integers(1, 99), max_size=6), min_size=1, max_size=5)


@given(ROWS, st.integers(1, 7), st.sampled_from(["pre", "post"]), st.sampled_from(["pre", "post"]))
def test_sequences_are_padded_and_cut_as_keras_does(rows, length, padding, truncating):
    options = {"maxlen": length, "padding": padding, "truncating": truncating, "value": 7}

    expected = keras.utils.pad_sequences(rows, **options)

    assert np.array_equal(pad_sequences(rows, **options), expected)


def test_without_a_length_sequences_are_as_long_as_the_longest():
    assert pad_sequences([[1], [2, 3]]).tolist() == [[0, 1], [2, 3]]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=9), st.sampled_from([None, 6, 8]))
def test_labels_become_rows_as_in_keras(labels, n_classes):
    ours, theirs = to_categorical(labels, n_classes), keras.utils.to_categorical(labels, n_classes)

    assert np.array_equal(ours, theirs)


def test_mnist_is_read_from_its_file(tmp_path: Path):
    x, y = np.zeros((3, 28, 28), np.uint8), np.array([1, 2, 3], np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=x, y_train=y, x_test=x[:1], y_test=y[:1])

    (x_train, y_train), (x_test, y_test) = load_mnist(tmp_path)

    assert (x_train.shape, x_test.shape) == ((3, 28, 28), (1, 28, 28))
    assert (y_train.tolist(), y_test.tolist()) == ([1, 2, 3], [1])


def test_fashion_mnist_comes_as_keras_gives_it(real_data: Path):
    (x_train, y_train), (x_test, y_test) = load_fashion_mnist(real_data / "fashion-mnist")

    assert (x_train.shape, y_train.shape) == ((60_000, 28, 28), (60_000,))
    assert (x_test.shape, y_test.shape) == ((10_000, 28, 28), (10_000,))
