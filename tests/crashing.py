"""A study that crashes and goes on: what must hold after each crash, and in the end."""

from __future__ import annotations

import random
import re
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from hpsearch.failpoints import Step
from hpsearch.study.invariants import violations
from hpsearch.study.lock import trial_processes
from hpsearch.study.record import find_record, load_study
from hpsearch.study.storage import Storage, is_new
from hpsearch.study.summary import Summary, summarize
from hpsearch.study.trials import Outcome
from tests.toy import write_toy
from tests.toy_runner import Launcher, launchers

URL = "sqlite:///studies.db"
HITS = Path("hits")
PROMISE = re.compile(r"^trial (\d+) (finished|read off|pruned|diverged): (\S+)$", re.M)


@contextmanager
def folder_in_memory(parent: Path) -> Iterator[Path]:
    """A folder whose files need no disk: a killed process loses nothing of them either."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Crashing:
    """A toy study whose launchers crash, in the current folder.

    Args:
        storage: The URL of its storage.
        options: Of each launcher.
    """

    def __init__(self, storage: str = URL, **options: Any) -> None:
        self.storage = storage
        self.options = {"trials": 4, "slots": 1, "sampler": "random", **options}
        self.promised: dict[int, tuple[str, str]] = {}
        """What launchers have said of finished trials, by number."""
        self.n_crashes = 0
        write_toy(Path(), epochs=3, max_epochs=4)

    def start(
        self, failpoint: str | None = None, pace: str = "0", away: str = "900", **options: Any
    ) -> Launcher:
        """Start a launcher.

        Args:
            failpoint: As in the environment.
            pace: Seconds that an epoch takes.
            away: Seconds that it waits for its storage.
            options: Of this launcher only.
        """
        env = {"TOY_EPOCH_S": pace, "TOY_AWAY_S": away}
        if failpoint is not None:
            HITS.unlink(missing_ok=True)
            env |= {"HPSEARCH_TESTING": str(HITS), "HPSEARCH_FAILPOINT": failpoint}
        return launchers().start(env, storage=self.storage, **{**self.options, **options})

    def end(self, launcher: Launcher) -> int:
        """Wait for a launcher's end, and check what it leaves."""
        code, said = launcher.join()
        self.n_crashes += code != 0
        for number, outcome, value in PROMISE.findall(said):
            self.promised[int(number)] = outcome, value
        self.check()
        return code

    def check(self) -> Summary | None:
        """Whatever was said holds, and so do the invariants; None before there is a study."""
        if is_new(self.storage):
            return None
        storage = Storage(self.storage, read_only=True)
        try:
            if find_record(storage, "toy") is None:
                return None
            study, record = load_study(storage, "toy")
            assert violations(storage, study, record) == []
            summary = summarize(study, record)
        finally:
            storage.close()
        for number, (outcome, value) in self.promised.items():
            row = summary.rows[number]
            assert (row.outcome, repr(row.value)) == (outcome, value), f"trial {number} was lost"
        return summary

    def finish(self) -> Summary:
        """Resume until done: each trial of the budget counts once, and none is left."""
        code, said = self.start().join()
        assert code == 0, said
        summary = self.check()
        assert summary is not None
        assert summary.n_trials == self.options["trials"]
        assert not {Outcome.RUNNING, Outcome.WAITING} & {row.outcome for row in summary.rows}
        return summary


def essence(summary: Summary) -> list[tuple[object, ...]]:
    """What a study says, without times: the same whether or not it was interrupted."""
    return [
        (row.number, row.outcome, row.params, row.value, row.intermediate, row.promoted_from)
        for row in summary.rows
    ]


def walk(step: Step, first: int, stride: int, parent: Path, **options: Any) -> Iterator[Summary]:
    """Kill a search at a step, at its n-th hit for n = `first`, `first + stride`, ...

    Yields:
        The resumed study. The last search gets by with fewer hits.
    """
    n = first
    while True:
        with folder_in_memory(parent) as folder, chdir(folder):
            crashing = Crashing(**options)
            crashing.end(crashing.start(f"{step}:{n}:kill"))
            is_over = n_hits() < n
            yield crashing.finish()
        if is_over:
            return
        n += stride


@dataclass(frozen=True)
class Killed:
    """What `kill_until_done` has done."""

    launchers: int
    trials: int
    """Trial processes."""
    finished: int
    """Trials of the budget that were done in the end."""


def kill_until_done(
    seed: int, storage: str = URL, n_trials: int = 8, n_launchers: int = 1
) -> Killed:
    """Kill launchers and trial processes of a toy study at random moments, until it is done.

    A launcher that was killed is started again; the others, if there are any, go on.

    Args:
        seed: Of the dice.
        storage: The URL of a storage without a study `toy`.
        n_trials: The budget.
        n_launchers: How many work at a time; more than one need a PostgreSQL server.
    """
    dice = random.Random(seed)
    victims = ["launcher"] * (n_launchers + 1) + ["trial"] * 4
    dice.shuffle(victims)
    n_killed: Counter[str] = Counter()
    crashing = Crashing(
        storage,
        trials=n_trials,
        slots=2,
        pruner=dice.choice(["halving", "none"]),
        replicates=dice.choice(["auto", "none"]),
        retries=50,
    )
    running = [crashing.start(pace="0.05") for _ in range(n_launchers)]
    while victims and not all(launcher.has_ended_by_now for launcher in running):
        time.sleep(dice.uniform(0.0, 0.3))  # the moment of the kill is the dice's
        if victims[-1] == "launcher":
            place = dice.randrange(n_launchers)
            running[place].kill()
            assert crashing.end(running[place]) in {0, -signal.SIGKILL}
            running[place] = crashing.start(pace="0.05")
        elif not kill_a_trial(storage, dice):
            continue
        n_killed[victims.pop()] += 1
    for launcher in running:
        assert crashing.end(launcher) == 0
    return Killed(n_killed["launcher"], n_killed["trial"], crashing.finish().n_trials)


def kill_a_trial(storage: str, dice: random.Random) -> bool:
    """Kill a trial process, if there is any."""
    if is_new(storage):
        return False
    opened = Storage(storage, read_only=True)
    processes = trial_processes(opened, "toy")
    opened.close()
    if processes:
        with suppress(psutil.NoSuchProcess):  # it has just ended by itself
            dice.choice(processes).kill()
    return bool(processes)


def n_hits() -> int:
    """How often the failpoint was reached."""
    return HITS.stat().st_size if HITS.exists() else 0
