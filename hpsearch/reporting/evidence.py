"""Sentences that answer a lab's questions, built from the figures alone."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from statistics import fmean

from hpsearch.errors import UsageError
from hpsearch.evaluation.sentences import test_sentences
from hpsearch.figures import show_figure, show_gain
from hpsearch.lab.combine import (
    COMBINED,
    best_levels,
    compare,
    describe_combination,
    without_interval,
)
from hpsearch.lab.findings import judge_findings
from hpsearch.lab.table import FactorTable, LevelRow, SweepTable, against, spread
from hpsearch.reporting.material import Material
from hpsearch.study.trials import TrialRow
from hpsearch.task import Evidence, Question, describe_params


def answer(question: Question, material: Material) -> list[str]:
    """What the figures say to a question.

    Returns:
        Sentences; what to do where there are no figures yet; nothing for a question that only
        words can answer.
    """
    if not question.evidence:
        return []
    return ANSWERS[Evidence(question.evidence)](material, question.factor)


def typed(*words: object) -> str:
    """An `hpsearch` command as a shell takes it, whatever a study's name holds."""
    return shlex.join(["hpsearch", *map(str, words)])


def _levels(material: Material, name: str) -> list[str]:
    factor = _factor(material, name)
    if factor is None:
        return _no_sweep(material, name)
    assert material.table is not None
    table, best = material.table, factor.best
    if best is None or not table.baseline.values:
        return _unfinished(name)
    values = ", ".join(f"{row.label}: {_mean(row)}" for row in factor.rows if row.values)
    told = f"{table.goal.label} by {name}: {values}."
    if best.is_baseline:
        return [told, f"The best level is {best.label}, the baseline's own."]
    found = against(best, table.baseline)
    gain = fmean(best.values) - fmean(table.baseline.values)
    if found is None:
        chance = without_interval(best, table.baseline)
    else:
        span = f"95 % interval {show_gain(found.low)} to {show_gain(found.high)}"
        is_none = found.holds(0.0)
        chance = f"no real difference ({span})" if is_none else f"a real difference ({span})"
    return [told, f"The best level is {best.label}, {show_gain(gain)} over the baseline; {chance}."]


def _time(material: Material, name: str) -> list[str]:
    factor = _factor(material, name)
    if factor is None:
        return _no_sweep(material, name)
    assert material.table is not None
    base = material.table.baseline.epoch_s
    times = ", ".join(
        f"{row.label}: {row.epoch_s:.2g} s"
        + (f" ({row.epoch_s / base:.2g} times the baseline's)" if base else "")
        for row in factor.rows
        if row.epoch_s is not None
    )
    if not times:
        return _unfinished(name)
    return [f"An epoch takes, by {name}: {times} (median over epochs and seeds)."]


def _overfitting_by_level(material: Material, name: str) -> list[str]:
    factor = _factor(material, name)
    if factor is None:
        return _no_sweep(material, name)
    told = ", ".join(
        f"{row.label}: " + (f"from epoch {row.onset}" if row.onset else row.fit.value)
        for row in factor.rows
        if row.fit is not None
    )
    if not told:
        return _unfinished(name)
    return [f"Overfitting by {name}: {told}."]


def _overfitting(material: Material, _name: str) -> list[str]:
    subject = material.sweep or material.search
    assert subject is not None
    rows = [row for row in subject.summary.rows if row.is_baseline and row.onset is not None]
    told = [f"The baseline, trial {row.number}: {row.onset}." for row in rows[:1]]
    return told or ["The baseline has not been trained to its end yet."]


def _baseline(material: Material, _name: str) -> list[str]:
    sentences = []
    if material.table is not None and material.table.baseline.values:
        row, n_seeds = material.table.baseline, len(material.table.baseline.values)
        sentences.append(
            f"The baseline reaches a {material.table.goal.label} of {_mean(row)} over {n_seeds} "
            f"seed{'' if n_seeds == 1 else 's'}."
        )
    elif (trial := _searched_baseline(material)) is not None and trial.value is not None:
        sentences.append(
            f"The baseline, trial {trial.number}, reaches a {material.subjects[0].goal.label} of "
            f"{show_figure(trial.value)}; one seed cannot tell how much of that is chance."
        )
    if material.openings:
        sentences += [
            sentence
            for sentence in test_sentences(material.openings, material.study_file.task.published)
            if "reproduced" in sentence or "Like for like" in sentence
        ]
    return sentences or _no_sweep(material, "the baseline")


def _searched_baseline(material: Material) -> TrialRow | None:
    rows = [] if material.search is None else material.search.finished
    return next((row for row in rows if row.is_baseline), None)


def _combination(material: Material, _name: str) -> list[str]:
    if material.table is None:
        return _no_sweep(material, "a combination")
    if material.combined is None:
        assert material.sweep is not None
        try:
            best_levels(material.study_file.task.paths, material.table)
        except UsageError as error:
            reason = str(error)
            return [f"{reason[0].upper()}{reason[1:]}."]
        command = typed("combine", material.sweep.name)
        if any(row.trainings and row.label.startswith(COMBINED) for row in material.table.combined):
            return [
                "With what has been trained since, other levels are best than those combined in "
                f"the table. They have not been trained together yet: {command}."
            ]
        return [f"Not trained yet: {command}."]
    combination, row = material.combined
    sentences = [f"Combined: {describe_params(_sets(combination.parts))}."]
    sentences += describe_combination(material.table, row, combination.parts)
    for other in material.table.combined:
        if other is not row and other.trainings and other.label.startswith("searched"):
            name = other.label.replace("searched: ", "the search's best, ")
            sentences.append(compare("The combination", row, name, other, material.table.goal))
    return sentences


def _search(material: Material, _name: str) -> list[str]:
    if material.search is None:
        return [f"Not searched yet: {typed('run', material.study_file.name)}."]
    best = material.search.summary.best
    assert best is not None
    n_trials = material.search.summary.n_trials
    return [
        f"The best of {n_trials} trial{'' if n_trials == 1 else 's'} is trial {best.number} with "
        f"{material.search.goal.label} {best}: {describe_params(best.params)}. A best "
        "of many is optimistic: only fresh seeds and the test split tell what it is worth."
    ]


def _test(material: Material, _name: str) -> list[str]:
    if material.openings:
        return test_sentences(material.openings, material.study_file.task.published)
    name = (material.search or material.subjects[0]).name
    return [f"The test split has not been opened: {typed('evaluate', name)}."]


def _findings(material: Material, _name: str) -> list[str]:
    if material.table is None:
        command = typed("sweep", material.study_file.name)
        return [
            "The lab's findings are about single factors, so only a sweep can judge them: "
            f"{command}."
        ]
    verdicts = judge_findings(material.study_file.task, material.table)
    return [str(verdict) for verdict in verdicts] or ["The study file names no findings."]


def _factor(material: Material, name: str) -> FactorTable | None:
    table: SweepTable | None = material.table
    return next((one for one in table.factors if one.name == name), None) if table else None


def _unfinished(name: str) -> list[str]:
    return [f"No level of {name} has finished yet."]


def _no_sweep(material: Material, what: str) -> list[str]:
    return [f"No figures on {what} yet: {typed('sweep', material.study_file.name)}."]


def _mean(row: LevelRow) -> str:
    deviation = spread(row.values)
    return show_figure(fmean(row.values)) + (
        "" if deviation is None else f" ± {show_figure(deviation, like=fmean(row.values))}"
    )


def _sets(parts: list[LevelRow]) -> dict[str, bool | int | float | str | None]:
    return {name: value for part in parts for name, value in part.sets.items()}


ANSWERS: Mapping[Evidence, Callable[[Material, str], list[str]]] = {
    Evidence.LEVELS: _levels,
    Evidence.TIME: _time,
    Evidence.OVERFITTING_BY_LEVEL: _overfitting_by_level,
    Evidence.OVERFITTING: _overfitting,
    Evidence.BASELINE: _baseline,
    Evidence.COMBINATION: _combination,
    Evidence.SEARCH: _search,
    Evidence.TEST: _test,
    Evidence.FINDINGS: _findings,
}
