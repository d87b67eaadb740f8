"""`--on listen://HOST:PORT`: the user, or a scheduler such as Slurm, starts the agents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hpsearch.agents.engines import listening
from hpsearch.agents.join import join_file
from hpsearch.agents.nodes import Nodes


class Listening:
    """The user starts agents, by a file that says how to join.

    Args:
        host: Where to listen.
        port: Likewise.
        dial: The host that agents dial, if it is another.
        slots: Of each node; None for its cores.
    """

    def __init__(self, host: str, port: int, *, dial: str = "", slots: int | None = None) -> None:
        self.host, self.port, self.dial, self.slots = host, port, dial, slots

    @contextmanager
    def opened(self, say: Callable[[str], object]) -> Iterator[Nodes]:
        """Listen, and write the file."""
        nodes = Nodes("", say)
        with ExitStack() as stack:
            join = stack.enter_context(listening(self.host, self.port, nodes, dial=self.dial))
            path = Path(f"hpsearch-{join.port}.join").resolve()
            stack.enter_context(join_file(path, join))
            slots = "" if self.slots is None else f" --slots {self.slots}"
            nodes.how_to_join = (
                f"waiting for agents at {join.host}, port {join.port}; type on each node: "
                f"hpsearch agent {path}{slots}"
            )
            yield nodes
