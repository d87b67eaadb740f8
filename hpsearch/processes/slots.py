"""Slots: work side by side in threads, each of which supervises a process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import joblib

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    n_slots: int, act: Callable[[Item], Result], items: Iterable[Item]
) -> list[Result]:
    """Apply `act` to each item, `n_slots` at a time; results in the order of the items."""
    with joblib.parallel_config(backend="threading"):
        results = joblib.Parallel(n_jobs=n_slots)(joblib.delayed(act)(item) for item in items)
    return list(results)
