"""Several hosts, on which agents run: silence, partitions, a slow link, a launcher that is gone.

Everything is ten times as fast as in use: beats of 0.5 s, so 1.5 s of silence are death, and a
partition of 20 s takes 2 s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from hpsearch.agents.engines import listening
from hpsearch.agents.join import join_file
from hpsearch.agents.nodes import Nodes
from hpsearch.curves.store import CurveStore
from hpsearch.processes.stop import Stop, StopRequest
from hpsearch.processes.supervisor import How
from hpsearch.processes.trainer import Taken, Trainer
from hpsearch.study.record import versions
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from tests.agents.hosts import Hosts, built
from tests.processes.test_trainer import PARAMS, Listener
from tests.toy import write_toy
from tests.waiting import is_alive, wait_until

pytestmark = pytest.mark.slow

BEAT_S = 0.5
SCALE = 10
N_EPOCHS = 40
EPOCH_S = 0.1


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with built(["launcher", "lab1", "lab2"]) as hosts:
        yield hosts


class Lab:
    """A launcher on one host, and agents on the others."""

    def __init__(self, hosts: Hosts, folder: Path, nodes: Nodes, said: list[str]) -> None:
        self.hosts, self.nodes, self.said = hosts, nodes, said
        self.agents: dict[str, subprocess.Popen[bytes]] = {}
        self.join = folder / "hpsearch.join"
        study_file = read_study_file(str(write_toy(folder, max_epochs=N_EPOCHS)))
        data, store = prepare_data(study_file, None), CurveStore(folder / "curves")
        nodes.serve(study_file, data, store.folder, said.append)
        self.trainer = Trainer(
            study_file,
            data,
            store,
            nodes,
            versions=versions(),
            stop=StopRequest(),
            say=said.append,
            retries=0,
        )

    def start(self, name: str, wait_s: float = 60) -> None:
        """Start an agent on a host, and wait until it has joined."""
        n_before = self.nodes.n_slots
        words = ["-m", "tests.agents.quick", str(self.join), name, "1", str(wait_s)]
        self.agents[name] = subprocess.Popen(
            self.hosts.command(name, sys.executable, *words),
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TOY_EPOCH_S": str(EPOCH_S)},
        )
        wait_until(lambda: self.nodes.n_slots == n_before + 1)

    def take(self, act: Callable[[], object]) -> Taken:
        """Train a trial to its end; `act` is called in its third epoch, and not waited for."""
        return self.trainer.take({**PARAMS, "epochs": N_EPOCHS}, 0, _Acting(act), name="trial 0")

    def has_said(self, text: str) -> bool:
        return any(text in line for line in self.said)


class _Acting(Listener):
    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self.act = act

    def epoch_done(self, epoch, logs, *, is_stored):
        if epoch == 3:
            self.act()
        return super().epoch_done(epoch, logs, is_stored=is_stored)


@pytest.fixture
def lab(hosts: Hosts, tmp_path: Path) -> Iterator[Lab]:
    said: list[str] = []
    nodes = Nodes("waiting for agents", said.append)
    with ExitStack() as stack:
        at = hosts.addresses["launcher"]
        listens = listening(at, 0, nodes, beat_s=BEAT_S)
        join = hosts.run_on("launcher", lambda: stack.enter_context(listens))
        lab = Lab(hosts, tmp_path, nodes, said)
        stack.enter_context(join_file(lab.join, join))
        yield lab
        for name in hosts.addresses:
            hosts.plug(name)
        for agent in lab.agents.values():
            agent.kill()
            agent.wait()


def test_a_partition_shorter_than_three_beats_costs_nothing(lab, hosts):
    def part() -> None:
        hosts.unplug("lab1")
        time.sleep(3 / SCALE)
        hosts.plug("lab1")

    lab.start("lab1")

    taken = lab.take(part)

    assert taken.ending.how is How.FINISHED
    assert taken.curve.starts == [[0, 0]]
    assert not lab.has_said("is gone")


@pytest.mark.parametrize("seconds", [20, 60])
def test_after_a_longer_one_the_trial_is_elsewhere_and_the_node_is_welcome_again(
    lab, hosts, seconds
):
    """What it has trained meanwhile comes too late: the curve is that of the other node."""
    lab.start("lab1")
    lab.start("lab2")
    (first,) = [node for node in lab.nodes._nodes if node.name == "lab1"]

    def part() -> None:
        (name,) = [node.name for node in lab.nodes._nodes if node.attempts]
        parted.append(name)
        hosts.unplug(name)

    parted: list[str] = []
    taken = lab.take(part)
    assert taken.ending.how is How.FINISHED
    (name,) = parted
    assert lab.has_said(f"node {name} is gone (silent for 1.5 s): its trial goes on elsewhere")
    assert taken.nodes == [name, *({"lab1", "lab2"} - {name})]
    begun = taken.curve.starts
    assert len(begun) == 2
    assert begun[1] in ([2, 2], [3, 3])
    assert len(taken.curve.logs) == N_EPOCHS

    time.sleep(max(0, seconds / SCALE - (N_EPOCHS - 3) * EPOCH_S))
    hosts.plug(name)
    wait_until(lambda: lab.nodes.n_slots == 2)
    assert lab.nodes._nodes[-1].name == name
    assert lab.nodes._nodes[-1] is not first
    assert taken.curve.starts == begun


@pytest.mark.parametrize(("sender", "rate"), [("lab1", "8kbit"), ("launcher", "24kbit")])
def test_a_link_that_is_slow_is_not_silent(lab, hosts, sender, rate):
    """An epoch, or the study file, takes seconds to send, but bytes arrive all the time."""
    with hosts.slowed(sender, rate):
        lab.start("lab1")

        taken = lab.trainer.take({**PARAMS, "epochs": 2}, 0, Listener(), name="trial 0")

    assert taken.ending.how is How.FINISHED
    assert not lab.has_said("is gone")


def test_agents_end_by_themselves_when_the_launchers_host_is_gone(lab, hosts):
    lab.start("lab1", wait_s=1)
    pids: list[int] = []

    def die() -> None:
        agent = psutil.Process(lab.agents["lab1"].pid)
        pids.extend(one.pid for one in agent.children(recursive=True))
        hosts.unplug("launcher")
        lab.trainer.stop.after_epochs(Stop.INTERRUPTED)

    lab.take(die)

    assert lab.agents["lab1"].wait() == 4
    assert pids
    wait_until(lambda: not any(map(is_alive, pids)))
