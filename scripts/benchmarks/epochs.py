"""Seconds per epoch: trials in all slots against a bare model.fit with the whole machine.

Both train a lab's baseline network, the bare one as in the lab's text. They take turns. A
slot's epoch is the time from one report to the next, so it includes the checkpoint and the
wait for the verdict. Tracing and compiling happen once per trial: the first epoch's extra
time is shown separately, and the ratio over whole trials of the lab's own length includes
it. The matrix products' arithmetic, at one core's peak speed, shows how much of an epoch
cannot be saved.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from joblib import cpu_count

from benchmarks.lab import data_folder
from hpsearch.data import Dataset
from hpsearch.data.arrays import is_sparse
from hpsearch.messages import EpochDone, Job, Verdict
from hpsearch.processes.runner import LocalRunner
from hpsearch.processes.slots import side_by_side
from hpsearch.processes.supervisor import How, Limits, supervise
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import StudyFile, read_study_file

BATCH_SIZES = {"fashion_mnist": (50, 200)}


@dataclass(frozen=True)
class Cost:
    """What training costs, measured from outside."""

    epoch_s: float
    """The median epoch after the first."""
    once_s: float
    """The first epoch's extra time."""
    peak: int
    """Bytes of resident memory."""

    def trial_s(self, epochs: int) -> float:
        """A whole trial, without starting its process."""
        return self.once_s + epochs * self.epoch_s


def cost(moments: list[float], peak: int) -> Cost:
    """Compute the cost from the times of the start and of each epoch's end."""
    gaps = [after - before for before, after in zip(moments, moments[1:], strict=False)]
    epoch_s = statistics.median(gaps[1:])
    return Cost(epoch_s, max(0.0, gaps[0] - epoch_s), peak)


def bare(task: str, batch_size: int, n_epochs: int) -> Cost:
    """Run model.fit in a process with all cores."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bare", task, str(batch_size), str(n_epochs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    words = [line.split() for line in done.stdout.splitlines()]
    (peak,) = (int(value) for name, value in words if name == "peak")
    return cost([float(value) for name, value in words if name == "at"], peak)


def in_slots(
    runner: LocalRunner, study_file: StudyFile, batch_size: int, n_epochs: int, n_slots: int
) -> list[Cost]:
    """Run trials in parallel, one thread each."""
    prepared = prepare_data(study_file, data_folder())

    def train(slot: int) -> Cost:
        moments = [time.monotonic()]
        peaks = [0]
        name = f"bench-{os.getpid()}-{slot}"[:15]

        def answer(_message: EpochDone) -> Verdict:
            moments.append(time.monotonic())
            for process in psutil.process_iter(["name"]):
                if process.info["name"] == name:
                    peaks.append(_peak(process))
            return Verdict.GO_ON

        params = {**study_file.task.baseline, "batch_size": batch_size, "epochs": n_epochs}
        with tempfile.TemporaryDirectory() as folder:
            job = Job(
                study_file=study_file.text,
                study_file_name=study_file.filename,
                params=params,
                seed=slot,
                data=str(prepared.folder),
                curve=str(Path(folder) / "curve"),
                process_name=name,
            )
            ending = supervise(runner, job, answer=answer, limits=Limits())
        assert ending.how is How.FINISHED, ending
        return cost(moments, max(peaks))

    return side_by_side(n_slots, train, range(n_slots))


def _peak(process: psutil.Process) -> int:
    """A process's peak resident memory, in bytes."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return process.memory_info().rss


def matrix_product_speed() -> float:
    """One core's peak speed: multiply-adds per second of a float32 matrix product."""
    a = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    seconds = []
    for _ in range(5):
        began_s = time.process_time()
        a @ a
        seconds.append(time.process_time() - began_s)
    return 1024**3 / min(seconds)


def multiply_adds(task: str, data: Dataset) -> float:
    """Count those of a baseline's matrix products in an epoch, validation included.

    Per time step, a weight is used once forward and twice backward; once backward if the
    layer before it has nothing to learn.
    """
    known_words = data.train.x.nnz / len(data.train) if is_sparse(data.train.x) else 0
    first, rest, steps = {
        "fashion_mnist": (784 * 800, 800 * 10, 1),
        "imdb_mlp": (known_words * 16, 16 * 16 + 16, 1),
        "imdb_lstm": (0, (32 + 100) * 400, 80),
        "imdb_lstm_regularized": (0, (128 + 64) * 256, 80),
        "alice_chars": (42 * 512, 128 * 512, 10),
    }[task]
    forward = (first + rest) * steps
    return len(data.train) * (forward * 3 - first * steps) + len(data.valid) * forward


def main() -> None:
    """Print costs and ratios for each lab."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=["fashion_mnist"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    n_slots = cpu_count()
    runner = LocalRunner()
    speed = matrix_product_speed()
    print(f"one core's matrix product: {speed / 1e9:.1f} G multiply-adds/s")
    for task in args.tasks:
        study_file = read_study_file(task)
        arithmetic = multiply_adds(task, prepare_data(study_file, data_folder()).open())
        baseline = study_file.task.baseline
        for batch_size in BATCH_SIZES.get(task, (baseline["batch_size"],)):
            epochs_ratios, trials_ratios, shares = [], [], []
            for _ in range(args.rounds):
                alone = bare(task, batch_size, args.epochs)
                ours = in_slots(runner, study_file, batch_size, args.epochs, n_slots)
                epoch_s = statistics.median(slot.epoch_s for slot in ours)
                once_s = statistics.median(slot.once_s for slot in ours)
                lab_s = epoch_s * baseline["epochs"] + once_s
                epochs_ratios.append(n_slots * alone.epoch_s / epoch_s)
                shares.append(100 * arithmetic / speed / epoch_s)
                trials_ratios.append(n_slots * alone.trial_s(baseline["epochs"]) / lab_s)
                print(
                    f"{task}, batch {batch_size}: model.fit {alone.epoch_s:.2f} s/epoch "
                    f"+ {alone.once_s:.1f} s once, {alone.peak / 2**20:.0f} MiB; "
                    f"{n_slots} slots {epoch_s:.2f} s/epoch each + {once_s:.1f} s once, "
                    f"{max(slot.peak for slot in ours) / 2**20:.0f} MiB each",
                    flush=True,
                )
            print(
                f"{task}, batch {batch_size}: {_ratio(epochs_ratios)} times the epochs per hour; "
                f"{_ratio(trials_ratios)} times the trials of {baseline['epochs']} epochs "
                f"({args.rounds} rounds); {arithmetic / 1e9:.2g} G multiply-adds per epoch would "
                f"take {statistics.median(shares):.1f} % of a slot's time at full speed",
                flush=True,
            )


def _ratio(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    main()
