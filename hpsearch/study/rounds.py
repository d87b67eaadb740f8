"""Rounds: the trainings that a trial consists of, one for each fold and seed.

A plain trial has one round, of which nothing is stored but its curve. The value of a trial with
several is their mean, and after each round it is known for the rounds so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile
from statistics import stdev
from typing import Any

import msgspec

from hpsearch.errors import StorageError


@dataclass(frozen=True, kw_only=True)
class Round:
    """One training of a trial's network."""

    seed: int
    fold: int | None = None
    """Which fold is held out, from 1; None for a validation split."""
    curve: str | None = None
    """The name of its curve; None before it begins."""
    n_stored: int = 0
    """How many of its epochs the curve had before this trial."""
    value: float | None = None
    """The metric after its last epoch, once it has ended."""


def plan_rounds(folds: Iterable[int | None], seeds: Iterable[int]) -> list[Round]:
    """Each fold with the first seed, then with the next: folds differ more than seeds do."""
    folds = list(folds)
    return [Round(seed=seed, fold=fold) for seed in seeds for fold in folds]


def read_rounds(content: Sequence[Mapping[str, Any]]) -> tuple[Round, ...]:
    """Rounds as they are stored; what a newer hpsearch added is ignored.

    Raises:
        StorageError: They are damaged.
    """
    try:
        return msgspec.convert(content, tuple[Round, ...])
    except ValueError as error:
        raise StorageError(
            f"the rounds of a trial are damaged in the storage: {error}; restore the storage from "
            "a backup; nothing was changed"
        ) from error


def as_stored(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """What `read_rounds` reads."""
    return [asdict(one) for one in rounds]


def values_of(rounds: Iterable[Round]) -> list[float]:
    """The values of the rounds that have ended, which are the first ones."""
    ended = takewhile(lambda one: one.value is not None, rounds)
    return [one.value for one in ended if one.value is not None]


def spread_of(rounds: Sequence[Round]) -> float | None:
    """The standard deviation over rounds; None before two have ended."""
    values = values_of(rounds)
    return stdev(values) if len(values) > 1 else None


def describe_number(n: int, rounds: Sequence[Round]) -> str:
    """`5 folds`, `3 seeds`, or `15 rounds` where both differ."""
    noun = "rounds"
    if len({one.seed for one in rounds}) == 1:
        noun = "folds"
    elif rounds[0].fold is None:
        noun = "seeds"
    return f"{n} {noun}"


def name_round(one: Round, rounds: Sequence[Round]) -> str:
    """`fold 2`, `seed 7`, or `fold 2, seed 7`; empty for the only round of a trial."""
    parts = [] if one.fold is None else [f"fold {one.fold}"]
    if len({other.seed for other in rounds}) > 1:
        parts.append(f"seed {one.seed}")
    return ", ".join(parts)
