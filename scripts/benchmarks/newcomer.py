"""How long a newcomer waits: from a CSV file to a first result, with what `init` writes."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from sklearn.datasets import load_iris

ROUNDS = 5
COMMANDS = (
    ["init", "flowers"],
    ["check", "flowers.py"],
    ["run", "flowers.py", "--trials", "6"],
)


def main() -> None:
    """Print the seconds until each milestone: the median over rounds, and their range."""
    waited: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for milestone, seconds in measure().items():
            waited.setdefault(milestone, []).append(seconds)
    for milestone, seconds in waited.items():
        print(
            f"{milestone:24} {median(seconds):5.1f} s ({min(seconds):.1f} to {max(seconds):.1f}, "
            f"{ROUNDS} rounds)"
        )


def measure() -> dict[str, float]:
    """Seconds from the first command on, in an empty folder with an empty cache."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder / "flowers.csv")
        environment = {**os.environ, "HPSEARCH_CACHE": str(folder / "cache")}
        began_s = time.monotonic()
        reached: dict[str, float] = {}
        for arguments in COMMANDS:
            process = subprocess.Popen(
                [sys.executable, "-m", "hpsearch", *arguments],
                cwd=folder,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("trial 0 "):
                    reached["the first trial"] = time.monotonic() - began_s
            if process.wait():
                raise SystemExit(f"hpsearch {arguments[0]} failed")
            reached[f"{arguments[0]} has ended"] = time.monotonic() - began_s
        return reached


def write_table(path: Path) -> None:
    """150 flowers, with the columns that the template reads."""
    iris = load_iris()
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["sepal length", "sepal width", "petal length", "petal width", "species"])
        for numbers, kind in zip(iris.data, iris.target, strict=True):
            table.writerow([*numbers, iris.target_names[kind]])


if __name__ == "__main__":
    main()
