"""Configurations: params, with all seeds that they were trained with, and which is the best."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from hpsearch.figures import show_figure
from hpsearch.goal import Goal, front_of
from hpsearch.study.rounds import spread_of
from hpsearch.study.trials import TrialRow
from hpsearch.task import Params, without_epochs


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The trials that trained the same params to their last epoch, each with another seed."""

    first: TrialRow
    """A trial with a value, trained with the study's seed."""
    replicates: tuple[TrialRow, ...] = ()

    @property
    def number(self) -> int:
        """The first trial's, by which people know the configuration."""
        return self.first.number

    @property
    def params(self) -> Params:
        return self.first.params

    @property
    def network(self) -> str:
        """Equal for configurations that differ only in epochs."""
        return key_of(without_epochs(self.params))

    @property
    def values(self) -> list[float]:
        """The value per replicate, the first trial's first; of its rounds, each is the mean."""
        ended = (trial for trial in (self.first, *self.replicates) if trial.has_ended)
        return [trial.value for trial in ended if trial.value is not None]

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return fmean(self.values)

    @property
    def spread(self) -> float | None:
        """The standard deviation over replicates, else over rounds; None with one training."""
        return stdev(self.values) if self.is_repeated else spread_of(self.first.rounds)

    @property
    def described_spread(self) -> str:
        """`±0.0021 over 3 seeds`, or over folds; empty with one training."""
        if self.spread is None or not self.is_repeated:
            return self.first.spread
        shown = show_figure(self.spread, like=self.mean)
        return f"±{shown} over {len(self.values)} seeds"

    @property
    def is_repeated(self) -> bool:
        """Whether there are values of at least two seeds."""
        return len(self.values) > 1

    @property
    def is_pending(self) -> bool:
        """Whether a replicate is unfinished."""
        return any(trial.is_unfinished for trial in self.replicates)

    @property
    def is_out(self) -> bool:
        """Whether a replicate ended without a value: such params are not to be relied on."""
        return any(not (trial.is_unfinished or trial.has_ended) for trial in self.replicates)

    def __str__(self) -> str:
        """`0.8812`, or `0.8812 ±0.0021 over 3 seeds`: the standard deviation, as in a table."""
        return f"{show_figure(self.mean)} {self.described_spread}".rstrip()


def key_of(params: Params) -> str:
    """A text that is equal for equal params."""
    return json.dumps(params, sort_keys=True)


def configurations_of(trials: Iterable[TrialRow]) -> list[Configuration]:
    """A configuration for each trial with a value that is not a replicate."""
    first: list[TrialRow] = []
    replicates: dict[str, list[TrialRow]] = defaultdict(list)
    for trial in trials:
        if trial.replicate_of is not None:
            replicates[key_of(trial.params)].append(trial)
        elif trial.has_ended:
            first.append(trial)
    return [
        Configuration(first=trial, replicates=tuple(replicates[key_of(trial.params)]))
        for trial in first
    ]


def find_front(
    configurations: Iterable[Configuration], objectives: Sequence[Goal]
) -> list[Configuration]:
    """The configurations that no other one beats in all objectives, the best metric first."""
    return front_of(configurations, lambda one: (one.mean, *one.first.costs), objectives)


def find_incumbent(configurations: Sequence[Configuration], goal: Goal) -> Configuration | None:
    """The best by its mean among those that were repeated; before any is, the best value.

    A single value is high by luck as well as by merit, so it never beats a mean: it earns a
    replicate. Of equals, the one that costs less is the best.
    """

    def rank(one: Configuration) -> tuple[bool, bool, float, tuple[float, ...], int]:
        return one.is_out, not one.is_repeated, goal.key(one.mean), one.first.costs, one.number

    return min(configurations, key=rank, default=None)


class Incumbent:
    """The incumbent of a study that grows: what a new trial costs does not grow with it.

    Args:
        goal: Says which value is better.
    """

    def __init__(self, goal: Goal) -> None:
        self.goal = goal
        self._first: dict[str, list[TrialRow]] = defaultdict(list)
        """By params: trials with a value that are not replicates."""
        self._replicates: dict[str, dict[int, TrialRow]] = defaultdict(dict)
        """By params, then by number."""
        self._single: Configuration | None = None
        """The best of those without replicates."""

    def add(self, trial: TrialRow) -> None:
        """Learn of a trial; of a replicate, each time that it has changed."""
        key = key_of(trial.params)
        if trial.replicate_of is not None:
            is_new = key not in self._replicates
            self._replicates[key][trial.number] = trial
            if is_new and self._single is not None and key_of(self._single.params) == key:
                self._single = self._best_single()
        elif trial.has_ended:
            self._first[key].append(trial)
            if key not in self._replicates:
                new = [one for one in (self._single, Configuration(first=trial)) if one]
                self._single = find_incumbent(new, self.goal)

    @property
    def now(self) -> Configuration | None:
        """The incumbent; None before a trial has a value."""
        repeated = [
            Configuration(first=first, replicates=tuple(rows.values()))
            for key, rows in self._replicates.items()
            for first in self._first[key]
        ]
        return find_incumbent([*repeated, *filter(None, [self._single])], self.goal)

    def _best_single(self) -> Configuration | None:
        single = [
            Configuration(first=first)
            for key, firsts in self._first.items()
            if key not in self._replicates
            for first in firsts
        ]
        return find_incumbent(single, self.goal)


def ranked(
    configurations: Sequence[Configuration], objectives: Sequence[Goal]
) -> list[Configuration]:
    """The incumbent, or the front; then the others by their means.

    Last come those that broke with some seed.
    """
    goal, *costs = objectives
    incumbent = find_incumbent(configurations, goal)
    front = find_front(configurations, objectives) if costs else [incumbent]
    first = {one.number for one in front if one is not None}

    def rank(one: Configuration) -> tuple[bool, bool, float, tuple[float, ...], int]:
        is_behind = one.number not in first
        return is_behind, one.is_out, goal.key(one.mean), one.first.costs, one.number

    return sorted(configurations, key=rank)
