"""`--on dask://HOST:PORT`: an agent on each worker of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hpsearch.agents.engines.child import run_agent
from hpsearch.agents.engines.following import following
from hpsearch.agents.join import Join, outward
from hpsearch.agents.nodes import Nodes
from hpsearch.errors import UsageError

CONNECT_S = 10


class Dask:
    """Starts an agent on each worker.

    Args:
        host: Of the scheduler.
        port: Likewise.
        listen: Where the launcher listens, `HOST` or `HOST:PORT`; if empty, at the address
            that the scheduler sees.
        dial: The host that agents dial, if it is another.
        slots: Of each worker; None for its threads.
        connect_s: Time for the scheduler to answer.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        listen: str = "",
        dial: str = "",
        slots: int | None = None,
        connect_s: float = CONNECT_S,
    ) -> None:
        self.host, self.port, self.slots = host, port, slots
        self.listen, self.dial, self.connect_s = listen, dial, connect_s

    @contextmanager
    def opened(self, say: Callable[[str], object]) -> Iterator[Nodes]:
        """Follow the workers.

        Raises:
            UsageError: The scheduler does not answer.
        """
        from distributed import Client

        where = f"{self.host}:{self.port}"
        here = self.listen or outward(self.host, self.port)
        try:
            client = Client(f"tcp://{where}", timeout=self.connect_s, name="hpsearch")
        except (OSError, TimeoutError) as error:
            raise UsageError(f"no Dask scheduler answers at {where}: {error}") from error
        nodes = Nodes(f"waiting for workers: dask worker {where} starts one", say)
        with (
            client,
            following(_Workers(client), nodes, listen=here, dial=self.dial, slots=self.slots),
        ):
            yield nodes


class _Workers:
    def __init__(self, client: Any) -> None:
        self.client = client

    def members(self) -> dict[str, tuple[str, int]]:
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        return {one: (str(known["name"]), known["nthreads"]) for one, known in workers.items()}

    def start(self, member: str, join: Join, slots: int) -> Any:
        # Dask repeats what was lost with a worker on another one, unless it is told not to
        return self.client.submit(
            run_agent,
            join,
            slots,
            workers=[member],
            allow_other_workers=False,
            retries=0,
            pure=False,
        )

    def result(self, agent: Any) -> tuple[int, str] | None:
        return agent.result() if agent.done() else None
