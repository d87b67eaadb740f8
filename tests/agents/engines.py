"""Trials on an engine's agents, as the tests of all engines run them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hpsearch.agents.engines import Engine
from hpsearch.agents.nodes import Nodes
from hpsearch.curves.store import CurveStore
from hpsearch.processes.stop import StopRequest
from hpsearch.processes.supervisor import How
from hpsearch.processes.trainer import Taken, Trainer
from hpsearch.study.record import versions
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from tests.processes.test_trainer import PARAMS, Listener
from tests.toy import write_toy
from tests.waiting import wait_until

UNTIL_TOLD = """
    pids = {told!r}
    if epochs_done == 2 and not os.path.exists(pids + "/go"):
        open(f"{{pids}}/{{os.getpid()}}", "w").close()
        while not os.path.exists(pids + "/go"):
            time.sleep(0.02)
"""


@dataclass
class OnEngine:
    """A launcher whose nodes an engine starts."""

    nodes: Nodes
    trainer: Trainer
    said: list[str]
    told: Path
    """A trial in its second epoch writes its process id into this folder, and waits there for
    a file `go`."""

    def take_while(self, act: Callable[[int], object]) -> Taken:
        """Train three epochs; `act` is called with the trial's process id in the second."""

        def watch() -> None:
            wait_until(lambda: list(self.told.iterdir()))
            act(int(next(self.told.iterdir()).name))
            (self.told / "go").touch()

        threading.Thread(target=watch, daemon=True).start()
        taken = self.trainer.take(PARAMS, 0, Listener(), name="trial 0")
        assert taken.ending.how is How.FINISHED, taken.ending
        return taken


@contextmanager
def on(engine: Engine, folder: Path) -> Iterator[OnEngine]:
    """A launcher on an engine, whose toy waits in its second epoch."""
    told, said = folder / "told", []
    told.mkdir()
    study_file = read_study_file(
        str(write_toy(folder, each_epoch=UNTIL_TOLD.format(told=str(told))))
    )
    data, store = prepare_data(study_file, None), CurveStore(folder / "curves")
    with engine.opened(said.append) as nodes:
        nodes.serve(study_file, data, store.folder, said.append)
        trainer = Trainer(
            study_file,
            data,
            store,
            nodes,
            versions=versions(),
            stop=StopRequest(),
            say=said.append,
            retries=0,
        )
        yield OnEngine(nodes, trainer, said, told)
