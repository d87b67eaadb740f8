"""A stored study, read as far as pictures need it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean

import numpy as np
from optuna.study import Study

from hpsearch.curves.curve import read_mean_logs
from hpsearch.data.arrays import Array, Split, classes_of
from hpsearch.data.structure import named
from hpsearch.errors import NothingFinished, UsageError
from hpsearch.export.predictions import predict_numbers, predict_split
from hpsearch.export.winner import find_winner, name_classes
from hpsearch.goal import Goal, Logs
from hpsearch.lab.combine import COMBINED
from hpsearch.lab.table import FactorTable, SweepTable, read_table
from hpsearch.study.record import Record, load_any_study
from hpsearch.study.storage import Storage
from hpsearch.study.summary import Summary, summarize
from hpsearch.study.trials import Outcome, TrialRow
from hpsearch.task import Task

TEST = "test"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The winner's answers to the test split, which its evaluation has opened.

    It was fitted on train + validation: only test shows what it makes of examples that it has
    not seen.
    """

    task: Task
    split: Split
    vocabulary: tuple[str, ...]
    classes: list[str]
    labels: Array
    probabilities: Array
    """`(n_examples, n_classes)`."""

    @property
    def answers(self) -> Array:
        """The likeliest class of each example."""
        answers: Array = self.probabilities.argmax(axis=1)
        return answers


class Subject:
    """A study to draw, read as far as pictures need it.

    Args:
        storage: Where it is.
        name: Its name.
        data: The user's data folder, for pictures that ask its network.

    Raises:
        StudyNotFound: There is no such study.
    """

    def __init__(self, storage: Storage, name: str, data: Path | None = None) -> None:
        self.storage, self.name, self.data = storage, name, data
        self.study: Study
        self.record: Record
        self.study, self.record = load_any_study(storage, name)

    @property
    def goal(self) -> Goal:
        """Metric and direction."""
        return self.record.goal

    @property
    def is_sweep(self) -> bool:
        """Whether it varies one factor at a time."""
        return bool(self.record.points)

    @property
    def cure(self) -> str:
        """The end of a message that the study has not come far enough."""
        return f": hpsearch resume {self.name}" if self.record.is_ours else ""

    @cached_property
    def summary(self) -> Summary:
        """All trials."""
        return summarize(self.study, self.record)

    @cached_property
    def table(self) -> SweepTable:
        """A sweep's levels.

        Raises:
            NothingFinished: No network has been trained yet.
        """
        return read_table(self.storage, self.study, self.record)

    @cached_property
    def finished(self) -> list[TrialRow]:
        """Trials that ended with a finite value, which is the mean of those that were repeated.

        Raises:
            NothingFinished: There are none.
        """
        rows = [
            replace(one.first, value=one.mean)
            for one in self.summary.configurations
            if is_finite(one.mean)
        ]
        if not rows:
            raise NothingFinished(f"study {self.name!r} has no finished trial to draw{self.cure}")
        return rows

    def logs(self, row: TrialRow) -> list[Logs]:
        """Keras's logs of a trial's network, as far as any trial of the study took it.

        With several rounds, they are means over those that have ended.
        """
        same = [one for one in self.summary.rows if one.curve == row.curve] if row.curve else [row]
        n_epochs = max(max(one.epochs_done, length_of(one)) for one in same)
        return read_mean_logs(self.storage.curves, row.curves)[:n_epochs]

    @property
    def published(self) -> dict[int, Logs]:
        """The baseline's logs as the lab published them, by epoch."""
        if not self.record.is_ours:
            return {}
        published = self.record.load().task.published
        return {} if published is None else published.logs

    def factors(self, name: str | None) -> list[FactorTable]:
        """The factors of a sweep, combinations of levels last; or the one of that name.

        Raises:
            UsageError: The sweep has no such factor.
            NothingFinished: No network has been trained yet.
        """
        factors = self.table.factors + _combined(self.table)
        chosen = [one for one in factors if name in (None, one.name)]
        if not chosen:
            names = ", ".join(one.name for one in factors) or "none"
            raise UsageError(f"sweep {self.name!r} has no factor {name!r}: it has {names}")
        return chosen

    @cached_property
    def judged(self) -> Judged:
        """What the winner of its evaluation says to each example of test.

        Raises:
            NothingFinished: It was not evaluated yet.
            UsageError: Its labels are no classes.
            HpsearchError: Of other kinds, if the network or the data cannot be used.
        """
        winner = find_winner(self.storage, self.name)
        prepared = winner.prepare_data(self.data)
        dataset = prepared.open()
        y = dataset.unseen().y
        if isinstance(y, dict | tuple):
            raise UsageError(
                f"study {self.name!r} has several outputs: this picture is of a network with one "
                "output, whose labels are classes"
            )
        labels = classes_of(y)
        if labels is None:
            raise UsageError(
                f"the labels of study {self.name!r} are no classes: try the picture 'predictions'"
            )
        probabilities = predict_split(winner, prepared, TEST)
        n_classes = probabilities.shape[1]
        if labels[0] < 0 or labels[-1] >= n_classes:
            raise UsageError(
                f"the labels of study {self.name!r} go from {labels[0]} to {labels[-1]}, but its "
                f"network tells {n_classes} classes apart, counted from 0"
            )
        names = named(name_classes(winner.study_file, dataset))[""]
        return Judged(
            task=winner.study_file.task,
            split=dataset.unseen(),
            vocabulary=dataset.vocabulary,
            # a space would be no name that anyone sees
            classes=[name if name.strip() else repr(name) for name in names]
            if len(names) == n_classes
            else [str(i) for i in range(n_classes)],
            labels=np.asarray(y, np.int64),
            probabilities=probabilities,
        )

    @property
    def numbers(self) -> tuple[Array, Array]:
        """The numbers of the test split, then what the winner of its evaluation predicts.

        Both are of shape `(n_examples,)`.

        Raises:
            NothingFinished: It was not evaluated yet.
            UsageError: Its labels are classes, or several for each example.
            HpsearchError: Of other kinds, if the network or the data cannot be used.
        """
        winner = find_winner(self.storage, self.name)
        prepared = winner.prepare_data(self.data)
        dataset = prepared.open()
        y = dataset.unseen().y
        if isinstance(y, dict | tuple) or y.size != len(y):
            raise UsageError(
                f"study {self.name!r} has several labels for each example: this picture is of a "
                "network that predicts one number"
            )
        if classes_of(y) is not None:
            raise UsageError(
                f"the labels of study {self.name!r} are classes: try the picture 'confusion'"
            )
        return np.asarray(y, np.float64).reshape(-1), predict_numbers(winner, prepared, TEST)


def _combined(table: SweepTable) -> list[FactorTable]:
    """Combinations of levels, as if they were a factor; none if there are none."""
    rows = [replace(row, label=row.label.removeprefix(f"{COMBINED}: ")) for row in table.combined]
    trained = [row for row in rows if row.values]
    best = min(trained, key=lambda row: table.goal.key(fmean(row.values)), default=None)
    return [FactorTable(name=COMBINED, rows=rows, best=best)] if rows else []


def length_of(row: TrialRow) -> int:
    """How many epochs of its curve a trial stands for."""
    return (row.epochs if row.outcome is Outcome.READ_OFF else None) or row.epochs_done


def is_finite(value: float | None) -> bool:
    """Whether there is a value to draw."""
    return value is not None and math.isfinite(value)
