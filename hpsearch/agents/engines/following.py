"""An agent on each member of a cluster that somebody else manages, as members come and go."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from hpsearch.agents.engines import at_address, listening
from hpsearch.agents.join import Join
from hpsearch.agents.nodes import Nodes
from hpsearch.processes.signals import cause_of_death

LOOK_S = 1.0  # between two looks at which members there are
AGAIN_S = 10.0  # until a member whose agent has ended gets another
REFUSED = {0, 2, 5, 6}
"""Exit codes of agents after which another one would fare no better."""
NO_ANSWER = (
    "nodes that are left train on, and others join if it answers again; else stop with Ctrl-C, "
    "and the same command continues"
)


class Cluster(Protocol):
    """Members, such as workers of Dask and nodes of Ray, that run functions."""

    def members(self) -> dict[str, tuple[str, int]]:
        """What each is called, and how many trials it has room for, by what identifies it."""

    def start(self, member: str, join: Join, slots: int) -> Any:
        """Call `run_agent` there and nowhere else, once, and return what stands for the call."""

    def result(self, agent: Any) -> tuple[int, str] | None:
        """What the call returned, None before that.

        Raises:
            Exception: It was lost, of whatever kind.
        """


@dataclass
class _Placed:
    """A member that was given an agent."""

    agent: Any
    again_s: float | None = None
    """When it gets another; None while there is no need to."""


@contextmanager
def following(
    cluster: Cluster, nodes: Nodes, *, listen: str, dial: str, slots: int | None
) -> Iterator[None]:
    """Keep an agent on each member as long as the block runs.

    Args:
        cluster: Its members.
        nodes: Welcome the agents.
        listen: Where the launcher listens, `HOST` or `HOST:PORT`.
        dial: The host that agents dial, if it is another.
        slots: Of each member; None for as many as it has room for.

    Raises:
        UsageError: It is not possible to listen there.
    """
    is_over = threading.Event()
    host, port = at_address(listen)
    with listening(host, port, nodes, dial=dial) as join:
        thread = threading.Thread(
            target=_follow, args=(cluster, join, nodes, slots, is_over), daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            nodes.close()
            thread.join()


def _follow(
    cluster: Cluster, join: Join, nodes: Nodes, slots: int | None, is_over: threading.Event
) -> None:
    placed: dict[str, _Placed] = {}
    answers = True
    while True:
        try:
            _place(cluster, join, nodes, slots, placed)
            answers = True
        except Exception as error:  # noqa: BLE001  # each cluster has its own
            if answers:
                nodes.say(f"the cluster answers no more ({type(error).__name__}): {NO_ANSWER}")
            answers = False
        if is_over.wait(LOOK_S):
            return


def _place(
    cluster: Cluster, join: Join, nodes: Nodes, slots: int | None, placed: dict[str, _Placed]
) -> None:
    """Give an agent to each member that needs one now."""
    members = cluster.members()
    for gone in placed.keys() - members.keys():
        del placed[gone]
    for member, (name, room) in members.items():
        one = placed.get(member)
        if one is not None and one.again_s is None:
            _look_after(cluster, name, one, nodes)
        if one is None or (one.again_s is not None and time.monotonic() > one.again_s):
            placed[member] = _Placed(cluster.start(member, join, slots or room))


def _look_after(cluster: Cluster, name: str, one: _Placed, nodes: Nodes) -> None:
    try:
        result = cluster.result(one.agent)
    except Exception as error:  # noqa: BLE001  # each cluster has its own
        result = -1, f"{type(error).__name__}"
    if result is None:
        return
    code, printed = result
    if code != 0:
        nodes.say(f"the agent on {name} has ended: {cause_of_death(max(code, 0), printed)}")
    one.again_s = float("inf") if code in REFUSED else time.monotonic() + AGAIN_S
