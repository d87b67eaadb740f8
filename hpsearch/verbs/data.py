"""`hpsearch data fetch` and `hpsearch data status`: the data sets of tasks."""

from __future__ import annotations

from pathlib import Path

from hpsearch.data.sources import Found, find_or_fetch, require_folder
from hpsearch.data.status import UNVERIFIED, Status, look_at
from hpsearch.study.data_sets import DataSet, data_sets
from hpsearch.terminal.printing import plain, print_json, say

NOTHING_TO_FETCH = "no published files; load() of the study file makes or finds the data"


def fetch(task: str | None, data: Path | None) -> None:
    """Find data sets, download those that are missing, verify each file.

    Args:
        task: A study file or a data set; None for all.
        data: The user's data folder.

    Raises:
        StudyFileError: There is no such study file.
        DataError: A data set cannot be found or downloaded, or is damaged.
    """
    for source in (one.source for one in data_sets(task, say)):
        if source.files:
            print(plain(f"{source.name}: {_count(find_or_fetch(source, data, say))}"))
        else:
            print(f"{source.name}: {NOTHING_TO_FETCH}")


def status(task: str | None, data: Path | None, *, as_json: bool) -> None:
    """Print where data sets are, and whether their files are the published ones.

    Args:
        task: A study file or a data set; None for all.
        data: The user's data folder.
        as_json: Print JSON.

    Raises:
        StudyFileError: There is no such study file.
        DataError: The data of the task that was named cannot be used.
    """
    require_folder(data)
    found = [(one, look_at(one.source, data)) for one in data_sets(task, say)]
    if as_json:
        print_json({"schema": "hpsearch.data/1", "datasets": [_as_json(*one) for one in found]})
    else:
        for data_set, state in found:
            print(plain(_describe(data_set, state)))
    if task is not None:
        for _, state in found:
            state.require_usable()


def _count(found: Found) -> str:
    """`2 files verified in FOLDER`."""
    n_verified = sum(file.sha256 is not None for file in found.files)
    if n_verified == len(found.files):
        return f"{n_verified} files verified in {found.folder}"
    return f"{', '.join(file.name for file in found.files)} in {found.folder}: {UNVERIFIED}"


def _describe(data_set: DataSet, state: Status) -> str:
    tasks = ", ".join(data_set.tasks)
    title = f"{data_set.source.name} (task{'s' * (len(data_set.tasks) > 1)} {tasks})"
    if not data_set.source.files:
        return f"{title}: {NOTHING_TO_FETCH}"
    if state.found is None:
        return f"{title}: not found\n  to download it: hpsearch data fetch {data_set.source.name}"
    lines = [f"{title}: in {state.found.place}, {state.found.folder}"]
    return "\n".join(lines + [f"  {name}  {word}" for name, word in state.files.items()])


def _as_json(data_set: DataSet, state: Status) -> dict[str, object]:
    found = state.found
    return {
        "name": data_set.source.name,
        "tasks": data_set.tasks,
        "place": None if found is None else found.place,
        "folder": None if found is None else str(found.folder),
        "is_usable": state.is_usable,
        "files": state.files,
    }
