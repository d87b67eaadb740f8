"""`hpsearch storage copy`: studies from one storage to another."""

from __future__ import annotations

from collections.abc import Sequence

import optuna

from hpsearch.copying import copy_study
from hpsearch.errors import UsageError
from hpsearch.study.record import find_record, load_study
from hpsearch.study.storage import Storage, parse_url
from hpsearch.terminal.printing import plain, say


def copy(source_url: str, target_url: str, names: Sequence[str]) -> None:
    """Copy studies with their curves, models and artifacts.

    Args:
        source_url: Where they are.
        target_url: Where they go; an SQLite file is created.
        names: Of studies; none for all.

    Raises:
        UsageError: Both are the same storage, or there is nothing to copy.
        HpsearchError: As `copy_study`; studies before that one have been copied.
    """
    if parse_url(source_url) == parse_url(target_url):
        raise UsageError("FROM and TO are the same storage: name another one")
    source = Storage(source_url, read_only=True)
    for name in names:
        load_study(source, name)  # before the target is created
    chosen = list(names) or _ours(source)
    if not chosen:
        raise UsageError(f"there is no study in {source} to copy")
    target = Storage(target_url)
    for name in chosen:
        n_trials = copy_study(source, target, name)
        told = "is there already" if n_trials is None else f"copied, {n_trials} trials"
        print(plain(f"{name}: {told}"))
    say(f"next: hpsearch ls --storage {target}")


def _ours(source: Storage) -> list[str]:
    found = []
    for name in optuna.get_all_study_names(source.optuna):
        if find_record(source, name) is None:
            say(f"left alone: {name}, which was not made by hpsearch")
        else:
            found.append(name)
    return found
