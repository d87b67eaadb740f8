"""As a user types it: a launcher that listens, agents with its file, and `show` after that."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

import hpsearch
from hpsearch.agents.agent import Agent
from hpsearch.agents.join import read_join
from hpsearch.processes.runner import LocalRunner
from tests.toy import write_toy
from tests.waiting import is_alive, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("measured")]

RUN = ["run", "toy.py", "--trials", "2", "--pruner", "none", "--set", "epochs=3"]
Begin = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def begin(cwd: Path) -> Iterator[Begin]:
    """`begin("said", "run", ...)` starts a command whose standard error goes into a file."""
    started = []

    def start(said: str, *command: str) -> subprocess.Popen[bytes]:
        with Path(said).open("wb") as file:
            process = subprocess.Popen([sys.executable, "-m", "hpsearch", *command], stderr=file)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_killed_launcher_takes_agents_and_trials_along_and_the_next_one_shows_where(
    cwd, begin, inside
):
    waits = f"""
        if epochs_done == 2 and not os.path.exists({str(cwd / "go")!r}):
            open(f"{cwd}/pid-{{os.getpid()}}", "w").close()
            time.sleep(1000)
        """
    write_toy(cwd, each_epoch=waits)
    launcher = begin("said", *RUN, "--on", "listen://127.0.0.1:0")
    wait_until(lambda: list(cwd.glob("hpsearch-*.join")))
    (path,) = cwd.glob("hpsearch-*.join")
    key = json.loads(path.read_text())["key"]
    agent = begin("agent", "agent", str(path), "--slots", "1", "--wait", "1s")
    wait_until(lambda: list(cwd.glob("pid-*")))
    pid = int(next(cwd.glob("pid-*")).name.removeprefix("pid-"))
    assert not any(key in word for one in (launcher, agent) for word in cmdline(one.pid))

    launcher.send_signal(signal.SIGKILL)

    assert agent.wait() == 4
    assert not is_alive(pid)
    assert "no launcher answered in 1 s" in Path("agent").read_text()
    (cwd / "go").touch()
    path.unlink()
    launcher = begin("said", *RUN, "--on", "listen://127.0.0.1:0")
    wait_until(lambda: list(cwd.glob("hpsearch-*.join")))
    (path,) = cwd.glob("hpsearch-*.join")
    key += json.loads(path.read_text())["key"]
    agent = begin("agent", "agent", str(path), "--slots", "2", "--apart")
    assert launcher.wait() == agent.wait() == 0
    assert "the launcher has ended" in Path("agent").read_text()
    assert not path.exists()

    said = Path("said").read_text()
    assert "trial 0 was interrupted: it continues" in said
    assert " joins with 2 slots; 2 slots in all" in said
    assert key[:64] not in said
    assert key[64:] not in said
    here = os.uname().nodename
    trial = json.loads(inside("show", "toy", "--trial", "0", "--json").stdout)
    assert trial["nodes"] == [here]
    assert trial["epochs"]["reused"] + trial["epochs"]["trained"] == 3
    assert f"ran on: {here}\n" in inside("show", "toy", "--trial", "0").stdout
    assert f"on {here}" in inside("show", "toy", "--csv").stdout
    assert inside("verify", "toy").returncode == 0


def test_who_has_no_join_file_is_told(inside):
    done = inside("agent", "nothing.join", "--wait", "1s")

    assert done.returncode == 4
    assert done.stderr.strip().endswith("no launcher answered in 1 s: its join file is not there")


def cmdline(pid: int) -> list[str]:
    return [word for one in psutil.Process(pid).cmdline() for word in one.split()]


def test_a_sweep_its_combination_and_an_evaluation_train_on_nodes_too(cwd, inside):
    """The model that is exported comes home."""
    write_toy(cwd, epochs=1, fields='factors={"level": [0.8], "peak": [1]},')
    listen = ["--on", "listen://127.0.0.1:0"]

    with joining(cwd, "lab7"):
        swept = inside("sweep", "toy.py", "--seeds", "1", "--study", "toy", *listen)
    assert swept.returncode == 0, swept.stderr
    assert "on the first node" in swept.stderr
    assert swept.stderr.count("node lab7 joins") == 1  # to be measured, and stays
    with joining(cwd, "lab9"):
        combined = inside("combine", "toy", *listen)
    assert combined.returncode == 0, combined.stderr
    assert "combined: level=0.8 peak=1" in combined.stdout
    with joining(cwd, "lab8"):
        done = inside("evaluate", "toy", "--top", "1", "--seeds", "1", *listen)
    assert done.returncode == 0, done.stderr
    assert "node lab8 joins" in done.stderr
    (model,) = cwd.glob("runs/models/*/opening-1/model.keras")
    assert model.stat().st_size > 1000
    trials = json.loads(inside("show", "toy", "--json").stdout)["trials"]
    nodes = {one["trial"]: one["nodes"] for one in trials}
    assert (nodes[1], nodes[3]) == (["lab7"], ["lab9"])


def test_a_search_from_python_trains_on_nodes_and_is_resumed_there(cwd, inside):
    write_toy(cwd)
    on = "listen://127.0.0.1:0"

    with joining(cwd, "lab7"):
        hpsearch.search("toy.py", trials=1, pruner="none", on=on)
    with joining(cwd, "lab8"):
        done = inside("resume", "toy", "--trials", "2", "--on", on)

    assert done.returncode == 0, done.stderr
    shown = json.loads(inside("show", "toy", "--json").stdout)
    nodes = {one["trial"]: one["nodes"] for one in shown["trials"] if one["read_off"] is None}
    assert nodes == {0: ["lab7"], 1: ["lab8"]}


@contextmanager
def joining(folder: Path, name: str) -> Iterator[None]:
    """An agent that joins the next launcher in a folder, and ends with it."""

    def join() -> None:
        wait_until(lambda: list(folder.glob("hpsearch-*.join")))
        (path,) = folder.glob("hpsearch-*.join")
        known = read_join(path.read_bytes(), "it")
        agent = Agent(2, LocalRunner(), None, [].append, node=name, may_share=False)
        agent.dial(lambda: known, 10)

    thread = threading.Thread(target=join)
    thread.start()
    yield
    thread.join()
