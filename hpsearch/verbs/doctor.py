"""`hpsearch doctor`: whether this machine is fit for a search, and what to fix."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import optuna
import psutil
from joblib import cpu_count

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


@dataclass(frozen=True)
class Finding:
    """Something that was looked at."""

    about: str
    what: str
    fix: str = ""
    """What to do about it; empty if nothing."""
    exit_code: int = 0


def doctor(storage_url: str, data: Path | None, *, as_json: bool) -> int:
    """Look at machine, Keras, data and storage, and print what was found.

    Args:
        storage_url: Where studies are, or will be.
        data: The user's data folder.
        as_json: Print JSON.

    Returns:
        The exit code: that of the first thing that a search could not do without; else 0.
    """
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "machine": _machine,
        "keras": _keras,
        "storage": lambda: _storage(storage_url),
        "cache": _cache,
        "data": lambda: _data(data),
    }
    findings = [one for about, check in checks.items() for one in _found(about, check)]
    if as_json:
        content = [{"about": one.about, "what": one.what, "fix": one.fix} for one in findings]
        print_json({"schema": "hpsearch.doctor/1", "findings": content})
    else:
        _print(findings)
    return next((one.exit_code for one in findings if one.exit_code), 0)


def _found(about: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except HpsearchError as error:
        yield Finding(about, str(error), "see above", error.exit_code)


def _print(findings: list[Finding]) -> None:
    seen = ""
    for one in findings:
        sign = "!" if one.fix else " "
        print(plain(f"{one.about if one.about != seen else '':9} {sign} {one.what}"))
        if one.fix and one.fix != "see above":
            print(plain(f"{'':11} {one.fix}"))
        seen = one.about
    n_faults = sum(bool(one.fix) for one in findings)
    say("nothing to fix" if not n_faults else f"{n_faults} to look at, marked with !")


def _machine() -> Iterator[Finding]:
    memory = psutil.virtual_memory()
    yield Finding(
        "machine",
        f"{cpu_count()} of {os.cpu_count()} cores, {memory.total / GIB:.1f} GiB of memory, "
        f"{memory.available / GIB:.1f} free; {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}",
    )
    if not hasattr(os, "fork"):
        raise UsageError(f"trial processes are forked, which {sys.platform} cannot: use WSL")
    load = os.getloadavg()[0]
    if load > cpu_count():
        yield Finding(
            "machine",
            f"a load of {load:.1f} on {cpu_count()} cores: other programs slow a search down",
            "end them, or take fewer --slots",
        )
    yield Finding("machine", f"a search takes {cpu_count()} slots of 1 thread each: see --slots")


def _keras() -> Iterator[Finding]:
    say("starting Keras")
    began_s = time.monotonic()
    (found,) = ask(Inspect())
    took_s = time.monotonic() - began_s
    yield Finding(
        "keras",
        f"Keras {found['keras']} on {found['backend']} {found['version']}; starts in "
        f"{took_s:.1f} s",
    )
    devices = ", ".join(found["devices"])
    yield Finding("keras", f"trains on {devices}")
    has_gpu = any("gpu" in name or "cuda" in name for name in found["devices"])
    if shutil.which("nvidia-smi") and not has_gpu:
        yield Finding(
            "keras",
            f"there is an NVIDIA GPU here, and {found['backend']} does not see it",
            "install its build for CUDA, as tensorflow[and-cuda], jax[cuda13] or torch",
        )


def _storage(storage_url: str) -> Iterator[Finding]:
    if is_new(storage_url):
        yield Finding("storage", f"none yet at {storage_url}: the first run creates it")
        return
    storage = Storage(storage_url, read_only=True)
    names = optuna.get_all_study_names(storage.optuna)
    running = [name for name in names if is_locked(storage, name)]
    n_studies = "1 study" if len(names) == 1 else f"{len(names)} studies"
    running_told = f", running: {', '.join(running)}" if running else ""
    yield Finding("storage", f"{storage}: {n_studies}{running_told}")
    yield from _space("storage", storage.folder)


def _cache() -> Iterator[Finding]:
    folder = cache_folder()
    make_private(folder)
    yield from _space("cache", folder)


def _space(about: str, folder: Path) -> Iterator[Finding]:
    if not os.access(folder, os.W_OK):
        raise DataError(f"{folder} cannot be written to: take another, or its permissions")
    free = shutil.disk_usage(folder).free
    what = f"{free / GIB:.1f} GiB free for {folder}"
    is_full = free < FEW_BYTES
    fix = "make room: checkpoints, arrays and models go there" if is_full else ""
    yield Finding(about, what, fix, DataError.exit_code if is_full else 0)


def _data(data: Path | None) -> Iterator[Finding]:
    for one in data_sets(None, say):
        state, name = look_at(one.source, data), one.source.name
        tasks = ", ".join(one.tasks)
        if not one.source.files:
            yield Finding("data", f"{name}: made or found by the study file ({tasks})")
        elif state.found is None:
            yield Finding("data", f"{name} is not here yet ({tasks}): hpsearch data fetch {name}")
        else:
            damaged = [file for file, fault in state.faults.items() if fault]
            fix = f"delete or replace {', '.join(damaged)}" if damaged else ""
            yield Finding("data", f"{name} in {state.found.place} ({tasks})", fix)
