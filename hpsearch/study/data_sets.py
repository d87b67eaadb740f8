"""Find the data sets of study files, by the name of a task or data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hpsearch.data.sources import Source
from hpsearch.errors import HpsearchError
from hpsearch.study_file import read_study_file, study_files


@dataclass(frozen=True)
class DataSet:
    """A data set and the tasks that use it."""

    source: Source
    tasks: list[str]


def data_sets(name: str | None, say: Callable[[str], object]) -> Sequence[DataSet]:
    """The data set of one task, or those of all readable study files.

    Args:
        name: A study file or a data set; None for all.
        say: Called for each study file that is skipped as unreadable.

    Raises:
        StudyFileError: The named study file cannot be read.
    """
    found: dict[str, DataSet] = {}
    for task in study_files() if name is None else [task_of(name, say)]:
        try:
            study_file = read_study_file(task)
        except HpsearchError as error:
            if name is not None:
                raise
            say(f"skipped: {error}")
            continue
        source = study_file.task.source or Source(study_file.name)
        found.setdefault(source.name, DataSet(source, [])).tasks.append(study_file.name)
    return list(found.values())


def task_of(name: str, say: Callable[[str], object]) -> str:
    """The task of that name, or the first that uses the data set of that name."""
    if name in study_files() or name.endswith(".py"):
        return name
    by_source = {one.source.name: one.tasks[0] for one in data_sets(None, say)}
    return by_source.get(name, name)
