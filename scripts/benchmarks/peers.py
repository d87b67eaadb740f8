"""Best validation accuracy over time: hpsearch, KerasTuner Hyperband, plain Optuna.

Each runs alone on the machine for the same wall-clock time, imports included, on the
first lab's space with at most 27 epochs; the three take turns, seed by seed. What counts
is the best validation accuracy of any epoch of any trial so far.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.lab import data_folder

TOOLS = ("hpsearch", "kerastuner", "optuna")
THRESHOLDS = (0.88, 0.89, 0.895, 0.90)


def run_tool(tool: str, seed: int, seconds: float, *more: str) -> list[tuple[float, float]]:
    """Run a tool for some seconds, with extra command-line arguments.

    Returns:
        Seconds since the start and validation accuracy, for each epoch of any trial.
    """
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.time()
        process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.run_{tool}", str(seed), folder, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            env={**os.environ, "HPSEARCH_DATA": str(data_folder().resolve())},
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
    points = [json.loads(line) for line in output.splitlines() if line.startswith("[")]
    return [(at_s - began_s, value) for at_s, value in points if at_s - began_s <= seconds]


def best_at(points: list[tuple[float, float]], at_s: float) -> float:
    """The best value by then."""
    return max((value for moment, value in points if moment <= at_s), default=0.0)


def seconds_to(points: list[tuple[float, float]], value: float) -> float | None:
    """When a value was first reached."""
    return min((moment for moment, reached in points if reached >= value), default=None)


def main() -> None:
    """Run all tools with all seeds and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tools", nargs="+", default=TOOLS, choices=TOOLS)
    parser.add_argument("--output", type=Path, help="also write all points as JSON")
    args = parser.parse_args()
    runs: dict[str, list[list[tuple[float, float]]]] = {tool: [] for tool in args.tools}
    for seed in range(args.seeds):
        for tool in args.tools:
            runs[tool].append(run_tool(tool, seed, args.minutes * 60))
            points = runs[tool][-1]
            to = [seconds_to(points, value) for value in THRESHOLDS]
            print(
                f"{tool} seed {seed}: best {best_at(points, 1e9):.4f}, seconds to "
                f"{THRESHOLDS}: {[None if s is None else round(s) for s in to]}, "
                f"{len(points)} epochs",
                flush=True,
            )
            if args.output:
                args.output.write_text(json.dumps(runs))
    print("\nmedian of the best validation accuracy so far")
    moments = range(20, int(args.minutes * 60) + 1, 20)
    print("seconds    " + "".join(f"{tool:>12}" for tool in args.tools))
    for at_s in moments:
        medians = [statistics.median(best_at(p, at_s) for p in runs[t]) for t in args.tools]
        print(f"{at_s:7d}    " + "".join(f"{median:12.4f}" for median in medians))


if __name__ == "__main__":
    main()
