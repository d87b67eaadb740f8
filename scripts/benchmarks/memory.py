"""Resident memory over 100 trials: of the launcher and of each trial process."""

from __future__ import annotations

import statistics
import tempfile
import threading

import psutil

from hpsearch.choices import PrunerName, SamplerName
from hpsearch.searching.launch import Options, run
from hpsearch.searching.view import View
from hpsearch.study.configurations import Configuration
from hpsearch.study.trials import TrialRow

N_TRIALS = 100
MIB = 2**20


class Scale(View):
    """Weighs the launcher after each trial, and trial processes while they run."""

    def __init__(self) -> None:
        self.launcher: list[int] = []
        self.largest: list[int] = []
        self.done = threading.Event()
        self.peak = 0

    def trial_ended(self, row: TrialRow, best: Configuration | None) -> None:
        """Note the launcher's size and the largest trial process since the last trial."""
        self.launcher.append(psutil.Process().memory_info().rss)
        self.largest.append(self.peak)
        self.peak = 0

    def watch(self) -> None:
        """Weigh trial processes until the search is done."""
        while not self.done.wait(0.05):
            for child in psutil.Process().children(recursive=True):
                try:
                    if child.name().startswith("hps-"):
                        self.peak = max(self.peak, child.memory_info().rss)
                except psutil.Error:
                    pass


def main() -> None:
    """Search digits for 100 trials and print early and late sizes."""
    scale = Scale()
    watcher = threading.Thread(target=scale.watch)
    watcher.start()
    with tempfile.TemporaryDirectory() as folder:
        options = Options(
            storage=f"sqlite:///{folder}/s.db",
            trials=N_TRIALS,
            sampler=SamplerName.RANDOM,
            pruner=PrunerName.NONE,
            fixed={"epochs": "5"},
        )
        run("digits", options, scale)
    scale.done.set()
    watcher.join()
    for what, sizes in (("launcher", scale.launcher), ("largest trial process", scale.largest)):
        weighed = [size for size in sizes if size]
        first, last = statistics.median(weighed[5:15]), statistics.median(weighed[-10:])
        print(
            f"{what}: {first / MIB:.0f} MiB over trials 5 to 15, {last / MIB:.0f} MiB over the "
            f"last 10 of {N_TRIALS}, ratio {last / first:.3f}"
        )


if __name__ == "__main__":
    main()
