"""Engines: ways to start agents on nodes; nothing else is theirs to do."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol
from urllib.parse import urlsplit

from hpsearch.agents.join import Join, is_everywhere
from hpsearch.agents.link import BEAT_S
from hpsearch.agents.listener import HANDSHAKE_S, Listener
from hpsearch.agents.nodes import Nodes
from hpsearch.errors import UsageError


class Engine(Protocol):
    """A way to start agents."""

    def opened(self, say: Callable[[str], object]) -> AbstractContextManager[Nodes]:
        """Start agents, and keep them as long as the block runs.

        Args:
            say: Called with each line, until a study is served.

        Raises:
            UsageError: It cannot be reached.
        """


@contextmanager
def listening(
    host: str,
    port: int,
    nodes: Nodes,
    *,
    dial: str = "",
    beat_s: float = BEAT_S,
    handshake_s: float = HANDSHAKE_S,
) -> Iterator[Join]:
    """Listen for agents that know a fresh key.

    Args:
        host: Where; all addresses if empty.
        port: 0 for any.
        nodes: Welcome them.
        dial: The host that agents dial, if it is another.
        beat_s: Seconds between two beats.
        handshake_s: Time for who dials to prove the key.

    Yields:
        How to join.

    Raises:
        UsageError: It is not possible to listen there.
    """
    key = secrets.token_hex(32)
    listener = Listener(
        host,
        port,
        bytes.fromhex(key),
        nodes.welcome,
        lambda text: nodes.say(text),
        beat_s=beat_s,
        handshake_s=handshake_s,
    )
    dial = dial or (socket.gethostname() if is_everywhere(host) else host)
    try:
        yield Join(host=dial, port=listener.port, key=key, beat_s=beat_s)
    finally:
        listener.close()
        nodes.close()


def at_address(text: str) -> tuple[str, int]:
    """`HOST` or `HOST:PORT`; the port is 0 for any.

    Raises:
        UsageError: It is neither.
    """
    try:
        url = urlsplit(f"//{text}")
        return url.hostname or "", url.port or 0
    except ValueError as error:
        raise UsageError(f"listen= takes HOST or HOST:PORT, got {text!r}") from error
