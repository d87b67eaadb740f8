"""A study as the reading verbs show it: trials, counts, the best."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from optuna.study import Study

from hpsearch.errors import UsageError
from hpsearch.goal import Goal
from hpsearch.study.record import Record
from hpsearch.study.trials import Outcome, TrialRow, row


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A study, read once."""

    name: str
    goal: Goal
    title: str
    seed: int
    rows: list[TrialRow]
    """All trials, by number."""
    counts: Counter[Outcome]

    @property
    def best(self) -> TrialRow | None:
        """The best trial that ended with a value."""
        return next((row for row in self.ranked() if _has_ended(row)), None)

    @property
    def n_trials(self) -> int:
        """Trials that count towards a budget."""
        return sum(row.is_counted for row in self.rows)

    @property
    def epochs_trained(self) -> int:
        return sum(trial.epochs_trained for trial in self.rows)

    @property
    def epochs_reused(self) -> int:
        """Epochs that trials took from stored curves instead of training them.

        Promoted trials are left out: they reuse their own epochs.
        """
        return sum(row.epochs_reused for row in self.rows if row.promoted_from is None)

    @property
    def epochs_pruned(self) -> int:
        """Epochs that the pruner saved.

        Parents of promoted trials are left out: the trials that continue them count.
        """
        promoted = {row.promoted_from for row in self.rows}
        return sum(row.epochs_pruned for row in self.rows if row.number not in promoted)

    @property
    def seconds(self) -> float:
        """Time that slots spent on trials."""
        return sum(trial.seconds for trial in self.rows)

    def trial(self, number: int) -> TrialRow:
        """One trial.

        Raises:
            UsageError: There is no such trial.
        """
        if not 0 <= number < len(self.rows):
            there = f"valid numbers are 0 to {len(self.rows) - 1}" if self.rows else "it has none"
            raise UsageError(f"no trial {number} in study {self.name!r}: {there}")
        return self.rows[number]

    def ranked(self) -> list[TrialRow]:
        """Trials that ended with a value, best first; then the others, furthest first."""

        def rank(row: TrialRow) -> tuple[bool, int, float, int]:
            has_value = row.value is not None and math.isfinite(row.value)
            key = self.goal.key(row.value) if row.value is not None and has_value else math.inf
            epochs = 0 if _has_ended(row) else row.epochs_done
            return not _has_ended(row), -epochs, key, row.number

        return sorted(self.rows, key=rank)

    def by_curve(self) -> list[list[TrialRow]]:
        """Trials grouped by learning curve, hence by network; the best network first.

        Each group is ranked too: a read-off trial, for example, then the longer one, then the
        pruned one that the longer one was promoted from.
        """
        groups: dict[str | int, list[TrialRow]] = {}
        for trial in self.ranked():
            groups.setdefault(trial.curve or trial.number, []).append(trial)
        return list(groups.values())


def summarize(study: Study, record: Record) -> Summary:
    """Read all trials of a study."""
    rows = [row(trial) for trial in study.get_trials(deepcopy=False)]
    return Summary(
        name=study.study_name,
        goal=record.goal,
        title=record.title,
        seed=record.seed,
        rows=rows,
        counts=Counter(trial.outcome for trial in rows),
    )


def _has_ended(trial: TrialRow) -> bool:
    return trial.outcome in {Outcome.FINISHED, Outcome.READ_OFF} and trial.value is not None
