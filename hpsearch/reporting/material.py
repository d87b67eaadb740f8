"""What a report is made of: a search, a sweep, or both of one task."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from hpsearch.errors import UsageError
from hpsearch.evaluation.opening import Opening, read_openings
from hpsearch.lab.combine import Combination, combine
from hpsearch.lab.table import LevelRow, SweepTable
from hpsearch.pictures.subject import Subject
from hpsearch.study.space import explore
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Outcome
from hpsearch.study_file import StudyFile

UNFINISHED = frozenset({Outcome.RUNNING, Outcome.WAITING})


class Material:
    """The studies of a report.

    Args:
        storage: Where they are.
        names: One study, or a search and a sweep of the same task.
        data: The user's data folder, for pictures that ask the winner.

    Raises:
        StudyNotFound: There is no such study.
        UsageError: There are two of a kind, or they have different metrics.
        NothingFinished: No trial of a study has finished.
    """

    def __init__(self, storage: Storage, names: Sequence[str], data: Path | None = None) -> None:
        self.subjects = [Subject(storage, name, data) for name in dict.fromkeys(names)]
        searches = [one for one in self.subjects if not one.is_sweep]
        sweeps = [one for one in self.subjects if one.is_sweep]
        if len(searches) > 1 or len(sweeps) > 1:
            raise UsageError("a report is of one search, one sweep, or one of each")
        self.search = searches[0] if searches else None
        self.sweep = sweeps[0] if sweeps else None
        if len({one.goal for one in self.subjects}) > 1:
            told = " and ".join(f"{one.name} has {one.goal}" for one in self.subjects)
            raise UsageError(f"a report is of one task: {told}")
        if len({one.record.data for one in self.subjects}) > 1:
            raise UsageError("a report is of one task: the search and the sweep have other data")
        if len(self.subjects) > 1 and not all(one.record.is_ours for one in self.subjects):
            raise UsageError("a report on a study that hpsearch did not make is of that one alone")
        for one in self.subjects:
            _ = one.finished  # there is something to report

    @property
    def is_ours(self) -> bool:
        """Whether hpsearch made the studies; else there is no task to tell of."""
        return all(one.record.is_ours for one in self.subjects)

    @cached_property
    def study_file(self) -> StudyFile:
        """The task, as of the last run."""
        return self.subjects[0].record.load()

    @cached_property
    def table(self) -> SweepTable | None:
        """The sweep's."""
        return None if self.sweep is None else self.sweep.table

    @cached_property
    def evaluated(self) -> Subject | None:
        """The search if it has been evaluated, else the sweep if that has been."""
        subjects = [one for one in (self.search, self.sweep) if one is not None]
        return next((one for one in subjects if read_openings(one.study)), None)

    @cached_property
    def openings(self) -> list[Opening]:
        """Of the test split, by the evaluated study."""
        return [] if self.evaluated is None else read_openings(self.evaluated.study)

    @cached_property
    def combined(self) -> tuple[Combination, LevelRow] | None:
        """The combination of the best levels as they are now, if it has been trained."""
        if self.table is None:
            return None
        try:
            combination = combine(self.study_file, explore(self.study_file), self.table)
        except UsageError:
            return None
        rows = {row.label: row for row in self.table.combined if row.trainings}
        row = rows.get(combination.label)
        return None if row is None else (combination, row)

    @property
    def n_running(self) -> int:
        """Trials that run, or wait to be continued, while this is written."""
        return sum(row.outcome in UNFINISHED for one in self.subjects for row in one.summary.rows)

    @property
    def unfinished(self) -> str:
        """`2 trials were running or waiting`."""
        were = "1 trial was" if self.n_running == 1 else f"{self.n_running} trials were"
        return f"{were} running or waiting"
