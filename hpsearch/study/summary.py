"""A study as the reading verbs show it: trials, counts, the best."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from optuna.study import Study

from hpsearch.errors import UsageError
from hpsearch.goal import Goal, objectives_of
from hpsearch.study.configurations import (
    Configuration,
    configurations_of,
    find_front,
    find_incumbent,
    ranked,
)
from hpsearch.study.record import Record
from hpsearch.study.trials import Outcome, TrialRow, row, row_of_others


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A study, read once."""

    name: str
    goal: Goal
    title: str
    seed: int | None
    """None for a study that hpsearch did not make."""
    rows: list[TrialRow]
    """All trials, by number."""
    counts: Counter[Outcome]
    costs: tuple[str, ...] = ()
    """Objectives besides the metric."""

    @property
    def objectives(self) -> tuple[Goal, ...]:
        """The goal, then to keep each cost low."""
        return objectives_of(self.goal, self.costs)

    @cached_property
    def front(self) -> list[Configuration]:
        """With several objectives: what no other network beats in all of them.

        The first of them has the best metric.
        """
        return find_front(self.configurations, self.objectives) if self.costs else []

    @property
    def best(self) -> Configuration | None:
        """The incumbent; None before a trial has ended with a value."""
        return find_incumbent(self.configurations, self.goal)

    @cached_property
    def configurations(self) -> list[Configuration]:
        """Params that were trained to their last epoch, with all their seeds."""
        return configurations_of(self.rows)

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
        """Trials that ended with a value, best first; then the others, furthest first.

        Replicates follow the trial that they repeat, which ranks by their mean.
        """
        order = ranked(self.configurations, self.objectives)
        places = {one.number: place for place, one in enumerate(order)}

        def rank(row: TrialRow) -> tuple[bool, int, float, int]:
            place = places.get(row.number if row.replicate_of is None else row.replicate_of)
            if place is not None:
                return False, place, 0.0, row.number
            has_value = row.value is not None and math.isfinite(row.value)
            key = self.goal.key(row.value) if row.value is not None and has_value else math.inf
            return True, -row.epochs_done, key, row.number

        return sorted(self.rows, key=rank)

    def by_curve(self) -> list[list[TrialRow]]:
        """Trials grouped by learning curve, hence by network; the best network first.

        Each group is ranked too: a read-off trial, for example, then the longer one, then the
        pruned one that the longer one was promoted from. Replicates are in the group of the
        trial that they repeat.
        """
        groups: dict[str | int, list[TrialRow]] = {}
        for trial in self.ranked():
            repeated = trial if trial.replicate_of is None else self.rows[trial.replicate_of]
            groups.setdefault(repeated.curve or repeated.number, []).append(trial)
        return list(groups.values())

    def configuration_of(self, trial: TrialRow) -> Configuration | None:
        """The configuration whose first trial it is; None if it has no value, or repeats one."""
        return self._by_number.get(trial.number)

    @cached_property
    def _by_number(self) -> dict[int, Configuration]:
        return {one.number: one for one in self.configurations}


def summarize(study: Study, record: Record) -> Summary:
    """Read all trials of a study."""
    read = row if record.is_ours else row_of_others
    rows = [read(trial) for trial in study.get_trials(deepcopy=False)]
    return Summary(
        name=study.study_name,
        goal=record.goal,
        title=record.title,
        seed=record.seed if record.is_ours else None,
        rows=rows,
        counts=Counter(trial.outcome for trial in rows),
        costs=tuple(record.costs),
    )
