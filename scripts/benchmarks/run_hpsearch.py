"""hpsearch on the short lab: a line of time and value per epoch."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.lab import data_folder, short_lab
from hpsearch.choices import PrunerName, SamplerName
from hpsearch.goal import Logs
from hpsearch.searching.launch import Options, run
from hpsearch.searching.view import View


class Recorder(View):
    """Prints each epoch."""

    def epoch_done(self, number: int, epoch: int, value: float, logs: Logs) -> None:
        """Print time and value."""
        print(json.dumps([time.time(), value]), flush=True)


def main() -> None:
    """Search until killed."""
    seed, folder = int(sys.argv[1]), Path(sys.argv[2])
    options = Options(
        storage=f"sqlite:///{folder}/studies.db",
        trials=10_000,
        seed=seed,
        data=data_folder(),
        sampler=SamplerName(sys.argv[3]) if len(sys.argv) > 3 else None,
        pruner=PrunerName(sys.argv[4]) if len(sys.argv) > 4 else None,
    )
    run(short_lab(folder).filename, options, Recorder())


if __name__ == "__main__":
    main()
