"""Folds: the same on every machine, with each class's share, and whole groups."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from hpsearch.data.arrays import Array, Dataset, Split, prepare
from hpsearch.data.folds import fold_numbers, require_folds, train_and_valid
from hpsearch.errors import DataError

TEST = Split(np.zeros((2, 1)), np.arange(2))


def dataset(labels: Array, groups: Array | None = None, valid: Split | None = None) -> Dataset:
    x = np.arange(len(labels), dtype="float32")[:, None]
    return Dataset(Split(x, labels), valid, TEST, groups=groups)


def test_each_fold_has_its_share_of_each_class():
    labels = np.repeat([0, 1, 2], [30, 11, 5])

    numbers = fold_numbers(dataset(labels), 5)

    for label, most in ((0, 6), (1, 3), (2, 1)):
        counts = np.bincount(numbers[labels == label], minlength=6)[1:]
        assert counts.max() == most
        assert counts.max() - counts.min() <= 1


def test_folds_are_the_same_on_every_machine():
    assert fold_numbers(dataset(np.arange(12) % 2), 3).tolist() == [
        3,
        3,
        1,
        2,
        2,
        3,
        1,
        2,
        3,
        1,
        2,
        1,
    ]


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(np.random.default_rng(0).normal(size=40), id="numbers"),
        pytest.param(np.random.default_rng(0).normal(size=(40, 1)), id="numbers in a column"),
    ],
)
def test_numbers_to_predict_are_spread_alike_over_folds(labels):
    numbers = fold_numbers(dataset(labels), 4)

    means = [labels[numbers == fold].mean() for fold in range(1, 5)]
    assert np.ptp(means) < 0.4


def test_one_hot_labels_are_classes_too():
    labels = np.arange(20) % 4

    one_hot = fold_numbers(dataset(np.eye(4)[labels]), 5)

    for label in range(4):
        assert sorted(one_hot[labels == label]) == [1, 2, 3, 4, 5]


def test_each_example_is_held_out_once_also_of_sparse_and_several_arrays():
    x = {"a": csr_array(np.eye(9, dtype="float32")), "b": np.arange(9)}
    data = Dataset(Split(x, np.arange(9) % 3, np.ones(9)), test=Split(x, np.arange(9), np.ones(9)))

    held_out = []
    for fold in (1, 2, 3):
        train, valid = train_and_valid(data, fold, 3)
        assert (len(train), len(valid)) == (6, 3)
        held_out += valid.x["b"].tolist()

    assert sorted(held_out) == list(range(9))


def test_a_split_that_is_not_there_is_refused_by_its_name():
    with pytest.raises(DataError, match="the data have no valid split, only train and test"):
        dataset(np.arange(6) % 2).named_split("valid")


def test_a_group_is_never_divided():
    groups = np.array(list("aaaaabbbccdde"))

    numbers = fold_numbers(dataset(np.arange(13) % 2, groups), 3)

    assert all(len(set(numbers[groups == group])) == 1 for group in "abcde")
    assert sorted(np.bincount(numbers)[1:]) == [4, 4, 5]


def test_as_many_groups_as_folds_are_given_folds():
    given = np.array([7, 7, 3, 3, 5, 5])

    assert fold_numbers(dataset(np.arange(6) % 2, given), 3).tolist() == [3, 3, 1, 1, 2, 2]


def test_groups_are_prepared_with_the_data_and_part_of_their_fingerprint(tmp_path):
    labels, groups = np.arange(6) % 2, np.array([7, 7, 3, 3, 5, 5])

    prepared = prepare(tmp_path / "cache", None, lambda: dataset(labels, groups))
    plain = prepare(tmp_path / "cache", None, lambda: dataset(labels))

    found = prepared.open()
    assert found.valid is None
    assert found.groups is not None
    assert found.groups.tolist() == groups.tolist()
    assert plain.open().groups is None
    assert plain.fingerprint != prepared.fingerprint


@pytest.mark.parametrize(
    ("groups", "what"),
    [
        (np.arange(5), r"groups has int64 of shape \(5,\) for 6 train examples"),
        (np.arange(6) / 2, "give a whole number or a text for each"),
    ],
)
def test_groups_that_are_not_one_for_each_example_are_refused(groups, what):
    with pytest.raises(DataError, match=what):
        dataset(np.arange(6) % 2, groups)


@pytest.mark.parametrize(
    ("data", "n_folds", "what"),
    [
        pytest.param(
            dataset(np.repeat([0, 1], [8, 3])), 4,
            "folds=4 is more than the 3 examples of the class 1", id="smallest class",
        ),
        pytest.param(
            dataset(np.arange(3) / 7), 4, "folds=4 is more than the 3 train examples", id="few",
        ),
        pytest.param(
            dataset(np.arange(6) % 2, np.array([1, 1, 1, 2, 2, 2])), 3,
            "folds=3 is more than the 2 groups", id="groups",
        ),
        pytest.param(
            dataset(np.array([0, 1, 0, 1, 0, 2, 0, 2]), np.array([1, 1, 2, 2, 3, 3, 3, 3])), 3,
            "the class 2 is in fold 3 alone", id="class in one group",
        ),
        pytest.param(
            dataset(np.arange(6) % 2, valid=TEST), 3, "but the data have a valid split", id="valid",
        ),
        pytest.param(dataset(np.arange(6) % 2), None, "have no valid split", id="neither"),
        pytest.param(
            dataset(np.arange(6) % 2, np.arange(6), TEST), None, "groups=, which are for folds",
            id="groups without folds",
        ),
    ],
)  # fmt: skip
def test_data_that_cannot_be_divided_are_refused(data, n_folds, what):
    with pytest.raises(DataError, match=what):
        require_folds(data, n_folds)
