"""Rungs of successive halving: the value of each curve after certain numbers of epochs.

Curves are compared after 1, 3, 9, 27, ... times the first rung. The best third of those that
reach a rung may continue: as the next one is three times as far, each rung gets the same time.
By the same rule, trials of several rounds are compared after each round, by the mean so far: the
best half after the first may continue, two thirds after the second, three quarters after the third.

A curve is placed when it reaches a rung, so asking costs a binary search, however many trials a
study has.

Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020,
algorithm 2 (asynchronous successive halving).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from hpsearch.goal import Goal

REDUCTION_FACTOR = 3
FAIR_START = 200
"""Updates of the weights after which trials may be compared, where there is time for so many.

Networks whose inputs are scaled from the start are ranked well earlier; moving averages, as in
BatchNormalization, take some 300 (figures: scripts/benchmarks/README.md, "The first rung").
"""


def choose_first_rung(n_examples: int, batch_size: int, *, max_epochs: int) -> int:
    """The epochs after which trials are first compared.

    Args:
        n_examples: In the training split.
        batch_size: The baseline's.
        max_epochs: Of the longest trials. Two rungs must come before their end, or `halving`
            has little to save.
    """
    updates_per_epoch = math.ceil(n_examples / batch_size)
    fair = math.ceil(FAIR_START / updates_per_epoch)
    return max(1, min(fair, max_epochs // REDUCTION_FACTOR**2))


class Mark(NamedTuple):
    """How far a trial has come; the further mark is the greater one."""

    rounds: int
    """That have ended."""
    epochs: int
    """Of the round under way."""


class Rungs:
    """The values of curves at each rung: some epochs into the first round, or the end of a round.

    Args:
        goal: Says which value is better.
        first: The first rung, in epochs.
    """

    def __init__(self, goal: Goal, first: int = 1) -> None:
        self.goal, self.first = goal, first
        self._values: dict[Mark, dict[str, float]] = defaultdict(dict)
        self._ranked: dict[Mark, list[tuple[float, str]]] = defaultdict(list)

    def last_rung(self, mark: Mark) -> Mark | None:
        """The highest rung that is at most `mark`; None before the first."""
        if mark.rounds > 0:
            return Mark(mark.rounds, 0)
        if mark.epochs < self.first:
            return None
        rung = self.first
        while rung * REDUCTION_FACTOR <= mark.epochs:
            rung *= REDUCTION_FACTOR
        return Mark(0, rung)

    def is_rung(self, mark: Mark) -> bool:
        """Whether curves are compared at `mark`."""
        return self.last_rung(mark) == mark

    def place(self, curve: str, mark: Mark, value: float) -> None:
        """Record a curve's value; ignored if `mark` is no rung or the curve is already there."""
        if not self.is_rung(mark) or curve in self._values[mark]:
            return
        self._values[mark][curve] = value
        insort(self._ranked[mark], (self.goal.key(value), curve))

    def may_go_on(self, curve: str, rung: Mark, *, n_at_least: int = 0) -> bool:
        """Whether a curve is among the best of a rung it was placed on.

        Args:
            curve: Its name.
            rung: Where it was placed.
            n_at_least: This many continue, even if their share is fewer.
        """
        value = self._values[rung].get(curve)
        if value is None:
            return False
        rank = bisect_left(self._ranked[rung], (self.goal.key(value), curve))
        return rank < self._n_kept(rung, n_at_least)

    def best_curves(self, *, n_at_least: int = 0) -> Sequence[tuple[Mark, str]]:
        """Rung and name of all curves that may continue: highest rung first, then best."""
        return [
            (rung, curve)
            for rung in sorted(self._ranked, reverse=True)
            for _, curve in self._ranked[rung][: self._n_kept(rung, n_at_least)]
        ]

    def _n_kept(self, rung: Mark, n_at_least: int) -> int:
        n = len(self._ranked[rung])
        # rung / next rung of them, so that all rungs get the same time
        share = n * rung.rounds // (rung.rounds + 1) if rung.rounds else n // REDUCTION_FACTOR
        return max(share, n_at_least)
