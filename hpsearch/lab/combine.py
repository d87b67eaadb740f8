"""Combine the best levels of a sweep, and say what that came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from hpsearch.curves.onset import Fit
from hpsearch.errors import SpaceError, UsageError
from hpsearch.evaluation.intervals import Interval, contrast, difference
from hpsearch.figures import show_gain
from hpsearch.goal import Goal
from hpsearch.lab.table import FactorTable, LevelRow, SweepTable
from hpsearch.study.record import Point, Record
from hpsearch.study.space import Space, params_of
from hpsearch.study_file import StudyFile
from hpsearch.task import Factor, Params, describe_params

COMBINED = "combined"


@dataclass(frozen=True, kw_only=True)
class Combination:
    """The best level of every factor together."""

    params: Params
    """Complete."""
    parts: list[LevelRow]
    """The levels that are combined: each the best of its factor, and not the baseline's."""
    remarks: list[str]
    """What was left out, in words."""

    @property
    def label(self) -> str:
        """`combined: units_1=256 activation=tanh`."""
        values = {name: value for part in self.parts for name, value in part.sets.items()}
        return f"{COMBINED}: " + " ".join(f"{name}={value}" for name, value in values.items())


def combine(study_file: StudyFile, space: Space, table: SweepTable) -> Combination:
    """The best levels of a sweep, together.

    Raises:
        UsageError: As `best_levels`, or the space does not hold the best levels together.
    """
    parts, remarks = best_levels(study_file.task.paths, table)
    values = {name: value for part in parts for name, value in part.sets.items()}
    together = Factor(name=COMBINED, levels=(values,))
    try:
        params = params_of(study_file, space, together, values)
    except SpaceError as error:
        raise UsageError(f"the best levels cannot be combined: {error}") from error
    return Combination(params=params, parts=parts, remarks=remarks)


def best_levels(paths: Mapping[str, object], table: SweepTable) -> tuple[list[LevelRow], list[str]]:
    """The levels of a sweep that are better than its baseline, the best of each factor.

    Paths take no part: their levels are combinations already. Of two levels that set the same
    hyperparameter to other values, the one with the better mean stays.

    Returns:
        The levels in the order of the table, and what was left out, in words.

    Raises:
        UsageError: Fewer than two factors have such a level.
    """
    goal = table.goal
    better = [
        factor.best
        for factor in table.factors
        if factor.name not in paths and factor.best is not None and _beats(factor, table)
    ]
    parts: list[LevelRow] = []
    remarks: list[str] = []
    values: Params = {}
    for part in sorted(better, key=lambda row: goal.key(fmean(row.values))):
        clash = [name for name, value in part.sets.items() if values.get(name, value) != value]
        if clash:
            remarks.append(f"without {part.label}: a better level sets another {clash[0]}")
            continue
        values.update(part.sets)
        parts.append(part)
    if len(parts) < 2:
        names = "no factor has" if not parts else "only one factor has"
        raise UsageError(
            f"{names} a level that is better than the baseline: there is nothing to combine"
        )
    parts.sort(key=better.index)
    return parts, remarks


def seeds_of(record: Record, baseline: Params) -> list[int]:
    """The seeds of a sweep, in the order in which they were added.

    A winner of a search may be the baseline too: the seeds that it got as such do not count, or
    each new comparison would add one.
    """
    planned = (point for point in record.points if not point.label)
    return [point.seed for point in planned if point.params == baseline]


def points_of(label: str, params: Params, seeds: Sequence[int]) -> list[Point]:
    """A network with each seed of a sweep."""
    return [Point(params, seed, label) for seed in seeds]


def describe_combination(table: SweepTable, row: LevelRow, parts: Sequence[LevelRow]) -> list[str]:
    """What a combination came to, in sentences.

    Args:
        table: The sweep, with the combination trained.
        row: The combination's row.
        parts: The levels that it combines.
    """
    if not row.values or not table.baseline.values:
        outcome = row.others[0].value if row.others else "not trained"
        return [f"The combination has no figures: {outcome}."]
    best_part = min(parts, key=lambda part: table.goal.key(fmean(part.values)))
    single = f"the best single change ({describe_params(best_part.sets)})"
    return [
        compare("The combination", row, "the baseline", table.baseline, table.goal),
        compare("The combination", row, single, best_part, table.goal),
        _interaction(table, row, parts),
        *_side_effects(table.baseline, row),
    ]


def compare(name: str, row: LevelRow, other_name: str, other: LevelRow, goal: Goal) -> str:
    """Two networks of a sweep in a sentence, with the interval of the difference."""
    if not row.values or not other.values:
        return f"{name} and {other_name} cannot be compared: one of them has no figures."
    gain = fmean(row.values) - fmean(other.values)
    found = difference(row.values, other.values, None)
    if found is None:
        return f"{name} minus {other_name}: {show_gain(gain)}; {without_interval(row, other)}."
    span = f"{show_gain(gain)} ({_span(found)})"
    if found.holds(0.0):
        return f"{name} and {other_name} cannot be told apart: the difference is {span}."
    word = "better" if goal.is_better(fmean(row.values), fmean(other.values)) else "worse"
    return f"{name} is {word} than {other_name}: the difference is {span}."


def without_interval(row: LevelRow, other: LevelRow) -> str:
    """Why a difference has no interval."""
    if min(len(row.values), len(other.values)) < 2:
        return "one seed cannot tell that from chance"
    return "all seeds come to the same"


def _interaction(table: SweepTable, row: LevelRow, parts: Sequence[LevelRow]) -> str:
    """Whether the combination gained what the single changes promised."""
    baseline = fmean(table.baseline.values)
    promised = sum(fmean(part.values) - baseline for part in parts)
    gained = fmean(row.values) - baseline
    told = (
        f"The single changes promised {show_gain(promised)} together; the combination gained "
        f"{show_gain(gained)}"
    )
    found = contrast(
        [
            (1, row.values),
            (len(parts) - 1, table.baseline.values),
            *((-1, part.values) for part in parts),
        ]
    )
    if found is None:
        return f"{told}."
    span = f"{show_gain(gained - promised)} ({_span(found)})"
    if found.holds(0.0):
        return f"{told}. The difference is {span}: no interaction of the factors can be shown."
    return f"{told}. The difference is {span}: the factors interact."


def _side_effects(baseline: LevelRow, row: LevelRow) -> list[str]:
    """What the combination did to time and overfitting."""
    sentences = []
    if row.total_s and baseline.total_s:
        ratio = row.total_s / baseline.total_s
        times = "about" if 0.95 < ratio < 1.05 else f"{ratio:.2g} times"
        sentences.append(
            f"A training takes {row.total_s:.3g} s instead of {baseline.total_s:.3g} s, "
            f"{times} as long."
        )
    ours, theirs = _fit(row), _fit(baseline)
    if ours and theirs:
        sentences.append(f"The combination {ours}; the baseline {theirs}.")
    return sentences


def _fit(row: LevelRow) -> str:
    match row.fit:
        case None:
            return ""
        case Fit.OVERFITS:
            return f"overfits from epoch {row.onset}"
        case Fit.NO_OVERFITTING:
            return "does not overfit"
        case Fit.UNDERFITS:
            return "still underfits"
        case Fit.DIVERGED:
            return "diverges"
        case Fit.TOO_SHORT:
            return "trains too few epochs to tell whether it overfits"


def _beats(factor: FactorTable, table: SweepTable) -> bool:
    """Whether the best level of a factor has a better mean than the baseline."""
    best = factor.best
    if best is None or best.is_baseline or not table.baseline.values:
        return False
    return table.goal.is_better(fmean(best.values), fmean(table.baseline.values))


def _span(found: Interval) -> str:
    return f"95 % interval {show_gain(found.low)} to {show_gain(found.high)}"
