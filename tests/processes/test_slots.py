"""Slots: as many at a time as told, and as many as there are cores where nothing is told."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from hpsearch.processes.slots import in_slots, side_by_side
from tests.toy import write_toy
from tests.waiting import HANG_S


def test_results_are_in_the_order_of_the_items():
    assert side_by_side(3, lambda n: n * n, range(10)) == [n * n for n in range(10)]


def test_two_slots_work_at_the_same_time():
    both = threading.Barrier(2, timeout=HANG_S)

    side_by_side(2, lambda _n: both.wait(), range(2))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_launcher_that_may_use_one_core_has_one_slot(cwd):
    """As under `taskset`, or in a container with one core of a large machine."""
    write_toy(cwd)
    core = min(os.sched_getaffinity(0))

    done = subprocess.run(
        [sys.executable, "-m", "hpsearch", "run", "toy.py", "--trials", "1"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509
        check=False,
    )

    assert "0 of 1 trials done, 1 side by side" in done.stderr


def test_slots_begin_and_end_with_their_number():
    """A node that joins brings slots, and takes them away."""
    n_slots, seen = 1, set()
    both = threading.Event()

    def step(slot: int) -> bool:
        nonlocal n_slots
        seen.add(slot)
        if slot == 1:
            n_slots = 2
            return not both.wait(HANG_S)
        n_slots = 1
        both.set()
        return True

    in_slots(lambda: n_slots, step)

    assert seen == {1, 2}


def test_an_error_in_a_slot_ends_the_others_and_is_raised():
    def step(slot: int) -> bool:
        if slot == 2:
            raise ValueError("in the second")
        return True

    with pytest.raises(ValueError, match="in the second"):
        in_slots(2, step)
