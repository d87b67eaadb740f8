"""What hyperparameters have to do with the value: importances, all params at once, slices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from hpsearch.figures import show_figure
from hpsearch.goal import Goal
from hpsearch.pictures.drawing import (
    BLACK,
    BLUE,
    GREY,
    SEQUENCE,
    STYLE,
    VERMILLION,
    entitle,
    is_wide,
    new_figure,
    shown,
)
from hpsearch.study.trials import TrialRow
from hpsearch.task import ParamValue

N_AT_LEAST = 20  # finished configurations; with fewer, importances are mostly chance
N_PER_PARAM = 2  # at least as many again
N_SHARP = 200  # points of a panel; more of them are pixels, or an SVG would be large
ABSENT_WIDTH = 0.25  # of an axis
NEAR = 0.24  # of an axis: ticks closer than that would run into each other
ABSENT = "none"  # a hyperparameter that a trial did not have


def too_few(n_finished: int, n_params: int) -> str:
    """The warning that importances need, in a sentence; empty if there are enough."""
    needed = max(N_AT_LEAST, N_PER_PARAM * n_params)
    if n_finished >= needed:
        return ""
    return (
        f"{n_finished} configurations are too few to trust this: with {n_params} "
        f"hyperparameters, take {needed} or more."
    )


@rc_context(STYLE)
def draw_importances(importances: Mapping[str, float], n_finished: int) -> Figure:
    """How much each hyperparameter has to do with a good value.

    Args:
        importances: Shares that sum to 1, by hyperparameter; at least one.
        n_finished: How many configurations they come from.
    """
    ordered = sorted(importances.items(), key=lambda pair: pair[1])
    figure, (panel,) = new_figure(panel_height=0.7 + 0.26 * len(ordered))
    warning = too_few(n_finished, len(ordered))
    bars = panel.barh(
        [shown(name, 22) for name, _ in ordered],
        [share for _, share in ordered],
        color="white" if warning else BLUE,
        edgecolor=BLUE,
        hatch="///" if warning else "",
    )
    panel.bar_label(bars, [f"{share:.0%}" for _, share in ordered], padding=3)
    panel.set_xlim(0, 1.12 * max(max(importances.values()), 1e-9))
    panel.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    panel.xaxis.set_major_locator(MaxNLocator(4))
    panel.grid(visible=False, axis="y")
    panel.set_xlabel("share of importance")
    name, share = ordered[-1]
    entitle(
        figure,
        f"Too few trials to tell; so far {shown(name, 22)} leads with {share:.0%}"
        if warning
        else f"{shown(name, 22)} matters most: {share:.0%}",
        warning,
        f"PED-ANOVA on {n_finished} configurations: what sets the best tenth apart.",
    )
    return figure


@dataclass(frozen=True)
class Scale:
    """The values of a hyperparameter on an axis from 0 to 1."""

    name: str
    values: list[ParamValue]
    """Those that occur: sorted if they are numbers, else in the order of their names."""
    is_number: bool
    is_log: bool
    has_absent: bool
    """Whether some trials do not have it: their place is the far left."""

    @staticmethod
    def of(name: str, found: Sequence[ParamValue]) -> Scale:
        """A scale that holds all of some values."""
        there = [value for value in found if value is not None]
        numbers = [v for v in there if isinstance(v, int | float) and not isinstance(v, bool)]
        is_number = bool(numbers) and len(numbers) == len(there)
        values: list[ParamValue] = [*set(there)]
        values.sort(key=(lambda v: float(v or 0)) if is_number else str)
        return Scale(
            name,
            values,
            is_number,
            is_number and is_wide(numbers),
            has_absent=len(there) < len(found),
        )

    @property
    def left(self) -> float:
        """Where the smallest value is."""
        return ABSENT_WIDTH if self.has_absent and self.values else 0.0

    def place(self, value: ParamValue) -> float:
        """Where a value is."""
        if value is None or not self.values:
            return 0.0
        if not self.is_number:
            share = (self.values.index(value) + 0.5) / len(self.values)
        elif len(self.values) == 1:
            share = 0.5
        else:
            low, high, at = (self._linear(v) for v in (self.values[0], self.values[-1], value))
            share = (at - low) / (high - low)
        return self.left + (1 - self.left) * share

    def ticks(self) -> dict[float, str]:
        """What stands at which place."""
        marked = self.values
        if self.is_number and len(marked) > 2:
            ends = [marked[0], marked[-1]]
            middle = min(marked, key=lambda v: abs(self.place(v) - (self.left + 1) / 2))
            is_apart = all(abs(self.place(middle) - self.place(end)) > NEAR for end in ends)
            marked = [ends[0], middle, ends[1]] if is_apart else ends
        ticks = {self.place(value): describe(value) for value in marked}
        return {0.0: ABSENT, **ticks} if self.has_absent else ticks

    def _linear(self, value: ParamValue) -> float:
        assert isinstance(value, int | float)
        return math.log(value) if self.is_log else float(value)


def describe(value: ParamValue) -> str:
    """A hyperparameter's value on an axis."""
    return f"{value:.2g}" if isinstance(value, float) else shown(value, 12)


@rc_context(STYLE)
def draw_parallel(rows: Sequence[TrialRow], goal: Goal) -> Figure:
    """The params of all trials: one line down through an axis for each hyperparameter.

    Args:
        rows: Trials with a value, at least one.
        goal: Says which value is better.
    """
    scales = [Scale.of(name, found) for name, found in _by_name(rows).items()]
    figure, (panel,) = new_figure(panel_height=0.9 + 0.48 * len(scales))
    values = [row.value for row in rows if row.value is not None]
    norm = Normalize(min(values), max(values))
    colours = _dark_if_good(goal)
    ordered = sorted(rows, key=lambda row: (goal.key(row.value or 0.0), row.number), reverse=True)
    best = ordered[-1]
    heights = range(len(scales))
    for row in ordered:
        places = [scale.place(row.params.get(scale.name)) for scale in scales]
        panel.plot(places, heights, color=colours(norm(row.value or 0.0)), lw=1, alpha=0.85,
                   label=f"trial {row.number}")  # fmt: skip
    places = [scale.place(best.params.get(scale.name)) for scale in scales]
    panel.plot(places, heights, color=VERMILLION, lw=2, marker="o", ms=5, label="best")
    for height, scale in enumerate(scales):
        panel.axhline(height, color=BLACK, lw=0.7)
        for place, text in scale.ticks().items():
            side = "left" if place < 0.1 else "right" if place > 0.9 else "center"
            panel.annotate(text, (place, height), xytext=(0, -4), textcoords="offset points",
                           ha=side, va="top", bbox={"fc": "white", "ec": "none", "pad": 0.6,
                           "alpha": 0.75})  # fmt: skip
    panel.set_yticks(heights, [shown(scale.name, 16) for scale in scales])
    panel.set_ylim(len(scales) - 0.5, -0.4)
    panel.set_xlim(-0.02, 1.02)
    panel.set_xticks([])
    panel.grid(visible=False)
    panel.spines[["left", "bottom"]].set_visible(False)
    panel.tick_params(axis="y", length=0)
    bar = figure.colorbar(ScalarMappable(norm, colours), ax=panel, location="bottom", aspect=40,
                          shrink=0.9, pad=0.01)  # fmt: skip
    bar.set_label(shown(goal.label, 30))
    bar.ax.xaxis.set_major_locator(MaxNLocator(5))
    entitle(
        figure,
        f"Trial {best.number} has the best of {len(rows)} values, {show_figure(best.value or 0.0)}",
        "A line is a trial; it meets each axis at its value.",
        marks=[Line2D([], [], color=VERMILLION, lw=2, marker="o", label="the best trial")],
    )
    return figure


@rc_context(STYLE)
def draw_slices(rows: Sequence[TrialRow], goal: Goal) -> Figure:
    """Value against each hyperparameter that takes more than one value.

    Args:
        rows: Trials with a value, at least one.
        goal: Says which value is better.
    """
    by_name = _by_name(rows)
    varied = {name: found for name, found in by_name.items() if len(set(map(repr, found))) > 1}
    scales = [Scale.of(name, found) for name, found in (varied or by_name).items()]
    figure, panels = new_figure(len(scales), panel_height=1.6, n_columns=2, sharey=True)
    best = min(rows, key=lambda row: goal.key(row.value or 0.0))
    for panel, scale in zip(panels, scales, strict=True):
        _draw_slice(panel, scale, rows, best)
    figure.supylabel(shown(goal.label, 30), fontsize=9)
    entitle(
        figure,
        f"Where the best value lies: {show_figure(best.value or 0.0)} of trial {best.number}",
        "Other hyperparameters vary too: a slope is no proof.",
        marks=[
            Line2D([], [], marker="o", color=BLUE, mfc="none", ls="", label="a trial"),
            Line2D([], [], marker="*", ms=10, color=VERMILLION, ls="", label="the best"),
        ],
    )
    return figure


def _draw_slice(panel: Axes, scale: Scale, rows: Sequence[TrialRow], best: TrialRow) -> None:
    places = [scale.place(row.params.get(scale.name)) for row in rows]
    panel.plot(places, [row.value for row in rows], "o", color=BLUE, mfc="none", alpha=0.8,  # type: ignore[arg-type]
               label="trials", rasterized=len(rows) > N_SHARP)  # fmt: skip
    panel.plot(scale.place(best.params.get(scale.name)), best.value, "*", ms=10,  # type: ignore[arg-type]
               color=VERMILLION, label="best")  # fmt: skip
    ticks = scale.ticks()
    few = scale.is_number or len(ticks) <= 3
    panel.set_xticks(list(ticks), [shown(text, 12) for text in ticks.values()],
                     rotation=0 if few else 45, ha="center" if few else "right")  # fmt: skip
    panel.set_xlim(-0.08, 1.08)
    panel.set_title(shown(scale.name, 22), color=BLACK)
    panel.spines["bottom"].set_color(GREY)


def _dark_if_good(goal: Goal) -> Colormap:
    """Colours from light to dark, also in grey; the lightest are left out."""
    places = np.linspace(0.85, 0.0) if goal.maximize else np.linspace(0.0, 0.85)
    return LinearSegmentedColormap.from_list("value", colormaps[SEQUENCE](places))


def _by_name(rows: Sequence[TrialRow]) -> dict[str, list[ParamValue]]:
    names = dict.fromkeys(name for row in rows for name in row.params)
    return {name: [row.params.get(name) for row in rows] for name in names}
