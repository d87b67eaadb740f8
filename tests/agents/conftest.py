"""Launcher and agents in the test's process, over real sockets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hpsearch.agents.agent import Agent
from hpsearch.agents.engines import listening
from hpsearch.agents.join import Join
from hpsearch.agents.nodes import Nodes
from hpsearch.curves.store import CurveStore
from hpsearch.processes.runner import LocalRunner, Runner
from hpsearch.processes.stop import StopRequest
from hpsearch.processes.trainer import Trainer
from hpsearch.study.record import versions
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from tests.waiting import wait_until

BEAT_S = 1.0  # instead of 5 s


@dataclass
class Cluster:
    """A launcher that listens, and agents that a test starts."""

    folder: Path
    nodes: Nodes
    join: Join
    said: list[str]
    agents_said: list[str] = field(default_factory=list)
    errors: dict[str, BaseException] = field(default_factory=dict)

    def agent(
        self, name: str, slots: int = 1, *, may_share: bool = False, runner: Runner | None = None
    ) -> threading.Thread:
        """Start an agent in a thread."""

        def work() -> None:
            agent = Agent(
                slots,
                runner or LocalRunner(),
                None,
                self.agents_said.append,
                node=name,
                may_share=may_share,
            )
            try:
                agent.dial(lambda: self.join, wait_s=1)
            except BaseException as error:  # noqa: BLE001
                self.errors[name] = error

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def trainer(self, toy: Path, **options) -> Trainer:
        """A trainer that serves a study to the agents."""
        study_file = read_study_file(str(toy))
        data, store = prepare_data(study_file, None), CurveStore(self.folder / "curves")
        self.nodes.serve(study_file, data, store.folder, self.said.append)
        options = {"stop": StopRequest(), "say": self.said.append, **options}
        return Trainer(study_file, data, store, self.nodes, versions=versions(), **options)

    def wait_for(self, text: str) -> str:
        """Wait until the launcher has said something with this text in it."""
        wait_until(lambda: any(text in line for line in self.said))
        return next(line for line in self.said if text in line)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    said: list[str] = []
    nodes = Nodes("waiting for agents", said.append)
    with ExitStack() as stack:
        join = stack.enter_context(listening("127.0.0.1", 0, nodes, beat_s=BEAT_S, handshake_s=5))
        yield Cluster(tmp_path, nodes, join, said)
