"""Folds: each in turn is held out for validation, while the network is trained on the others."""

from __future__ import annotations

import numpy as np

from hpsearch.data.arrays import Array, Dataset, Split, classes_of
from hpsearch.data.structure import named
from hpsearch.errors import DataError

SEED = 0  # all studies of some data have the same folds: their trials can be compared


def train_and_valid(dataset: Dataset, fold: int | None, n_folds: int | None) -> tuple[Split, Split]:
    """What a network is fitted on, and what it is measured on after each epoch.

    Args:
        dataset: The data.
        fold: Which fold to hold out, from 1; None for the data's own validation split.
        n_folds: Of the task.
    """
    if fold is None or n_folds is None:
        assert dataset.valid is not None  # `require_folds` has looked
        return dataset.train, dataset.valid
    is_held_out = fold_numbers(dataset, n_folds) == fold
    return dataset.train[~is_held_out], dataset.train[is_held_out]


def fold_numbers(dataset: Dataset, n_folds: int) -> Array:
    """The fold of each training example, from 1, of shape (n_examples,).

    Examples are shuffled, sorted by their labels and dealt out in turn, so that each fold has its
    share of each class, or of large and small numbers. With groups, the largest goes to the fold
    that has the fewest examples so far; if there are as many groups as folds, each is a fold.
    """
    if dataset.groups is None:
        n = len(dataset.train)
        shuffled = np.random.default_rng(SEED).permutation(n)
        columns = [
            column
            for labels in named(dataset.train.y).values()
            for column in labels[shuffled].reshape(n, -1).T
        ]
        numbers = np.empty(n, np.int64)
        numbers[shuffled[np.lexsort(columns[::-1])]] = np.arange(n) % n_folds + 1
        return numbers
    groups, group_of, sizes = np.unique(dataset.groups, return_inverse=True, return_counts=True)
    if len(groups) == n_folds:
        return group_of + 1
    fold_of_group, filled = np.empty(len(groups), np.int64), np.zeros(n_folds, np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        fold_of_group[group] = filled.argmin()
        filled[fold_of_group[group]] += sizes[group]
    return fold_of_group[group_of] + 1


def require_folds(dataset: Dataset, n_folds: int | None) -> None:
    """Refuse data that cannot be divided as a task says.

    Args:
        dataset: The data.
        n_folds: Of the task; None for a validation split.

    Raises:
        DataError: There is a validation split as well as folds, or neither; or a class or the
            groups are too few for so many folds.
    """
    if n_folds is None:
        if dataset.valid is None:
            raise DataError("the data have no valid split: give Dataset one, or the task folds=")
        if dataset.groups is not None:
            raise DataError("the data have groups=, which are for folds: give the task folds=")
        return
    if dataset.valid is not None:
        raise DataError(
            f"folds={n_folds} takes validation from the train split, but the data have a valid "
            "split: return Dataset(train, test=test), with all other examples in train"
        )
    if len(dataset.train) < n_folds:
        raise DataError(f"folds={n_folds} is more than the {len(dataset.train)} train examples")
    if dataset.groups is None:
        _require_divisible_classes(dataset, n_folds)
    else:
        _require_enough_groups(dataset, n_folds)


def _require_divisible_classes(dataset: Dataset, n_folds: int) -> None:
    for labels in named(dataset.train.y).values():
        if classes_of(labels) is None:
            continue
        classes, sizes = np.unique(labels, return_counts=True)
        if (smallest := sizes.min()) < n_folds:
            raise DataError(
                f"folds={n_folds} is more than the {smallest} examples of the class "
                f"{classes[sizes.argmin()]}: each fold needs one, so use fewer folds, or more data"
            )


def _require_enough_groups(dataset: Dataset, n_folds: int) -> None:
    groups = np.unique(np.asarray(dataset.groups))
    if len(groups) < n_folds:
        raise DataError(
            f"folds={n_folds} is more than the {len(groups)} groups of the data: use fewer folds"
        )
    numbers = fold_numbers(dataset, n_folds)
    for labels in named(dataset.train.y).values():
        for label in () if classes_of(labels) is None else np.unique(labels):
            if len(found := np.unique(numbers[labels == label])) == 1:
                raise DataError(
                    f"the class {label} is in fold {found[0]} alone, by its groups: with that fold "
                    "held out, nothing could be learned of it; use fewer folds, or other groups"
                )
