"""Splitting examples: once, and the same way on every machine."""

import numpy as np

from hpsearch.data.arrays import Split


def hold_out(split: Split, n: int, *, seed: int) -> tuple[Split, Split]:
    """Take `n` examples out of a split, in proportion to the classes.

    Args:
        split: Examples with one integer label each.
        n: How many to take out.
        seed: The same seed takes the same examples on every machine.

    Returns:
        The examples that stay and the `n` taken out, both in their old order.

    Raises:
        ValueError: One side would be empty, or the labels are not of shape (n,), one class
            each.
    """
    if split.y.ndim != 1:
        raise ValueError(
            f"hold_out takes one label for each example, not labels of shape {split.y.shape}: "
            "y.ravel() makes one of (n, 1), y.argmax(axis=1) of one-hot labels"
        )
    n_all = len(split.y)
    if not 0 < n < n_all:
        raise ValueError(f"cannot hold out {n} of {n_all} examples")
    shuffled = np.random.default_rng(seed).permutation(n_all)
    by_class = shuffled[np.argsort(split.y[shuffled], kind="stable")]
    # every (n_all / n)-th example, sorted by class: each class keeps its share
    taken = by_class[np.floor((np.arange(n) + 0.5) * n_all / n).astype(np.int64)]
    is_taken = np.zeros(n_all, dtype=bool)
    is_taken[taken] = True
    return split[~is_taken], split[is_taken]
