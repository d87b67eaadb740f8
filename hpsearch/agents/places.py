"""Places: where trials run, and how many at a time; at home, or on nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from joblib import cpu_count

from hpsearch.agents.nodes import Nodes
from hpsearch.data.arrays import Prepared
from hpsearch.processes.runner import LocalRunner, Runner
from hpsearch.processes.slots import NSlots, threads_of
from hpsearch.study_file import StudyFile


@dataclass(frozen=True)
class Places:
    """Where trial processes come from."""

    runner: Runner
    n_slots: NSlots
    n_threads: int
    """Of each trial; 0 for its share of the cores of wherever it runs."""
    nodes: Nodes | None = None

    @staticmethod
    def of(
        nodes: Nodes | None,
        slots: int | None,
        say: Callable[[str], object],
        home: Callable[[Callable[[str], object]], Runner] = LocalRunner,
    ) -> Places:
        """The places of a user's nodes, or of this machine, where Keras is imported from now on.

        Args:
            nodes: The user's; None for this machine.
            slots: How many the user wants here; agents know how many on their node.
            say: Told when Keras takes long to start.
            home: Makes what trial processes of this machine come from.

        Raises:
            UsageError: At home, no trial process can be started.
        """
        if nodes is not None:
            return Places(nodes, lambda: nodes.n_slots, 0, nodes)
        n_slots = slots or cpu_count()
        return Places(home(say), n_slots, threads_of(n_slots))

    def serve(
        self,
        study_file: StudyFile,
        data: Prepared,
        curves: Path,
        say: Callable[[str], object],
        changed: Callable[[int], object] = lambda n_slots: None,
    ) -> None:
        """Have nodes, if there are any, train for a study: see `Nodes.serve`."""
        if self.nodes is not None:
            self.nodes.serve(study_file, data, curves, say, changed)
