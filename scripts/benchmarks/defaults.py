"""Samplers and pruners against each other: hpsearch on the short lab, taking turns."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.lab import data_folder
from benchmarks.peers import best_at


def run_pair(sampler: str, pruner: str, seed: int, seconds: float) -> list[tuple[float, float]]:
    """Seconds since the start and validation accuracy, for each epoch of any trial."""
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.time()
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.run_hpsearch", str(seed), folder, sampler, pruner],
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
    return [(at_s - began_s, value) for at_s, value in map(json.loads, output.splitlines())]


def main() -> None:
    """Print the median of the best validation accuracy for each pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--samplers", nargs="+", default=["tpe", "random", "qmc"])
    parser.add_argument("--pruners", nargs="+", default=["halving", "hyperband", "median", "none"])
    args = parser.parse_args()
    pairs = list(itertools.product(args.samplers, args.pruners))
    runs: dict[tuple[str, str], list[list[tuple[float, float]]]] = {pair: [] for pair in pairs}
    for seed in range(args.seeds):
        for pair in pairs:
            runs[pair].append(run_pair(*pair, seed, args.minutes * 60))
            print(pair, seed, f"{best_at(runs[pair][-1], 1e9):.4f}", flush=True)
    end_s = args.minutes * 60
    for pair in pairs:
        halfway, end = (
            statistics.median(best_at(points, at_s) for points in runs[pair])
            for at_s in (end_s / 2, end_s)
        )
        print(f"{pair[0]:>8} {pair[1]:>10}: {halfway:.4f} halfway, {end:.4f} at the end")


if __name__ == "__main__":
    main()
