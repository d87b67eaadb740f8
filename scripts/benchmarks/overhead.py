"""How much of a trial's time is not training, and where it goes; one slot, idle machine."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.lab import data_folder
from hpsearch.choices import PrunerName
from hpsearch.messages import EpochDone, Job, Verdict
from hpsearch.processes.runner import LocalRunner
from hpsearch.processes.supervisor import Limits, supervise
from hpsearch.searching.launch import Options, run
from hpsearch.searching.view import View
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from hpsearch.task import Params

NOTHING = "def load(folder): pass\nTASK = None\n"  # refused at once, so only start-up is timed


def start_up(runner: LocalRunner) -> float:
    """Seconds from requesting a process to its first message."""
    job = Job(study_file=NOTHING, study_file_name="x.py", params={}, seed=0, data="", curve="")
    began_s = time.monotonic()
    supervise(runner, job, answer=lambda _: Verdict.GO_ON, limits=Limits())
    return time.monotonic() - began_s


def inside(runner: LocalRunner, name: str, params: Params) -> dict[str, float]:
    """Where a trial process spends its time."""
    study_file = read_study_file(name)
    data = prepare_data(study_file, data_folder())
    moments, trained = [time.monotonic()], []

    def answer(message: EpochDone) -> Verdict:
        moments.append(time.monotonic())
        trained.append(message.logs["seconds"])
        return Verdict.GO_ON

    with tempfile.TemporaryDirectory() as folder:
        job = Job(
            study_file=study_file.text,
            study_file_name=study_file.filename,
            params=params,
            seed=0,
            data=str(data.folder),
            curve=str(Path(folder) / "curve"),
        )
        supervise(runner, job, answer=answer, limits=Limits())
    ended_s = time.monotonic()
    between = [
        after - before - seconds
        for before, after, seconds in zip(moments[1:], moments[2:], trained[1:], strict=False)
    ]
    return {
        "start, open data, build": moments[1] - moments[0] - trained[0],
        "checkpoint and verdict, each epoch": statistics.median(between),
        "end of the process": ended_s - moments[-1],
        "first epoch's extra (tracing; counted as training)": trained[0]
        - statistics.median(trained[1:]),
    }


def whole(name: str, n_trials: int, fixed: dict[str, str]) -> tuple[list[float], list[float]]:
    """Wall-clock and training seconds of each trial of a search in one slot."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/studies.db"
        began_s = [time.monotonic()]

        class Clock(View):
            def trial_started(self, number: int, params: Params, epochs: int) -> None:
                began_s.append(time.monotonic())

        options = Options(
            storage=url,
            trials=n_trials,
            slots=1,
            data=data_folder(),
            fixed=fixed,
            pruner=PrunerName.NONE,
        )
        run(name, options, Clock())
        began_s.append(time.monotonic())
        storage = Storage(url, read_only=True)
        study, _ = load_study(storage, name)
        from hpsearch.curves.curve import Curve

        seconds = []
        for trial in study.trials:
            if "read_off" not in trial.user_attrs:
                curve = Curve(storage.folder / "curves" / trial.user_attrs["curve"])
                seconds.append(sum(logs["seconds"] for logs in curve.logs))
    walls = [after - before for before, after in zip(began_s[1:], began_s[2:], strict=False)]
    return walls[1:], seconds[1:]  # the first waits for the server


def main() -> None:
    """Print the overhead on both tasks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=8)
    args = parser.parse_args()
    runner = LocalRunner()
    start_up(runner)
    starts = [start_up(runner) for _ in range(20)]
    print(
        f"start-up of a process: median {statistics.median(starts) * 1000:.0f} ms of 20, "
        f"largest {max(starts) * 1000:.0f} ms"
    )
    for name, epochs in (("digits", 10), ("fashion_mnist", 10)):
        params = {**read_study_file(name).task.baseline, "epochs": epochs}
        parts = [inside(runner, name, params) for _ in range(3)]
        print(f"{name}, {epochs} epochs of the baseline, medians of 3:")
        for what in parts[0]:
            seconds = statistics.median(part[what] for part in parts)
            print(f"  {what}: {seconds * 1000:.0f} ms")
    for name, n_trials, fixed in (
        ("digits", args.trials, {"epochs": "10"}),
        ("fashion_mnist", 4, {"epochs": "10", "layers": "1", "batch_size": "200"}),
    ):
        walls, seconds = whole(name, n_trials, fixed)
        extra = [wall - trained for wall, trained in zip(walls, seconds, strict=True)]
        share = 100 * sum(extra) / sum(walls)
        print(
            f"{name}, {len(walls)} trials of 10 epochs, ask to next ask: "
            f"{statistics.median(extra):.2f} s a trial are not training, {share:.1f} % of the time"
        )


if __name__ == "__main__":
    main()
