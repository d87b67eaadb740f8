"""`hpsearch data fetch` and `hpsearch data status`: the data sets of tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hpsearch.data.sources import Found, Source, fault, find_or_fetch, locate, require_folder
from hpsearch.errors import DataCorrupt, DataNotFound, HpsearchError
from hpsearch.study_file import read_study_file, study_files
from hpsearch.terminal.printing import plain, print_json, say

# Of a file whose bytes its publisher changes; the task's `load` looks at what it says.
UNVERIFIED = "there, with no fixed SHA-256 to verify"


@dataclass(frozen=True)
class Needed:
    """A data set and the tasks that need it."""

    source: Source
    tasks: list[str]


@dataclass(frozen=True)
class State:
    """Where a data set is, and what is wrong with its files."""

    needed: Needed
    found: Found | None
    """None if no place has every file."""
    faults: dict[str, str]
    """By file; empty where nothing is wrong."""

    @property
    def files(self) -> dict[str, str]:
        """A word for each file, or what is wrong with it."""
        if self.found is None:
            return {file.name: "absent" for file in self.needed.source.files}
        return {
            file.name: self.faults[file.name] or ("verified" if file.sha256 else UNVERIFIED)
            for file in self.found.files
        }

    @property
    def is_usable(self) -> bool:
        """Whether the task can be run without a download."""
        is_there = self.found is not None or not self.needed.source.files
        return is_there and not any(self.faults.values())


def fetch(task: str | None, data: Path | None) -> None:
    """Find data sets, download what is nowhere, verify each file.

    Args:
        task: A study file or a data set; None for all.
        data: The user's data folder.

    Raises:
        StudyFileError: There is no such study file.
        DataError: A data set is nowhere and cannot be downloaded, or is damaged.
    """
    for needed in _needed(task):
        source = needed.source
        if source.files:
            print(plain(f"{source.name}: {_count(find_or_fetch(source, data, say))}"))
        else:
            print(f"{source.name}: {_nothing_to_fetch(source)}")


def status(task: str | None, data: Path | None, *, as_json: bool) -> None:
    """Print where data sets are, and whether their files are the published ones.

    Args:
        task: A study file or a data set; None for all.
        data: The user's data folder.
        as_json: For programs.

    Raises:
        StudyFileError: There is no such study file.
        DataError: The data of the task that was named cannot be used.
    """
    require_folder(data)
    states = [_look_at(needed, data) for needed in _needed(task)]
    if as_json:
        print_json({"schema": "hpsearch.data/1", "datasets": [_as_json(s) for s in states]})
    else:
        for state in states:
            print(plain(_in_words(state)))
    if task is not None:
        for state in states:
            _require_usable(state)


def task_of(name: str) -> str:
    """The task of that name, or the first one of a data set of that name."""
    if name in study_files() or name.endswith(".py"):
        return name
    by_source = {needed.source.name: needed.tasks[0] for needed in _needed(None)}
    return by_source.get(name, name)


def _needed(task: str | None) -> Iterable[Needed]:
    """The data sets of one task, or of all study files that can be read."""
    needed: dict[str, Needed] = {}
    for name_or_path in study_files() if task is None else [task_of(task)]:
        try:
            study_file = read_study_file(name_or_path)
        except HpsearchError as error:
            if task is not None:
                raise
            say(f"left out: {error}")
            continue
        source = study_file.task.source or Source(study_file.name)
        needed.setdefault(source.name, Needed(source, [])).tasks.append(study_file.name)
    return needed.values()


def _look_at(needed: Needed, data: Path | None) -> State:
    found = locate(needed.source, data) if needed.source.files else None
    if found is None:
        return State(needed, None, {})
    return State(needed, found, {f.name: fault(found.folder / f.name, f) for f in found.files})


def _count(found: Found) -> str:
    """`2 files verified in FOLDER`."""
    n_verified = sum(file.sha256 is not None for file in found.files)
    if n_verified == len(found.files):
        return f"{n_verified} files verified in {found.folder}"
    return f"{', '.join(file.name for file in found.files)} in {found.folder}: {UNVERIFIED}"


def _in_words(state: State) -> str:
    source = state.needed.source
    title = f"{source.name} (task {', '.join(state.needed.tasks)})"
    if not source.files:
        return f"{title}: {_nothing_to_fetch(source)}"
    if state.found is None:
        return f"{title}: not found; download it with: hpsearch data fetch {state.needed.tasks[0]}"
    lines = [f"{title}: in {state.found.place}, {state.found.folder}"]
    return "\n".join(lines + [f"  {name}  {word}" for name, word in state.files.items()])


def _as_json(state: State) -> dict[str, object]:
    found = state.found
    return {
        "name": state.needed.source.name,
        "tasks": state.needed.tasks,
        "place": None if found is None else found.place,
        "folder": None if found is None else str(found.folder),
        "is_usable": state.is_usable,
        "files": state.files,
    }


def _require_usable(state: State) -> None:
    if state.is_usable:
        return
    source, task = state.needed.source, state.needed.tasks[0]
    if state.found is None:
        raise DataNotFound(f"{source.name} is not on this machine: hpsearch data fetch {task}")
    damaged = [name for name, reason in state.faults.items() if reason]
    raise DataCorrupt(
        f"{len(damaged)} of the {len(state.found.files)} files of {source.name} cannot be used: "
        f"delete or replace {', '.join(damaged)}"
    )


def _nothing_to_fetch(source: Source) -> str:
    return "no published files; the study file's load() makes or finds the data"
