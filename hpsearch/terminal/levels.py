"""The table of a sweep: for people, and as a header and rows for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from statistics import fmean

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hpsearch.curves.onset import Fit
from hpsearch.lab.table import FactorTable, LevelRow, SweepTable, against, spread
from hpsearch.terminal.durations import describe_seconds
from hpsearch.terminal.printing import Cell, plain, print_line

BEST = "*"
NOT_REAL = "≈"
WIDE = 100  # columns


def print_levels(console: Console, table: SweepTable) -> None:
    """Print a sweep's table, a block for each factor.

    Args:
        console: Where to. Only a wide one shows seconds per epoch and weights.
        table: The sweep.
    """
    is_wide = console.width >= WIDE
    metric = table.goal.metric
    print_line(console, f"{table.study}: {table.title}")
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    grid.add_column("level", overflow="fold", min_width=12)
    columns = [metric.removeprefix("val_"), metric, "best at", "overfits", "time"]
    for name in [*columns, *(["s/epoch", "weights"] if is_wide else []), "gain"]:
        grid.add_column(plain(name), justify="right", no_wrap=True)
    grid.add_row(*_for_people(table.baseline, table, None, is_wide=is_wide))
    for factor in table.factors:
        grid.add_section()
        grid.add_row(Text(plain(factor.name), style="bold"))
        for level in factor.rows:
            cells = _for_people(level, table, factor, is_wide=is_wide)
            grid.add_row(*cells, style="bold" if level is factor.best else "")
    print_line(console, "")
    console.print(grid)
    print_line(console, "")
    for line in remarks(table):
        for piece in textwrap.wrap(line, console.width):
            print_line(console, piece)


def _for_people(
    level: LevelRow, table: SweepTable, factor: FactorTable | None, *, is_wide: bool
) -> list[Text]:
    """The cells of a level; the baseline's own row belongs to no factor."""
    indent = "" if factor is None else "  "
    cells = [indent + level.label, *_figures(level, table, factor, is_wide=is_wide)]
    return [Text(plain(cell)) for cell in cells]


def _figures(
    level: LevelRow, table: SweepTable, factor: FactorTable | None, *, is_wide: bool
) -> Iterator[str]:
    if not level.trainings:
        yield from ("", level.others[0].value if level.others else "not trained")
        return
    yield f"{fmean(level.train_values):.4f}" if level.train_values else ""
    deviation = spread(level.values)
    yield f"{fmean(level.values):.4f}" + ("" if deviation is None else f" ±{deviation:.4f}")
    yield str(level.best_epoch)
    yield _overfits(level)
    yield "" if level.total_s is None else describe_seconds(level.total_s)
    if is_wide:
        yield "" if level.epoch_s is None else f"{level.epoch_s:.2g}"
        yield "" if level.n_weights is None else f"{level.n_weights:,}"
    best = BEST if factor is not None and level is factor.best else ""
    if level.is_baseline or not table.baseline.values:
        yield f"{best}{' ' if best else ''}{'baseline' if factor else ''}"
        return
    found = against(level, table.baseline)
    sign = NOT_REAL if found is not None and found.holds(0.0) else ""
    gain = fmean(level.values) - fmean(table.baseline.values)
    yield f"{best}{' ' if best else ''}{sign}{gain:+.4f}"


def _overfits(level: LevelRow) -> str:
    match level.fit:
        case Fit.OVERFITS:
            return f"from {level.onset}"
        case Fit.NO_OVERFITTING:
            return "no"
        case None:
            return ""
        case fit:
            return fit.value


def remarks(table: SweepTable) -> list[str]:
    """How to read the table, and what it cost."""
    seeds = "1 seed" if table.n_seeds == 1 else f"{table.n_seeds} seeds"
    lines = [
        f"Means over {seeds}, and the standard deviation of {table.goal.metric}, after the last "
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


def as_cells(table: SweepTable) -> tuple[list[str], list[list[Cell]]]:
    """The table as a header and rows, the baseline first."""
    metric = table.goal.metric
    names = {"train": metric.removeprefix("val_"), "metric": metric}
    rows = [_cells(table.baseline, table, None)]
    rows += [_cells(level, table, factor) for factor in table.factors for level in factor.rows]
    return [name.format(**names) for name in HEADER], rows


def _cells(level: LevelRow, table: SweepTable, factor: FactorTable | None) -> list[Cell]:
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
