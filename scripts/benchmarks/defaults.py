"""Compare samplers and pruners: hpsearch on the short lab, in turns."""

from __future__ import annotations

import argparse
import itertools
import statistics

from benchmarks.peers import best_at, run_tool


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
            runs[pair].append(run_tool("hpsearch", seed, args.minutes * 60, *pair))
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
