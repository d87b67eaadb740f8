"""The value of `--on`: which engine starts agents, and where."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult, parse_qs, urlsplit

from hpsearch.agents.engines import Engine
from hpsearch.agents.engines.listen import Listening
from hpsearch.agents.engines.ssh import Ssh
from hpsearch.agents.nodes import Nodes
from hpsearch.errors import UsageError

TAKES = "--on takes listen://HOST:PORT, ssh://HOST,HOST, dask://HOST:PORT, ray, or ray://HOST:PORT"
HOST = re.compile(r"(?:[A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9_][\w.:-]*")


@contextmanager
def opened(
    on: str | None, slots: int | None, say: Callable[[str], object]
) -> Iterator[Nodes | None]:
    """The nodes of `--on`, as long as the block runs; None without it.

    Args:
        on: The user's.
        slots: Of each node; None for one per core.
        say: Called with each line, until a study is served.

    Raises:
        UsageError: It is no such value, or what it names cannot be reached.
    """
    if on is None:
        yield None
        return
    with parse_on(on, slots).opened(say) as nodes:
        yield nodes


def parse_on(on: str, slots: int | None) -> Engine:
    """The engine that a value of `--on` names.

    Raises:
        UsageError: It names none, or one that is not installed.
    """
    try:
        url = urlsplit("ray://" if on == "ray" else on)
        port, options = url.port if url.scheme != "ssh" else None, _options(url)
    except ValueError as error:
        raise UsageError(f"{TAKES}, got {on!r}") from error
    host, dial = url.hostname or "", options.get("dial", "")
    listen = options.get("listen", "")
    match url.scheme:
        case "listen" if port is not None and not url.path.strip("/") and "listen" not in options:
            return Listening(host, port, dial=dial, slots=slots)
        case "ssh" if url.netloc and not url.path.strip("/"):
            hosts = [one.strip() for one in url.netloc.split(",") if one.strip()]
            for one in hosts:
                if not HOST.fullmatch(one):  # never an option of ssh
                    raise UsageError(f"--on ssh://... takes hosts with commas, got {one!r}")
            return Ssh(hosts, python=options.get("python", ""), slots=slots)
        case "dask" if host and port is not None:
            _require("dask", "distributed")
            from hpsearch.agents.engines.dask import Dask

            return Dask(host, port, listen=listen, dial=dial, slots=slots)
        case "ray" if not host or port is not None:
            _require("ray", "ray")
            from hpsearch.agents.engines.ray import Ray

            address = f"ray://{url.netloc}" if host else "auto"
            return Ray(address, listen=listen, dial=dial, slots=slots)
    raise UsageError(f"{TAKES}, got {on!r}")


def _options(url: SplitResult) -> dict[str, str]:
    """What follows a question mark.

    Raises:
        ValueError: It is nothing that an engine takes.
    """
    takes = {"listen": {"dial"}, "ssh": {"python"}}.get(url.scheme, {"dial", "listen"})
    given = parse_qs(url.query, strict_parsing=True) if url.query else {}
    if not given.keys() <= takes or any(len(values) > 1 for values in given.values()):
        raise ValueError(url.query)
    return {name: values[0] for name, values in given.items()}


def _require(extra: str, module: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise UsageError(
            f"--on {extra} needs {module}, which is not installed: pip install 'hpsearch[{extra}]'"
        )
