"""Splitting: nothing lost, nothing twice, classes in proportion, the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.data import Split, hold_out


def numbered(labels: list[int]) -> Split:
    return Split(np.arange(len(labels)), np.array(labels))


@given(st.lists(st.integers(0, 4), min_size=2, max_size=80), st.data())
def test_every_example_is_on_exactly_one_side_and_in_its_old_order(
    labels: list[int], data: st.DataObject
):
    n = data.draw(st.integers(1, len(labels) - 1))

    rest, taken = hold_out(numbered(labels), n, seed=0)

    assert len(taken) == n
    assert sorted([*rest.x, *taken.x]) == list(range(len(labels)))
    for side in (rest, taken):
        assert list(side.x) == sorted(side.x)
        assert [labels[i] for i in side.x] == list(side.y)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=80), st.data())
def test_each_class_keeps_its_share_to_within_one_example(labels: list[int], data: st.DataObject):
    n = data.draw(st.integers(1, len(labels) - 1))

    _, taken = hold_out(numbered(labels), n, seed=0)

    for label in set(labels):
        fair = labels.count(label) * n / len(labels)
        assert abs(list(taken.y).count(label) - fair) <= 1


def test_numbers_to_predict_are_taken_from_all_of_their_range():
    prices = np.random.default_rng(0).exponential(size=200)

    _, taken = hold_out(Split(np.arange(200), prices), 20, seed=0)

    lower, upper = np.quantile(prices, [0.5, 0.9])
    assert (taken.y < lower).sum() == 10
    assert (taken.y > upper).sum() == 2


def test_the_same_seed_takes_the_same_examples_and_another_seed_others():
    split = numbered([0, 1] * 50)

    first, again, other = (hold_out(split, 20, seed=seed)[1].x for seed in (1, 1, 2))

    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_which_examples_are_taken_never_changes_between_versions():
    _, taken = hold_out(numbered([0, 1, 2] * 4), 4, seed=0)

    assert taken.x.tolist() == [0, 1, 7, 11]


@pytest.mark.parametrize("n", [0, 3, 4, -1])
def test_both_sides_keep_an_example(n: int):
    with pytest.raises(ValueError, match=f"cannot hold out {n} of 3 examples"):
        hold_out(numbered([0, 1, 0]), n, seed=0)


@pytest.mark.parametrize("shape", [(6, 1), (6, 3)])
def test_labels_that_are_not_one_for_each_example_are_refused(shape: tuple[int, int]):
    split = Split(np.zeros((6, 2)), np.zeros(shape))

    with pytest.raises(ValueError, match=r"one label for each example, .* y.ravel\(\)"):
        hold_out(split, 2, seed=0)
