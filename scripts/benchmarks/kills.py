"""Crash toy searches: at random moments, and after each step that makes something durable.

    scripts/bench kills --seeds 300
    scripts/bench kills --seeds 0 --steps
    scripts/bench kills --seeds 0 --stories 100
    scripts/bench kills --seeds 30 --postgresql      two launchers at a time, on a server of its own

Prints what was killed, and stops with an error at the first trial lost or counted twice.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from hpsearch.failpoints import Step
from tests.crashing import (
    Crashing,
    Killed,
    essence,
    folder_in_memory,
    kill_until_done,
    walk,
)
from tests.postgres import serving
from tests.searching.test_states import Search


def main() -> None:
    """Kill, count, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=30, help="searches that are killed at random")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--steps", action="store_true", help="kill at each hit of each failpoint")
    parser.add_argument("--stories", type=int, default=0, help="of the state machine")
    parser.add_argument("--postgresql", action="store_true", help="two launchers at a time")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HPSEARCH_CACHE"] = scratch
        seeds = range(args.first, args.first + args.seeds)
        if args.postgresql:
            with serving() as server:
                kill_at_random(
                    Path(scratch),
                    seeds,
                    lambda seed: kill_until_done(
                        seed, server.url(server.new_database()), n_trials=12, n_launchers=2
                    ),
                )
        else:
            kill_at_random(Path(scratch), seeds, kill_until_done)
        if args.steps:
            kill_at_steps(Path(scratch))
        if args.stories:
            tell(args.stories)


def tell(n_stories: int) -> None:
    """Stories of `tests/searching/test_states.py`."""
    options = settings(max_examples=n_stories, stateful_step_count=50, deadline=None)
    run_state_machine_as_test(Search, settings=options)
    print(f"{n_stories} stories of up to 50 steps: 0 lost, 0 counted twice")


def kill_at_random(scratch: Path, seeds: range, kill: Callable[[int], Killed]) -> None:
    """Launchers and trial processes."""
    began_s, all_killed = time.monotonic(), list[Killed]()
    for seed in seeds:
        with folder_in_memory(scratch) as folder, chdir(folder):
            all_killed.append(kill(seed))
    print(
        f"{len(all_killed)} searches, {sum(one.finished for one in all_killed)} trials: killed "
        f"{sum(one.launchers for one in all_killed)} launchers and "
        f"{sum(one.trials for one in all_killed)} trial processes; 0 lost, 0 counted twice "
        f"({time.monotonic() - began_s:.0f} s)"
    )


def kill_at_steps(scratch: Path) -> None:
    """At the first, second, ... hit of each failpoint that a search has."""
    with folder_in_memory(scratch) as folder, chdir(folder):
        whole = essence(Crashing().finish())
    for step in (Step.STORED, Step.FILE_WRITTEN, Step.FILE_RENAMED):
        n = 0
        for summary in walk(step, 1, 1, scratch):
            assert essence(summary) == whole, (step, n + 1)
            n += 1
        print(f"{step}: killed at each of {n - 1} hits; all ended as if uninterrupted")


if __name__ == "__main__":
    main()
