"""How many trials, slots and launchers bookkeeping can carry: toy trials without Keras.

    scripts/bench scale latency               asks, reports and tells by the size of the study
    scripts/bench scale slots --length 5 10   throughput of 2 to 64 slots, trials of 5 and 10 s
    scripts/bench scale memory                the launcher's memory over 1,000 trials
    scripts/bench scale launchers             1 to 4 launchers on one PostgreSQL server
    scripts/bench scale agents --slots 256    throughput of slots on 4 agents, by way of a socket

Each for SQLite, and for PostgreSQL where there is a server. A toy trial is a process that
sleeps for five epochs, reports each and keeps its curve: all but the training is real.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import optuna
import psutil
import sqlalchemy
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch.agents.engines import listening
from hpsearch.agents.join import Join
from hpsearch.agents.nodes import Nodes
from hpsearch.choices import PrunerName
from hpsearch.searching import attempt, schedule
from hpsearch.searching.launch import Options, run
from hpsearch.searching.view import View
from hpsearch.study.storage import Storage
from tests.postgres import PostgresServer, find_binaries, serving
from tests.toy_runner import ToyRunner

N_EPOCHS = 5
N_AGENTS = 4
NAMES = [f"x{i}" for i in range(5)]  # eight hyperparameters with the three of the score
TEXT = f'''"""Toy with eight hyperparameters."""
import numpy as np
from hpsearch import Dataset, Split, Task
from hpsearch.data import Source
def load(folder):
    x = np.zeros((60, 2), "float32")
    points = Split(x, np.arange(60) % 2)
    return Dataset(train=points, valid=points, test=points)
def space(trial):
    trial.suggest_float("level", 0.0, 1.0)
    trial.suggest_int("peak", 1, 5)
    trial.suggest_categorical("mode", ["sound"])
    for name in {NAMES}:
        trial.suggest_float(name, 0.0, 1.0)
def build(params): ...
TASK = Task(
    load=load, space=space, build=build, source=Source("toy"),
    metric="val_score", direction="maximize",
    baseline=dict(
        epochs={N_EPOCHS}, batch_size=20, level=0.5, peak=3, mode="sound",
        **dict.fromkeys({NAMES}, 0.5),
    ),
)
'''


class Clock:
    """Wall and processor time of calls, by what they are."""

    def __init__(self) -> None:
        self.wall: dict[str, list[float]] = defaultdict(list)
        self.processor: dict[str, list[float]] = defaultdict(list)
        self.n_statements = 0

    def timed(self, what: str, act: Callable[..., Any]) -> Callable[..., Any]:
        """`act`, whose calls are timed."""

        def call(*args: Any, **kwargs: Any) -> Any:
            wall, processor = time.perf_counter(), time.thread_time()
            try:
                return act(*args, **kwargs)
            finally:
                self.wall[what].append(time.perf_counter() - wall)
                self.processor[what].append(time.thread_time() - processor)

        return call

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Time what a search asks, reports and tells meanwhile."""
        make = schedule.make_sampler

        def make_timed(*args: Any, **kwargs: Any) -> optuna.samplers.BaseSampler:
            sampler = make(*args, **kwargs)
            for name in ("sample_relative", "sample_independent", "after_trial"):
                setattr(sampler, name, self.timed("sampler", getattr(sampler, name)))
            return sampler

        def count(*_: object) -> None:
            self.n_statements += 1

        searched = schedule.SampledSchedule
        places = [
            (schedule, "make_sampler", make_timed),
            (searched, "_ask", self.timed("ask", searched._ask)),
            (searched, "tell", self.timed("tell", searched.tell)),
            (attempt, "report", self.timed("report", attempt.report)),
        ]
        before = [(place, name, getattr(place, name)) for place, name, _ in places]
        sqlalchemy.event.listen(sqlalchemy.Engine, "after_cursor_execute", count)
        for place, name, timed in places:
            setattr(place, name, timed)
        try:
            yield
        finally:
            sqlalchemy.event.remove(sqlalchemy.Engine, "after_cursor_execute", count)
            for place, name, act in before:
                setattr(place, name, act)


def search(
    url: str,
    n_trials: int,
    slots: int,
    runner: ToyRunner,
    nodes: Nodes | None = None,
) -> float:
    """Run the study up to so many trials; seconds that takes."""
    options = Options(
        storage=url,
        trials=n_trials,
        slots=slots,
        pruner=PrunerName.NONE,
        runner=lambda say: runner,
        nodes=nodes,
    )
    began_s = time.perf_counter()
    run("toy.py", options, View())
    return time.perf_counter() - began_s


def fill(url: str, n_trials: int) -> None:
    """Add finished trials to the study until it has so many."""
    storage = Storage(url)
    study = optuna.load_study(study_name="toy", storage=storage.optuna)
    first = study.get_trials(deepcopy=False)[0]
    dice = random.Random(0)
    for number in range(len(study.get_trials(deepcopy=False)), n_trials):
        study.add_trial(_like(first, number, dice))
    storage.close()


def _like(first: FrozenTrial, number: int, dice: random.Random) -> FrozenTrial:
    params = {name: dice.random() for name in ("level", *NAMES)}
    params |= {"peak": dice.randint(1, 5), "mode": "sound"}
    values = {epoch: dice.random() for epoch in range(1, N_EPOCHS + 1)}
    return create_trial(
        state=TrialState.COMPLETE,
        value=values[N_EPOCHS],
        params=params,
        distributions=first.distributions,
        intermediate_values=values,
        user_attrs={**first.user_attrs, "curve": f"{number:032x}"},
    )


@contextmanager
def _new_folder() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path("toy.py").write_text(TEXT)
        yield


class Bench:
    """A storage of each kind, each with a study of one trial.

    Args:
        server: A PostgreSQL server, if there is one.
        runners: Start the toy trials, by the seconds of a trial.
        kinds: Of storages.
    """

    def __init__(
        self, server: PostgresServer | None, runners: dict[float, ToyRunner], kinds: list[str]
    ) -> None:
        self.server, self.runners, self.kinds = server, runners, kinds
        self.runner = next(iter(runners.values()))

    def storages(self) -> Iterator[tuple[str, str]]:
        """A name and the URL of a new storage of each kind, in a current folder of its own.

        In the same folder, a study would read its epochs off the curves of the last one.
        """
        if "sqlite" in self.kinds:
            with _new_folder():
                yield "SQLite", "sqlite:///studies.db"
        if "postgresql" in self.kinds and self.server is not None:
            with _new_folder():
                yield "PostgreSQL", self.server.url(self.server.new_database())

    def latency(self, sizes: list[int], n_timed: int = 20) -> None:
        """Milliseconds of an ask, a report and a tell, and what a whole trial costs."""
        print("| storage | trials | ask | of that, the sampler | report | tell ", end="")
        print("| a trial's bookkeeping | statements a trial |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for name, url in self.storages():
            search(url, 1, 1, self.runner)
            for size in sizes:
                fill(url, size)
                clock = Clock()
                with clock.watching():
                    search(url, size + n_timed, 1, self.runner)
                wall = {what: 1000 * median(times) for what, times in clock.wall.items()}
                sampler = 1000 * sum(clock.wall["sampler"]) / n_timed
                whole = sum(sum(clock.processor[one]) for one in ("ask", "report", "tell"))
                print(
                    f"| {name} | {size:,} | {wall['ask']:.0f} ms | {sampler:.0f} ms "
                    f"| {wall['report']:.1f} ms | {wall['tell']:.0f} ms "
                    f"| {1000 * whole / n_timed:.0f} ms of processor time "
                    f"| {clock.n_statements / n_timed:.0f} |",
                    flush=True,
                )

    def slots(
        self, numbers: list[int], lengths_s: list[float], n_before: int, n_rounds: int
    ) -> None:
        """Throughput as a share of what as many slots could do."""
        print("| storage | slots | seconds of a trial | trials a minute | of the ideal |")
        print("| --- | --- | --- | --- | --- |")
        for n_slots, length_s in itertools.product(numbers, lengths_s):
            for name, url in self.storages():
                runner = self.runners[length_s]
                search(url, 1, 1, runner)
                fill(url, n_before)
                n = n_rounds * n_slots
                took_s = search(url, n_before + n, n_slots, runner)
                print(
                    f"| {name} | {n_slots} | {length_s:g} | {60 * n / took_s:.0f} "
                    f"| {n_rounds * length_s / took_s:.0%} |",
                    flush=True,
                )

    def agents(self, numbers: list[int], length_s: float, n_rounds: int) -> None:
        """Throughput of slots on four agents of this machine."""
        print(
            f"| storage | agents | slots | trials a minute, of {length_s:g} s each | of the ideal |"
        )
        print("| --- | --- | --- | --- | --- |")
        for n_slots in numbers:
            for name, url in self.storages():
                search(url, 1, 1, self.runner)
                with ExitStack() as stack:
                    nodes = Nodes("no agents", lambda text: None)
                    join = stack.enter_context(listening("127.0.0.1", 0, nodes))
                    for _ in range(N_AGENTS):
                        stack.enter_context(agent(join, n_slots // N_AGENTS))
                    # all have joined once a trial of each slot has run
                    search(url, 1 + n_slots, 0, self.runner, nodes)
                    n = n_rounds * n_slots
                    took_s = search(url, 1 + n_slots + n, 0, self.runner, nodes)
                print(
                    f"| {name} | {N_AGENTS} | {n_slots} | {60 * n / took_s:.0f} "
                    f"| {n_rounds * length_s / took_s:.0%} |",
                    flush=True,
                )

    def memory(self, n_trials: int) -> None:
        """Resident memory of the launcher as trials pass."""
        process = psutil.Process()
        for name, url in self.storages():
            found: list[tuple[int, float]] = []
            for n in range(n_trials // 10, n_trials + 1, n_trials // 10):
                search(url, n, 4, self.runner)
                found.append((n, process.memory_info().rss / 2**20))
            print(name, ", ".join(f"{n}: {size:.0f} MiB" for n, size in found), flush=True)

    def launchers(self, n_slots: int, length_s: float, n_rounds: int) -> None:
        """Throughput of several launchers, each with as many slots."""
        assert self.server is not None, "no PostgreSQL server"
        print("| launchers | slots in all | trials a minute | of the ideal |")
        print("| --- | --- | --- | --- |")
        for n_launchers in (1, 2, 4):
            with _new_folder():
                took_s = self._together(n_launchers, n_slots, n_rounds)
            n = n_rounds * n_slots * n_launchers
            print(
                f"| {n_launchers} | {n_slots * n_launchers} | {60 * n / took_s:.0f} "
                f"| {n_rounds * length_s / took_s:.0%} |",
                flush=True,
            )

    def _together(self, n_launchers: int, n_slots: int, n_rounds: int) -> float:
        """Seconds that launchers take for so many trials of each slot."""
        assert self.server is not None
        url = self.server.url(self.server.new_database())
        search(url, 1, 1, self.runner)
        code = (
            "from benchmarks.scale import search; "
            "from tests.toy_runner import ToyRunner; runner = ToyRunner(); "
            f"print(search({url!r}, {1 + n_rounds * n_slots * n_launchers}, {n_slots}, runner))"
        )
        processes = [
            subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
            for _ in range(n_launchers)
        ]
        return max(float(one.communicate()[0]) for one in processes)


@contextmanager
def agent(join: Join, slots: int) -> Iterator[None]:
    """An agent in a process of its own, whose trials are toys."""
    code = f"""
from tests.toy_runner import ToyRunner
runner = ToyRunner()
from hpsearch.agents.agent import Agent
from hpsearch.agents.join import read_join
join = read_join({join.as_json()!r}, "")
Agent({slots}, runner, None, lambda text: None, may_share=False).dial(lambda: join, 60)
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Measure one thing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["latency", "slots", "memory", "launchers", "agents"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--slots", type=int, nargs="+", default=[2, 16, 64])
    parser.add_argument(
        "--length", type=float, nargs="+", default=[10.0], help="seconds of a trial"
    )
    kinds = ["sqlite", "postgresql"]
    parser.add_argument("--storage", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--before", type=int, default=1_000, help="trials in the study already")
    parser.add_argument("--rounds", type=int, default=10, help="trials of each slot")
    args = parser.parse_args()
    if args.what in {"latency", "memory"}:
        args.length = [0.0]
    runners = {}
    for length_s in args.length:
        os.environ["TOY_EPOCH_S"] = str(length_s / N_EPOCHS)
        runners[length_s] = ToyRunner()  # forks before there are threads
    assert threading.active_count() == 1
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["HPSEARCH_CACHE"] = str(folder / "cache")
        server = stack.enter_context(serving()) if find_binaries() else None
        bench = Bench(server, runners, args.storage)
        match args.what:
            case "latency":
                bench.latency(args.sizes)
            case "slots":
                bench.slots(args.slots, args.length, args.before, args.rounds)
            case "memory":
                bench.memory(1_000)
            case "agents":
                bench.agents(args.slots, args.length[0], args.rounds)
            case "launchers":
                bench.launchers(16, args.length[0], args.rounds)


if __name__ == "__main__":
    main()
