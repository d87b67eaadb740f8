"""What an agent needs to join a launcher: where it listens, and the key."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.agents.link import BEAT_S
from hpsearch.codec import Schema
from hpsearch.errors import StorageError, UsageError
from hpsearch.files import atomic_file


@dataclass(frozen=True, kw_only=True)
class Join:
    """How to join a launcher; whoever has it can run trials for it, and send it curves."""

    host: str = ""
    """Where to dial; empty for the other end of standard input and output."""
    port: int = 0
    key: str = field(default="", repr=False)
    """In hex; random, for this launcher alone."""
    beat_s: float = BEAT_S

    def as_json(self) -> str:
        """One line."""
        return json.dumps(SCHEMA.encode(self))


SCHEMA = Schema("hpsearch.join", 1, Join)


def read_join(text: str | bytes, called: str) -> Join:
    """What `Join.as_json` wrote.

    Raises:
        UsageError: It is something else.
    """
    try:
        return SCHEMA.decode(json.loads(text), called)
    except (ValueError, StorageError) as error:
        raise UsageError(
            f"{called} does not say how to join a launcher: take the file that hpsearch run --on "
            "listen://... names"
        ) from error


@contextmanager
def join_file(path: Path, join: Join) -> Iterator[None]:
    """A file that only its owner can read, as long as the block runs.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        with atomic_file(path) as scratch:  # 0600 from the beginning
            scratch.write_text(join.as_json())
    except OSError as error:
        raise UsageError(f"cannot write {path}, by which agents join: {error}") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def outward(host: str, port: int) -> str:
    """The address of this machine as `host` sees it.

    Raises:
        UsageError: There is no way to that host.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:  # nothing is sent
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError as error:
        raise UsageError(f"there is no way to {host}: {error.strerror or error}") from error


def is_everywhere(host: str) -> bool:
    """Whether a host to listen on means all addresses of this machine."""
    return host in {"", "0.0.0.0", "::"}  # noqa: S104
