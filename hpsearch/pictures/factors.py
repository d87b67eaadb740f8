"""A sweep's levels: what each came to, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hpsearch.figures import show_gain
from hpsearch.lab.table import FactorTable, LevelRow, SweepTable, against, spread
from hpsearch.pictures.drawing import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    STYLE,
    WIDTH,
    entitle,
    seconds,
    shown,
)

LABEL = 18  # characters of a level


@rc_context(STYLE)
def draw_factors(table: SweepTable, factors: Sequence[FactorTable]) -> Figure:
    """Value and time of each level, the other factors as in the baseline.

    Args:
        table: The sweep, of which at least one network is trained.
        factors: Which of its factors, at least one.
    """
    heights = [len(factor.rows) + 1.6 for factor in factors]
    figure = Figure(figsize=(WIDTH, 0.24 * sum(heights) + 0.5), layout="constrained")
    grid = figure.subplots(
        len(factors), 2, squeeze=False, sharex="col", sharey="row", height_ratios=heights,
        width_ratios=(3, 2),
    )  # fmt: skip
    for (values, times), factor in zip(grid, factors, strict=True):
        _draw_values(values, factor, table)
        _draw_times(times, factor, table)
    grid[-1][0].set_xlabel(shown(table.goal.label, 22))
    grid[-1][1].set_xlabel("training time")
    grid[-1][0].locator_params(axis="x", nbins=4)
    grid[-1][1].locator_params(axis="x", nbins=3)
    baseline = Line2D([], [], color=ORANGE, ls="--", label="baseline")
    best = Line2D([], [], marker="D", ms=6, color=BLUE, ls="", label="best of its factor")
    other = Line2D([], [], marker="o", ms=5, color=BLUE, mfc="white", ls="", label="other level")
    marks = [baseline, best, other]
    entitle(figure, _point(table, factors), _how(table), marks=marks, n_columns=3)
    return figure


def _draw_values(panel: Axes, factor: FactorTable, table: SweepTable) -> None:
    for place, level in enumerate(factor.rows):
        if not level.values:
            continue
        is_best = level is factor.best
        panel.errorbar(
            fmean(level.values),
            place,
            xerr=spread(level.values),
            fmt="D" if is_best else "o",
            ms=6 if is_best else 5,
            color=BLUE,
            mfc=BLUE if is_best else "white",
            capsize=2.5,
            elinewidth=1.2,
            label=shown(level.label),
        )
    if table.baseline.values:
        panel.axvline(fmean(table.baseline.values), color=ORANGE, ls="--", label="baseline")
    panel.set_yticks(range(len(factor.rows)), [shown(one.label, LABEL) for one in factor.rows])
    panel.set_ylim(len(factor.rows) - 0.4, -0.6)
    panel.set_title(shown(factor.name, 24))


def _draw_times(panel: Axes, factor: FactorTable, table: SweepTable) -> None:
    for place, level in enumerate(factor.rows):
        if level.total_s is not None:
            panel.barh(place, level.total_s, height=0.55, color="white", edgecolor=GREY,
                       hatch="//", label=shown(level.label))  # fmt: skip
        else:
            other = level.others[0].value if level.others else "not trained"
            panel.text(0, place, f" {other}", va="center", color=BLACK)
    if table.baseline.total_s is not None:
        panel.axvline(table.baseline.total_s, color=ORANGE, ls="--", label="baseline")
    panel.xaxis.set_major_formatter(lambda time, _: seconds(time) if time else "0")
    panel.grid(visible=False, axis="y")


def _point(table: SweepTable, factors: Sequence[FactorTable]) -> str:
    """The level that gains most over the baseline, and whether that may be chance."""
    best = [factor.best for factor in factors if factor.best is not None]
    if not best or not table.baseline.values:
        return "Levels against the baseline"
    top = min(best, key=lambda level: table.goal.key(fmean(level.values)))
    name = next(factor.name for factor in factors if factor.best is top)
    gain = fmean(top.values) - fmean(table.baseline.values)
    if top.is_baseline:
        return "No level is better than the baseline"
    sure = _is_sure(top, table)
    doubt = "" if sure else ", which may be chance" if sure is False else ", with one seed"
    return f"{shown(name, 20)} {shown(top.label, 20)} gains most: {show_gain(gain)}{doubt}"


def _is_sure(level: LevelRow, table: SweepTable) -> bool | None:
    found = against(level, table.baseline)
    return None if found is None else not found.holds(0.0)


def _how(table: SweepTable) -> str:
    n_seeds = table.n_seeds
    over = f"Means of {n_seeds} seeds, bars: standard deviation" if n_seeds > 1 else "One seed"
    return f"{over}. All else as in the baseline."
