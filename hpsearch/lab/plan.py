"""The plan of a sweep: the baseline, then one factor at a time over its levels."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from hpsearch.errors import UsageError
from hpsearch.evaluation.candidates import baseline_of, fresh_seeds
from hpsearch.evaluation.cost import Cost
from hpsearch.study.record import Point
from hpsearch.study.space import Space, params_of
from hpsearch.study_file import StudyFile
from hpsearch.task import Factor, Params, epochs_of, without_epochs


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """Which networks a sweep trains, and with how many seeds."""

    baseline: Params
    """Complete, as all params here."""
    factors: tuple[Factor, ...]
    params: dict[str, tuple[Params, ...]]
    """Of each level, by factor."""
    n_seeds: int
    n_folds: int = 1

    @property
    def networks(self) -> list[Params]:
        """The params to train, each once, the baseline first."""
        found = [self.baseline, *(params for levels in self.params.values() for params in levels)]
        return list({_key(params): params for params in found}.values())

    @property
    def curves(self) -> list[int]:
        """The epochs of each curve to train: levels of `epochs` share those of a seed and fold."""
        return curve_lengths(self.points(0)) * self.n_folds

    @property
    def n_epochs(self) -> int:
        """Epochs to train."""
        return sum(self.curves)

    @property
    def n_epochs_apart(self) -> int:
        """Epochs that training each level of the table by itself would take."""
        rows = [self.baseline, *(params for levels in self.params.values() for params in levels)]
        return self.n_seeds * self.n_folds * sum(map(epochs_of, rows))

    def points(self, seed: int) -> list[Point]:
        """The networks with each seed: all of them with the first, then with the next.

        The seeds are the study's, then those that `evaluate` uses too.
        """
        seeds = [seed, *fresh_seeds(seed, self.n_seeds - 1)]
        return [Point(params, seed) for seed in seeds for params in self.networks]

    def seconds(self, cost: Cost, n_slots: int) -> float:
        """The time it takes, if all networks are as fast as the baseline."""
        return cost.seconds(self.n_epochs, len(self.curves)) / min(n_slots, len(self.curves))

    def without(self, factor: Factor, level: int) -> SweepPlan:
        """The plan without one level of a factor."""
        kept = [i for i in range(len(factor.levels)) if i != level]
        smaller = replace(factor, levels=tuple(factor.levels[i] for i in kept))
        params = self.params[factor.name]
        return replace(
            self,
            factors=tuple(smaller if one == factor else one for one in self.factors),
            params={**self.params, factor.name: tuple(params[i] for i in kept)},
        )


def make_plan(
    study_file: StudyFile, space: Space, names: Sequence[str] | None, n_seeds: int
) -> SweepPlan:
    """The plan of a sweep over a task's factors.

    Args:
        study_file: Declares factors and paths.
        space: Its search space.
        names: Which factors; None for all.
        n_seeds: Seeds for each network.

    Raises:
        UsageError: There is no such factor, or the task has none.
        SpaceError: The space does not hold a level as a whole.
    """
    declared = {factor.name: factor for factor in study_file.task.all_factors()}
    if not declared:
        raise UsageError(
            f"{study_file.filename} declares no factors to vary: add factors= to its TASK"
        )
    for name in names or ():
        if name not in declared:
            close = get_close_matches(name, declared, 1)
            hint = f": did you mean {close[0]!r}?" if close else ""
            raise UsageError(f"no factor {name!r}{hint} (factors: {', '.join(declared)})")
    factors = [factor for name, factor in declared.items() if names is None or name in names]
    return SweepPlan(
        baseline=baseline_of(study_file),
        factors=tuple(factors),
        params={
            factor.name: tuple(
                params_of(study_file, space, factor, level) for level in factor.levels
            )
            for factor in factors
        },
        n_seeds=n_seeds,
        n_folds=len(study_file.task.fold_numbers),
    )


def fit(
    plan: SweepPlan, seconds: float, takes: Callable[[SweepPlan], float]
) -> tuple[SweepPlan, list[str]]:
    """A plan that fits into a time: fewer seeds, then fewer levels.

    Levels go one at a time, always the one that saves most; each factor keeps a level that
    differs from the baseline.

    Args:
        plan: What is wanted.
        seconds: The time there is.
        takes: The seconds that a plan takes.

    Returns:
        The plan, and what was left out, in words.

    Raises:
        UsageError: Even one level of each factor takes longer.
    """
    remarks = []
    n_seeds = plan.n_seeds
    while takes(plan) > seconds and plan.n_seeds > 1:
        plan = replace(plan, n_seeds=plan.n_seeds - 1)
    if plan.n_seeds < n_seeds:
        remarks.append(f"{plan.n_seeds} of {n_seeds} seeds")
    while takes(plan) > seconds:
        smaller = [
            (plan.without(factor, i), f"{factor.name} {factor.describe(level)}")
            for factor in plan.factors
            for i, level in enumerate(factor.levels)
            if _may_go(plan, factor, i)
        ]
        if not smaller:
            raise UsageError(
                f"even one level of each factor takes about {math.ceil(takes(plan) / 60)} "
                "minutes: give --minutes more, or fewer --factors"
            )
        plan, left_out = min(smaller, key=lambda pair: takes(pair[0]))
        remarks.append(f"without {left_out}")
    return plan, remarks


def _may_go(plan: SweepPlan, factor: Factor, level: int) -> bool:
    """Whether a level may be left out: it costs something, and is not its factor's last."""
    params = plan.params[factor.name]
    others = [p for i, p in enumerate(params) if i != level and p != plan.baseline]
    return params[level] != plan.baseline and bool(others)


def curve_lengths(points: Iterable[Point]) -> list[int]:
    """The epochs of each curve that points need: points that differ in epochs only share one."""
    longest: dict[tuple[str, int], int] = {}
    for point in points:
        curve = _key(without_epochs(point.params)), point.seed
        longest[curve] = max(longest.get(curve, 0), epochs_of(point.params))
    return list(longest.values())


def _key(params: Params) -> str:
    return json.dumps(params, sort_keys=True)
