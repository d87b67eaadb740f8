"""Seconds an epoch: trials in all slots against a bare model.fit that has the machine.

Both train the first lab's baseline network, the bare one as the lab's text has it. They
take turns. A slot's epoch is the time from one report to the next, so it includes the
checkpoint and the wait for the verdict.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.lab import data_folder
from hpsearch.engine.slots import side_by_side
from hpsearch.engine.supervisor import How, Limits, ProcessServer, supervise
from hpsearch.engine.task_data import prepare_data
from hpsearch.messages import EpochDone, Job, Verdict
from hpsearch.study_file import read_study_file

BARE = """
import sys, time
import keras
from benchmarks.plain import load, network
x, y, x_valid, y_valid = load()
model = network([800], "relu", "sgd", 0.01, 0.0)
class Clock(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print("at", time.monotonic(), flush=True)
model.fit(x, y, batch_size=int(sys.argv[1]), epochs=int(sys.argv[2]),
          validation_data=(x_valid, y_valid), callbacks=[Clock()], verbose=0)
"""


def gaps(moments: list[float]) -> list[float]:
    """Seconds between moments: the epochs after the first."""
    return [after - before for before, after in zip(moments, moments[1:], strict=False)]


def bare(batch_size: int, n_epochs: int) -> list[float]:
    """Epochs of model.fit in a process with all cores."""
    done = subprocess.run(
        [sys.executable, "-c", BARE, str(batch_size), str(n_epochs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return gaps([float(line.split()[1]) for line in done.stdout.splitlines()])


def in_slots(server: ProcessServer, n_slots: int, batch_size: int, n_epochs: int) -> list[float]:
    """Epochs of trials that run side by side, one thread each."""
    study_file = read_study_file("fashion_mnist")
    prepared = prepare_data(study_file, data_folder())

    def train(slot: int) -> list[float]:
        moments: list[float] = []

        def answer(_message: EpochDone) -> Verdict:
            moments.append(time.monotonic())
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
            )
            ending = supervise(server, job, answer=answer, limits=Limits())
        assert ending.how is How.FINISHED, ending
        return gaps(moments)

    return [gap for slot in side_by_side(n_slots, train, range(n_slots)) for gap in slot]


def main() -> None:
    """Print the medians and their ratio for each batch size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    n_slots = os.cpu_count() or 1
    server = ProcessServer()
    for batch_size in (50, 200):
        ratios = []
        for _ in range(args.rounds):
            alone = statistics.median(bare(batch_size, args.epochs))
            ours = statistics.median(in_slots(server, n_slots, batch_size, args.epochs))
            ratios.append(n_slots * alone / ours)
            print(
                f"batch {batch_size}: model.fit {alone:.2f} s/epoch, {n_slots} slots "
                f"{ours:.2f} s/epoch each: {ratios[-1]:.2f} times the epochs an hour",
                flush=True,
            )
        print(
            f"batch {batch_size}: median ratio {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}, {args.rounds} rounds)",
            flush=True,
        )


if __name__ == "__main__":
    main()
