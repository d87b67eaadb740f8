"""Slots: work side by side in threads, each of which supervises a process."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

import joblib

Item = TypeVar("Item")
Result = TypeVar("Result")

LOOK_S = 0.2  # between two looks at how many slots there are


def threads_of(n_slots: int) -> int:
    """The threads that each slot's process may use of the machine's cores."""
    n_cores: int = joblib.cpu_count()
    return max(1, n_cores // n_slots)


NSlots = int | Callable[[], int]
"""How many slots there are, or a function that tells how many there are now."""


def now(n_slots: NSlots) -> int:
    """How many slots there are now."""
    return n_slots() if callable(n_slots) else n_slots


def in_slots(n_slots: NSlots, step: Callable[[int], bool]) -> None:
    """Work side by side until nothing is left to do.

    Slots are numbered from 1. When their number changes, new ones begin, and the last ones end
    after their step; there is always one.

    Args:
        n_slots: How many.
        step: Does one piece of work in a slot, and returns whether there may be more. An
            exception ends the work of all slots, and is raised.
    """
    is_over = threading.Event()
    errors: list[BaseException] = []
    threads: dict[int, threading.Thread] = {}

    def work(slot: int) -> None:
        try:
            while not is_over.is_set() and slot <= max(1, now(n_slots)):
                if not step(slot):
                    is_over.set()
        except BaseException as error:  # noqa: BLE001  # raised once all have stopped
            errors.append(error)
            is_over.set()

    try:
        while not is_over.is_set():
            for slot in range(1, max(1, now(n_slots)) + 1):
                if slot not in threads or not threads[slot].is_alive():
                    threads[slot] = threading.Thread(target=work, args=(slot,), daemon=True)
                    threads[slot].start()
            is_over.wait(LOOK_S)
    finally:
        is_over.set()
    for thread in threads.values():
        thread.join()
    if errors:
        raise errors[0]


def side_by_side(
    n_slots: NSlots, act: Callable[[Item], Result], items: Iterable[Item]
) -> list[Result]:
    """Apply `act` to each item, `n_slots` at a time; results in the order of the items."""
    left = deque(enumerate(items))
    results: dict[int, Result] = {}

    def step(_slot: int) -> bool:
        try:
            place, item = left.popleft()
        except IndexError:
            return False
        results[place] = act(item)
        return True

    in_slots(n_slots, step)
    return [results[place] for place in sorted(results)]
