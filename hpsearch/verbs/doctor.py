"""`hpsearch doctor`: whether this machine is fit for a search, and what to fix."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import optuna
import psutil
from joblib import cpu_count

from hpsearch.agents.on import opened
from hpsearch.data.kept import make_private
from hpsearch.data.sources import cache_folder
from hpsearch.data.status import look_at
from hpsearch.errors import DataError, HpsearchError, UsageError
from hpsearch.processes.ask import ask
from hpsearch.questions import Inspect
from hpsearch.study.data_sets import data_sets
from hpsearch.study.lock import is_locked
from hpsearch.study.storage import Storage, is_new
from hpsearch.terminal.printing import plain, print_json, say

GIB = 2**30
FEW_BYTES = GIB
"""Checkpoints, arrays and models want more than this of a disk."""


PATIENCE_S = 30
"""Until the first node has come."""
SETTLED_S = 3
"""Without another one."""
LOOK_S = 0.1


@dataclass(frozen=True)
class Observation:
    """Something that was looked at."""

    about: str
    what: str
    fix: str = ""
    """What to do about it, unless `what` says so."""
    exit_code: int = 0
    """Of what a search could not do without."""

    @property
    def is_fault(self) -> bool:
        """Whether there is something to do about it."""
        return bool(self.fix or self.exit_code)


def doctor(storage_url: str, data: Path | None, on: str | None, *, as_json: bool) -> int:
    """Look at machine, Keras, data and storage, and print what was found.

    Args:
        storage_url: Where studies are, or will be.
        data: The user's data folder.
        on: Other machines to look at, too: a value of `--on`.
        as_json: Print JSON.

    Returns:
        The exit code: that of the first thing that a search could not do without; else 0.
    """
    checks: dict[str, Callable[[], Iterator[Observation]]] = {
        "machine": _machine,
        "keras": _keras,
        "storage": lambda: _storage(storage_url),
        "cache": _cache,
        "data": lambda: _data(data),
    }
    if on is not None:
        checks["nodes"] = lambda: _nodes(on)
    seen = [one for about, check in checks.items() for one in _observe(about, check)]
    if as_json:
        content = [{**asdict(one), "is_fault": one.is_fault} for one in seen]
        print_json({"schema": "hpsearch.doctor/1", "observations": content})
    else:
        _print(seen)
    return next((one.exit_code for one in seen if one.exit_code), 0)


def _observe(about: str, check: Callable[[], Iterator[Observation]]) -> Iterator[Observation]:
    try:
        yield from check()
    except HpsearchError as error:
        yield Observation(about, str(error), exit_code=error.exit_code)


def _print(observations: list[Observation]) -> None:
    about = ""
    for one in observations:
        sign = "!" if one.is_fault else " "
        print(plain(f"{one.about if one.about != about else '':9} {sign} {one.what}"))
        if one.fix:
            print(plain(f"{'':11} {one.fix}"))
        about = one.about
    n_faults = sum(one.is_fault for one in observations)
    say("nothing to fix" if not n_faults else f"{n_faults} to look at, marked with !")


def _machine() -> Iterator[Observation]:
    memory = psutil.virtual_memory()
    yield Observation(
        "machine",
        f"{cpu_count()} of {os.cpu_count()} cores, {memory.total / GIB:.1f} GiB of memory, "
        f"{memory.available / GIB:.1f} free; {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}",
    )
    if not hasattr(os, "fork"):
        raise UsageError(f"trial processes are forked, which {sys.platform} cannot: use WSL")
    load = os.getloadavg()[0]
    if load > cpu_count():
        yield Observation(
            "machine",
            f"a load of {load:.1f} on {cpu_count()} cores: other programs slow a search down",
            "end them, or take fewer --slots",
        )
    yield Observation(
        "machine", f"a search takes {cpu_count()} slots of 1 thread each: see --slots"
    )


def _keras() -> Iterator[Observation]:
    say("starting Keras")
    began_s = time.monotonic()
    (found,) = ask(Inspect())
    took_s = time.monotonic() - began_s
    yield Observation(
        "keras",
        f"Keras {found['keras']} on {found['backend']} {found['version']}; starts in "
        f"{took_s:.1f} s",
    )
    devices = ", ".join(found["devices"])
    yield Observation("keras", f"trains on {devices}")
    has_gpu = any("gpu" in name or "cuda" in name for name in found["devices"])
    if shutil.which("nvidia-smi") and not has_gpu:
        yield Observation(
            "keras",
            f"there is an NVIDIA GPU here, and {found['backend']} does not see it",
            "install its build for CUDA, as tensorflow[and-cuda], jax[cuda13] or torch",
        )


def _storage(storage_url: str) -> Iterator[Observation]:
    if is_new(storage_url):
        yield Observation("storage", f"none yet at {storage_url}: the first run creates it")
        return
    storage = Storage(storage_url, read_only=True)
    names = optuna.get_all_study_names(storage.optuna)
    running = [name for name in names if is_locked(storage, name)]
    n_studies = "1 study" if len(names) == 1 else f"{len(names)} studies"
    running_told = f", running: {', '.join(running)}" if running else ""
    yield Observation("storage", f"{storage}: {n_studies}{running_told}")
    yield from _space("storage", storage.folder)


def _cache() -> Iterator[Observation]:
    folder = cache_folder()
    make_private(folder)
    yield from _space("cache", folder)


def _space(about: str, folder: Path) -> Iterator[Observation]:
    if not os.access(folder, os.W_OK):
        raise DataError(f"{folder} cannot be written to: take another, or its permissions")
    free = shutil.disk_usage(folder).free
    what = f"{free / GIB:.1f} GiB free for {folder}"
    is_full = free < FEW_BYTES
    fix = "make room: checkpoints, arrays and models go there" if is_full else ""
    yield Observation(about, what, fix, DataError.exit_code if is_full else 0)


def _nodes(on: str) -> Iterator[Observation]:
    """Which nodes come, and what is said of those that do not."""
    said: list[str] = []
    with opened(on, None, said.append) as nodes:
        assert nodes is not None
        say(nodes.how_to_join)
        found, since_s = nodes.offers(), time.monotonic()
        while time.monotonic() - since_s < (SETTLED_S if found else PATIENCE_S):
            time.sleep(LOOK_S)
            if (now := nodes.offers()) != found:
                found, since_s = now, time.monotonic()
    for name, n_slots in sorted(found.items()):
        yield Observation("nodes", f"{name}: slots {n_slots}, and the same versions as here")
    for line in dict.fromkeys(said):
        yield Observation("nodes", line, "a search leaves it out until that is put right")
    if not found:
        yield Observation(
            "nodes",
            f"no node came in {PATIENCE_S} s",
            "see hpsearch agent --help, and the section Many machines of the README",
            UsageError.exit_code,
        )


def _data(data: Path | None) -> Iterator[Observation]:
    for one in data_sets(None, say):
        state, name = look_at(one.source, data), one.source.name
        tasks = ", ".join(one.tasks)
        if not one.source.files:
            yield Observation("data", f"{name}: made or found by the study file ({tasks})")
        elif state.found is None:
            yield Observation(
                "data", f"{name} is not here yet ({tasks}): hpsearch data fetch {name}"
            )
        else:
            damaged = [file for file, fault in state.faults.items() if fault]
            fix = f"delete or replace {', '.join(damaged)}" if damaged else ""
            yield Observation("data", f"{name} in {state.found.place} ({tasks})", fix)
