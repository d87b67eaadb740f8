"""Slots: work side by side in threads, each of which supervises a process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import joblib

Item = TypeVar("Item")
Result = TypeVar("Result")


def threads_of(n_slots: int) -> int:
    """The threads that each slot's process may use of the machine's cores."""
    n_cores: int = joblib.cpu_count()
    return max(1, n_cores // n_slots)


def side_by_side(
    n_slots: int, act: Callable[[Item], Result], items: Iterable[Item]
) -> list[Result]:
    """Apply `act` to each item, `n_slots` at a time; results in the order of the items."""
    with joblib.parallel_config(backend="threading"):
        results = joblib.Parallel(n_jobs=n_slots)(joblib.delayed(act)(item) for item in items)
    return list(results)
