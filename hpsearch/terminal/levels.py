"""The table of a sweep, for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from statistics import fmean

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hpsearch.curves.onset import Fit
from hpsearch.figures import show_figure
from hpsearch.lab.cells import TOGETHER, gain_cell, remarks
from hpsearch.lab.table import FactorTable, LevelRow, SweepTable, spread
from hpsearch.terminal.durations import describe_seconds
from hpsearch.terminal.printing import plain, print_line

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
    columns = [metric.removeprefix("val_"), table.goal.label, "best at", "overfits", "time"]
    for name in [*columns, *(["s/epoch", "weights"] if is_wide else []), "gain"]:
        grid.add_column(Text(plain(name)), justify="right", no_wrap=True)
    grid.add_row(*_for_people(table.baseline, table, None, is_wide=is_wide))
    for factor in table.factors:
        grid.add_section()
        grid.add_row(Text(plain(factor.name), style="bold"))
        for level in factor.rows:
            cells = _for_people(level, table, factor, is_wide=is_wide)
            grid.add_row(*cells, style="bold" if level is factor.best else "")
    if table.combined:
        grid.add_section()
        grid.add_row(Text(TOGETHER.name, style="bold"))
        for level in table.combined:
            grid.add_row(*_for_people(level, table, TOGETHER, is_wide=is_wide))
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
    yield show_figure(fmean(level.train_values)) if level.train_values else ""
    deviation = spread(level.values)
    yield show_figure(fmean(level.values)) + (
        "" if deviation is None else f" ±{show_figure(deviation, like=fmean(level.values))}"
    )
    yield str(level.best_epoch)
    yield _overfits(level)
    yield "" if level.total_s is None else describe_seconds(level.total_s)
    if is_wide:
        yield "" if level.epoch_s is None else f"{level.epoch_s:.2g}"
        yield "" if level.n_weights is None else f"{level.n_weights:,}"
    yield gain_cell(level, table, factor)


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
