"""`--on ray`: an agent on each node of a Ray cluster."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hpsearch.agents.engines.child import run_agent
from hpsearch.agents.engines.following import following
from hpsearch.agents.join import Join
from hpsearch.agents.nodes import Nodes
from hpsearch.errors import UsageError


class Ray:
    """Starts an agent on each node.

    Args:
        address: Of the cluster, as `ray.init` takes it.
        listen: Where the launcher listens, `HOST` or `HOST:PORT`; if empty, at the address
            by which Ray knows this machine.
        dial: The host that agents dial, if it is another.
        slots: Of each node; None for its CPUs, as Ray counts them.
    """

    def __init__(
        self, address: str, *, listen: str = "", dial: str = "", slots: int | None = None
    ) -> None:
        self.address, self.slots, self.listen, self.dial = address, slots, listen, dial

    @contextmanager
    def opened(self, say: Callable[[str], object]) -> Iterator[Nodes]:
        """Follow the nodes.

        Raises:
            UsageError: There is no such cluster.
        """
        import ray

        try:
            with warnings.catch_warnings(action="ignore"):  # the error says it too
                ray.init(
                    self.address, log_to_driver=False, logging_level="error", namespace="hpsearch"
                )
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            line = str(error).strip().partition("\n")[0]
            raise UsageError(
                f"no Ray cluster answers at {self.address}: {line}; run hpsearch on a node of it "
                "(ray start --head makes this machine one)"
            ) from error
        nodes = Nodes("waiting for nodes of the Ray cluster", say)
        try:
            here = self.listen or ray.util.get_node_ip_address()
            with following(_RayNodes(ray), nodes, listen=here, dial=self.dial, slots=self.slots):
                yield nodes
        finally:
            ray.shutdown()


class _RayNodes:
    def __init__(self, ray: Any) -> None:
        self.ray = ray

    def members(self) -> dict[str, tuple[str, int]]:
        return {
            one["NodeID"]: (one["NodeManagerHostname"], int(one["Resources"].get("CPU", 1)))
            for one in self.ray.nodes()
            if one["Alive"]
        }

    def start(self, member: str, join: Join, slots: int) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        pinned = NodeAffinitySchedulingStrategy(member, soft=False)
        task = self.ray.remote(run_agent).options(
            num_cpus=0, max_retries=0, scheduling_strategy=pinned
        )
        return task.remote(join, slots)

    def result(self, agent: Any) -> tuple[int, str] | None:
        done, _ = self.ray.wait([agent], timeout=0)
        return self.ray.get(agent) if done else None
