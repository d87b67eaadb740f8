"""The table of a sweep as a header and rows, with what a reader must know to read it."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

from optuna.study import Study

from hpsearch.errors import NothingFinished
from hpsearch.figures import show_figure, show_gain
from hpsearch.files import as_markdown_table
from hpsearch.lab.table import FactorTable, LevelRow, SweepTable, against, read_table, spread
from hpsearch.study.note import show_in_note
from hpsearch.study.record import Record
from hpsearch.study.storage import Storage
from hpsearch.task import ParamValue

BEST = "*"
NOT_REAL = "≈"
TOGETHER = FactorTable(name="together", rows=[], best=None)
"""Stands for the factor of combinations and winners of searches."""


def remarks(table: SweepTable) -> list[str]:
    """How to read the table, and what it cost."""
    if not table.n_seeds:
        return [
            "The baseline has not been trained to its end yet: there is nothing to compare with."
        ]
    seeds = "1 seed" if table.n_seeds == 1 else f"{table.n_seeds} seeds"
    lines = [
        f"Means over {seeds}, and the standard deviation of {table.goal.label}, after the last "
        f"epoch. Gain: the mean minus the baseline's. {BEST} The best level of its factor."
    ]
    if table.n_seeds < 2:
        lines.append(
            "With one seed, differences cannot be told from chance: use hpsearch sweep --seeds 3."
        )
    else:
        lines.append(
            f"{NOT_REAL} No real difference from the baseline: the 95 % interval (Welch's t over "
            "seeds) holds zero. Of twenty other levels, one may look real by chance."
        )
    if n := table.n_without_curve:
        what = "The curve of 1 trial is" if n == 1 else f"The curves of {n} trials are"
        lines.append(
            f"{what} not here, but on another machine or removed to save space: "
            "time, weights and the metric on training examples are missing."
        )
    lines.append(
        f"Epochs trained: {table.n_epochs:,}; each row by itself would have taken "
        f"{table.n_epochs_apart:,}."
    )
    return lines


HEADER = [
    "factor",
    "level",
    "seeds",
    "{train}",
    "{train}_sd",
    "{metric}",
    "{metric}_sd",
    "best_epoch",
    "fit",
    "overfits_from",
    "s_per_epoch",
    "s_total",
    "weights",
    "difference",
    "difference_low",
    "difference_high",
    "judged",
]


def as_cells(table: SweepTable) -> tuple[list[str], list[list[ParamValue]]]:
    """The table as a header and rows, the baseline first."""
    metric = table.goal.metric
    names = {"train": metric.removeprefix("val_"), "metric": metric}
    rows = [_cells(table.baseline, table, None)]
    rows += [_cells(level, table, factor) for factor in table.factors for level in factor.rows]
    rows += [_cells(level, table, TOGETHER) for level in table.combined]
    return [name.format(**names) for name in HEADER], rows


def as_brief_cells(table: SweepTable) -> tuple[list[str], list[list[ParamValue]]]:
    """The table as people read it on a page, the factor's name in front of its first level."""
    metric = table.goal.metric
    header = [
        "factor",
        "level",
        metric.removeprefix("val_"),
        metric,
        "best at",
        "overfits",
        "s/epoch",
        "s",
        "weights",
        "gain",
    ]
    rows = [_brief("", table.baseline, table, None)]
    for factor in [*table.factors, replace(TOGETHER, rows=table.combined)]:
        rows += [
            _brief("" if i else factor.name, level, table, factor)
            for i, level in enumerate(factor.rows)
        ]
    return header, rows


def note_table(storage: Storage, study: Study, record: Record) -> str:
    """The table in the note of a sweep, as far as it has come; nothing for a search."""
    if not record.points:
        return ""
    try:
        return as_note(read_table(storage, study, record))
    except NothingFinished:
        return ""


def as_note(table: SweepTable) -> str:
    """The table in Markdown, for the study's note."""
    return as_markdown_table(*as_brief_cells(table), show_in_note)


def _brief(
    name: str, level: LevelRow, table: SweepTable, factor: FactorTable | None
) -> list[ParamValue]:
    deviation = spread(level.values)
    figure = show_figure(fmean(level.values)) if level.values else None
    if figure and deviation is not None:
        figure += f" ± {show_figure(deviation, like=fmean(level.values))}"
    overfits = f"from {level.onset}" if level.onset else None if level.fit is None else level.fit
    return [
        name,
        level.label,
        show_figure(fmean(level.train_values)) if level.train_values else None,
        figure or (level.others[0].value if level.others else "not trained"),
        level.best_epoch,
        None if overfits is None else str(overfits),
        _rounded(level.epoch_s, 2),
        _rounded(level.total_s, 1),
        None if level.n_weights is None else f"{level.n_weights:,}",
        gain_cell(level, table, factor),
    ]


def gain_cell(level: LevelRow, table: SweepTable, factor: FactorTable | None) -> str:
    """The gain over the baseline, with the marks of the best level and of no real difference."""
    best = f"{BEST} " if factor is not None and level is factor.best else ""
    if level.is_baseline or not level.values or not table.baseline.values:
        return f"{best}baseline" if level.is_baseline and factor else best.strip()
    found = against(level, table.baseline)
    sign = NOT_REAL if found is not None and found.holds(0.0) else ""
    return f"{best}{sign}{show_gain(fmean(level.values) - fmean(table.baseline.values))}"


def _cells(level: LevelRow, table: SweepTable, factor: FactorTable | None) -> list[ParamValue]:
    found = against(level, table.baseline)
    is_compared = bool(level.values and table.baseline.values) and not level.is_baseline
    judged = []
    if factor is not None and level is factor.best:
        judged.append("best")
    if found is not None and found.holds(0.0):
        judged.append("no real difference")
    if not level.trainings and level.others:
        judged.append(level.others[0].value)
    return [
        None if factor is None else factor.name,
        level.label,
        len(level.trainings),
        _rounded(fmean(level.train_values) if level.train_values else None),
        _rounded(spread(level.train_values)),
        _rounded(fmean(level.values) if level.values else None),
        _rounded(spread(level.values)),
        level.best_epoch,
        None if level.fit is None else level.fit.value,
        level.onset,
        _rounded(level.epoch_s, 3),
        _rounded(level.total_s, 1),
        level.n_weights,
        _rounded(fmean(level.values) - fmean(table.baseline.values) if is_compared else None),
        None if found is None else _rounded(found.low),
        None if found is None else _rounded(found.high),
        ", ".join(judged),
    ]


def _rounded(number: float | None, digits: int = 4) -> float | None:
    return None if number is None else round(number, digits)
