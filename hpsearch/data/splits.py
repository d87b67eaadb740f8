"""Splitting examples: once, and the same way on every machine."""

import numpy as np

from hpsearch.data.arrays import Array, Split


def hold_out(split: Split, n: int, *, seed: int, by: Array | None = None) -> tuple[Split, Split]:
    """Take `n` examples out of a split, in proportion to the classes.

    Where labels are numbers to predict, those taken out spread over all of their range alike.

    Args:
        split: Examples with one label each.
        n: How many to take out.
        seed: The same seed takes the same examples on every machine.
        by: The classes, of shape (n_examples,), where they are not `split.y`: those of one of
            several outputs, say.

    Returns:
        The examples that stay and the `n` taken out, both in their old order.

    Raises:
        ValueError: One side would be empty, or the labels are not of shape (n,), one class
            each.
    """
    labels = split.y if by is None else by
    if isinstance(labels, dict | tuple):
        raise ValueError(
            "hold_out takes one label for each example, and y has several: name those whose "
            "classes should keep their shares, as in by=split.y['kind']"
        )
    if len(labels) != len(split):
        raise ValueError(f"by= has {len(labels)} labels for {len(split)} examples: give each one")
    if labels.ndim != 1:
        raise ValueError(
            f"hold_out takes one label for each example, not labels of shape {labels.shape}: "
            "y.ravel() makes one of (n, 1), y.argmax(axis=1) of one-hot labels"
        )
    n_all = len(split)
    if not 0 < n < n_all:
        raise ValueError(f"cannot hold out {n} of {n_all} examples")
    shuffled = np.random.default_rng(seed).permutation(n_all)
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    # every (n_all / n)-th example, sorted by class: each class keeps its share
    taken = by_class[np.floor((np.arange(n) + 0.5) * n_all / n).astype(np.int64)]
    is_taken = np.zeros(n_all, dtype=bool)
    is_taken[taken] = True
    return split[~is_taken], split[is_taken]
