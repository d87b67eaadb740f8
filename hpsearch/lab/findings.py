"""Whether a sweep supports what a lab concluded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from hpsearch.curves.onset import Fit
from hpsearch.evaluation.intervals import difference
from hpsearch.figures import show_gain
from hpsearch.goal import Goal
from hpsearch.lab.table import FactorTable, LevelRow, SweepTable
from hpsearch.published import Finding
from hpsearch.task import Params, Task


class Support(StrEnum):
    """What our figures say about a finding."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "not decided"
    MISSING = "no evidence"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A finding, and what our figures say about it."""

    finding: Finding
    support: Support
    evidence: str
    """The figures, in words."""

    def __str__(self) -> str:
        """One line: the finding, the verdict, the figures."""
        return f"“{self.finding.words}”: {self.support.value}. {self.evidence}"


def judge_findings(task: Task, table: SweepTable) -> list[Verdict]:
    """What a sweep says about each published finding, in their order."""
    if task.published is None:
        return []
    return [_judge(finding, task, table) for finding in task.published.findings]


def _judge(finding: Finding, task: Task, table: SweepTable) -> Verdict:
    if finding.claim == "overfits":
        return _overfits(finding, table.baseline)
    factor = next((one for one in table.factors if one.name == finding.factor), None)
    if factor is None:
        return _missing(finding, f"The sweep does not vary {finding.factor}.")
    than = table.baseline
    if finding.than is not None:
        found = _row(factor, table, task.level(finding.factor, finding.than))
        if found is None:
            return _missing(finding, f"The sweep leaves out {finding.than}.")
        than = found
    wanted = [task.level(finding.factor, level) for level in finding.levels]
    rows = [_row(factor, table, sets) for sets in wanted]
    compared = [row for row in rows if row is not None] if wanted else factor.rows
    if len(compared) < len(rows):
        return _missing(finding, "The sweep leaves out a level that it is about.")
    if finding.claim == "best":
        others = [row for row in factor.rows if row is not compared[0]]
        pairs = [(compared[0], other) for other in others]
    else:
        pairs = [(row, than) for row in compared if row is not than and row.params != than.params]
    return _judge_pairs(finding, pairs, table.goal)


def _judge_pairs(
    finding: Finding, pairs: Sequence[tuple[LevelRow, LevelRow]], goal: Goal
) -> Verdict:
    """Judge by the interval of each pair's difference; all must agree."""
    if any(min(len(row.values), len(other.values)) < 2 for row, other in pairs):
        return _missing(finding, "It takes two seeds or more to tell a difference from chance.")
    evidence, supports = [], []
    for row, other in pairs:
        gain = fmean(row.values) - fmean(other.values)
        found = difference(row.values, other.values, None)
        low, high = (gain, gain) if found is None else (found.low, found.high)
        span = "" if found is None else f" (95 % interval {show_gain(low)} to {show_gain(high)})"
        evidence.append(f"{row.label} against {other.label}: {show_gain(gain)}{span}")
        supports.append(_support(finding, low, high, goal))
    order = (Support.CONTRADICTED, Support.UNDECIDED, Support.SUPPORTED)
    support = next((one for one in order if one in supports), Support.MISSING)
    return Verdict(finding=finding, support=support, evidence="; ".join(evidence) + ".")


def _support(finding: Finding, low: float, high: float, goal: Goal) -> Support:
    """What an interval of a difference says of a claim."""
    if finding.claim == "no different":
        if -finding.margin <= low and high <= finding.margin:
            return Support.SUPPORTED
        is_outside = low > finding.margin or high < -finding.margin
        return Support.CONTRADICTED if is_outside else Support.UNDECIDED
    if low <= 0 <= high:
        return Support.UNDECIDED
    is_better = goal.is_better(low, 0.0)
    return Support.SUPPORTED if is_better == (finding.claim != "worse") else Support.CONTRADICTED


def _overfits(finding: Finding, baseline: LevelRow) -> Verdict:
    match baseline.fit:
        case Fit.OVERFITS:
            told = f"The baseline overfits from epoch {baseline.onset} on."
            return Verdict(finding=finding, support=Support.SUPPORTED, evidence=told)
        case None | Fit.TOO_SHORT | Fit.DIVERGED:
            return _missing(finding, "The baseline's curve does not tell.")
        case fit:
            told = f"The baseline's curve says: {fit.value}."
            return Verdict(finding=finding, support=Support.CONTRADICTED, evidence=told)


def _row(factor: FactorTable, table: SweepTable, sets: Params) -> LevelRow | None:
    rows = [row for row in factor.rows if row.sets == sets]
    if not rows and all(table.baseline.params.get(name) == x for name, x in sets.items()):
        return table.baseline
    return rows[0] if rows else None


def _missing(finding: Finding, why: str) -> Verdict:
    return Verdict(finding=finding, support=Support.MISSING, evidence=why)
