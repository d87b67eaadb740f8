"""Learning curves: training as dots, validation as a line, and where overfitting begins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullFormatter

from hpsearch.curves.onset import Fit, Onset
from hpsearch.goal import Goal, Logs
from hpsearch.pictures.drawing import (
    BLACK,
    BLUE,
    COLOURS,
    DASHES,
    GREY,
    MARKERS,
    ORANGE,
    STYLE,
    VERMILLION,
    entitle,
    new_figure,
    shown,
)

GRADIENT = "gradient_norm"
EXPLODED = 30  # times the median of a panel


@dataclass(frozen=True, kw_only=True)
class Curves:
    """A network's curves, one for each seed, and what tables say of them."""

    label: str
    seeds: Sequence[Sequence[Logs]]
    """Keras's logs by epoch, per seed; lengths may differ."""
    best_epoch: int | None
    """The epoch with the best metric, a median over seeds."""
    onset: Onset | None

    @property
    def n_epochs(self) -> int:
        """The length of the longest."""
        return max(map(len, self.seeds), default=0)

    def values(self, name: str) -> tuple[list[int], list[list[float]]]:
        """Epochs that logged something finite, and its values over seeds for each."""
        found: dict[int, list[float]] = {}
        for logs in self.seeds:
            for epoch, one in enumerate(logs, 1):
                if math.isfinite(one.get(name, math.nan)):
                    found.setdefault(epoch, []).append(one[name])
        return sorted(found), [found[epoch] for epoch in sorted(found)]


@rc_context(STYLE)
def draw_curves(
    curves: Curves, goal: Goal, *, title: str = "", published: Mapping[int, Logs] | None = None
) -> Figure:
    """Loss and metric of one network, one above the other.

    Args:
        curves: The network's.
        goal: Names the metric.
        title: Begins the picture's title, such as `trial 7`.
        published: Keras's logs as a lab published them, by epoch, to lay over; those of epochs
            that the network never trained are left out.
    """
    metric = _metric_beside_loss(curves, goal)
    within = {e: logs for e, logs in (published or {}).items() if e <= curves.n_epochs}
    names = ["loss", *([metric] if metric else [])]
    figure, axes = new_figure(len(names), panel_height=1.9, sharex=True)
    for panel, name in zip(axes, names, strict=True):
        _draw_training(panel, curves, name, BLUE)
        _draw_validation(panel, curves, f"val_{name}", VERMILLION)
        _draw_published(panel, within, name, ":")
        _draw_published(panel, within, f"val_{name}", "--")
        _mark_epochs(panel, curves)
        _scale(panel)
        panel.set_ylabel(shown(name.replace("_", " "), 22))
    axes[-1].set_xlabel("epoch")
    _whole_epochs(axes[-1], curves.n_epochs)
    point = str(curves.onset) if curves.onset else f"{curves.n_epochs} epochs, no validation loss"
    marks = _explain(curves, goal, is_published=bool(within))
    entitle(figure, f"{title or curves.label}: {point}", _explain_band([curves]), marks=marks)
    return figure


@dataclass(frozen=True, kw_only=True)
class LevelPanel:
    """What one panel shows of some levels of a factor."""

    title: str
    log: str
    """What the lines show, such as `val_accuracy`; on training data, dots do."""
    levels: Sequence[Curves]


@rc_context(STYLE)
def draw_level_curves(panels: Sequence[LevelPanel], *, title: str, note: str = "") -> Figure:
    """A line for each level of a factor, in one panel or several.

    Args:
        panels: At least one, each with levels.
        title: The picture's.
        note: Said below it.
    """
    figure, axes = new_figure(len(panels), panel_height=2.2)
    for axis, panel in zip(axes, panels, strict=True):
        train = panel.log.removeprefix("val_")
        handles = []
        for i, level in enumerate(panel.levels):
            colour, dashes = COLOURS[i % len(COLOURS)], DASHES[i % len(DASHES)]
            if train != panel.log:
                _draw_training(axis, level, train, colour)
            _draw_validation(axis, level, panel.log, colour, dashes, MARKERS[i % len(MARKERS)])
            handles.append(Line2D([], [], color=colour, ls=dashes, label=_describe(level)))
        if axis is axes[0] or panel.title != panels[axes.index(axis) - 1].title:
            axis.set_title(shown(panel.title))
        axis.set_ylabel(shown(panel.log.replace("_", " "), 24))
        axis.set_xlabel("epoch")
        _whole_epochs(axis, max(level.n_epochs for level in panel.levels))
        _scale(axis)
        if panel is panels[-1] or panel.levels != panels[-1].levels:
            axis.legend(handles=handles, loc="upper left", bbox_to_anchor=(-0.15, -0.22))
            figure.set_figheight(figure.get_figheight() + 0.19 * len(handles))
    levels = [level for panel in panels for level in panel.levels]
    has_dots = any(panel.log.startswith("val_") for panel in panels)
    lines = "Lines: validation; dots: training." if has_dots else ""
    marks = "A mark on a line: there overfitting begins." if any(map(overfits, levels)) else ""
    entitle(figure, title, f"{lines} {marks}".strip(), _explain_band(levels), note)
    return figure


@rc_context(STYLE)
def draw_gradient(curves: Curves, *, title: str) -> Figure:
    """The norm of the gradient, as a mean over the batches of each epoch.

    Args:
        curves: The network's; they log `gradient_norm`.
        title: Begins the picture's title.
    """
    figure, (panel,) = new_figure()
    _draw_validation(panel, curves, GRADIENT, BLUE)
    panel.set_ylabel("gradient norm")
    panel.set_xlabel("epoch")
    _whole_epochs(panel, curves.n_epochs)
    _scale(panel)
    _epochs, values = curves.values(GRADIENT)
    first, last = (fmean(values[i]) for i in (0, -1))
    entitle(
        figure,
        f"{title}: the gradient's norm goes from {first:.3g} to {last:.3g}",
        "L2 norm before clipping, mean over the batches of an epoch.",
        _explain_band([curves]),
    )
    return figure


def _metric_beside_loss(curves: Curves, goal: Goal) -> str:
    """What the second panel shows: the metric, or an accuracy if the metric is the loss."""
    metric = goal.metric.removeprefix("val_")
    if metric != "loss":
        return metric
    logged = {name for logs in curves.seeds for one in logs for name in one}
    return next((name for name in ("accuracy", "acc") if name in logged), "")


def _draw_training(panel: Axes, curves: Curves, name: str, colour: str) -> None:
    epochs, values = curves.values(name)
    panel.plot(epochs, list(map(fmean, values)), ".", color=colour, ms=3.5, label="training")


def _draw_validation(
    panel: Axes,
    curves: Curves,
    name: str,
    colour: str,
    dashes: object = "-",
    marker: str = "",
) -> None:
    """A line, a band over seeds, and, given a marker, where overfitting begins."""
    epochs, values = curves.values(name)
    means = list(map(fmean, values))
    alone = "s" if len(epochs) == 1 else ""  # a line of one point shows nothing
    panel.plot(epochs, means, color=colour, ls=dashes, marker=alone, label="validation")
    if any(len(one) > 1 for one in values):
        low, high = list(map(min, values)), list(map(max, values))
        panel.fill_between(epochs, low, high, color=colour, alpha=0.2, lw=0, label="band")
    onset = curves.onset.epoch if curves.onset is not None and overfits(curves) else None
    if marker and onset in epochs:
        at = means[epochs.index(onset)]
        panel.plot(onset, at, marker, color=colour, ms=7, mec=BLACK, label="onset")


def _draw_published(panel: Axes, published: Mapping[int, Logs], name: str, line: str) -> None:
    epochs = [epoch for epoch in sorted(published) if name in published[epoch]]
    values = [published[epoch][name] for epoch in epochs]
    gaps = [i for i in range(1, len(epochs)) if epochs[i] > epochs[i - 1] + 1]
    for i in reversed(gaps):  # nobody printed what lies between
        epochs.insert(i, epochs[i])
        values.insert(i, math.nan)
    if epochs:
        panel.plot(epochs, values, ls=line, color=BLACK, lw=1.1, label=f"published {name}")


def _mark_epochs(panel: Axes, curves: Curves) -> None:
    if curves.best_epoch is not None:
        panel.axvline(curves.best_epoch, color=GREY, ls="-.", lw=1.1, label="best epoch")
    if curves.onset is not None and overfits(curves):
        assert curves.onset.epoch is not None
        panel.axvspan(
            curves.onset.epoch,
            max(curves.n_epochs, curves.onset.epoch) + 0.5,
            facecolor="none",
            edgecolor=ORANGE,
            hatch="///",
            alpha=0.45,
            lw=0,
            label="overfits",
        )
        panel.axvline(curves.onset.epoch, color=ORANGE, ls="--", lw=1.4, label="onset")


def _explain(curves: Curves, goal: Goal, *, is_published: bool) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=BLUE, marker=".", ls="", label="training"),
        Line2D([], [], color=VERMILLION, label="validation"),
    ]
    if curves.best_epoch is not None:
        label = f"best {goal.metric}: epoch {curves.best_epoch}"
        handles.append(Line2D([], [], color=GREY, ls="-.", lw=1.1, label=shown(label)))
    if curves.onset is not None and overfits(curves):
        label = f"overfits from epoch {curves.onset.epoch}"
        handles.append(Patch(facecolor="none", edgecolor=ORANGE, hatch="///", ls="--", label=label))
    if is_published:
        handles.append(Line2D([], [], color=BLACK, ls=":", lw=1.1, label="published training"))
        handles.append(Line2D([], [], color=BLACK, ls="--", lw=1.1, label="published validation"))
    return handles


def _explain_band(all_curves: Sequence[Curves]) -> str:
    n_seeds = max((len(curves.seeds) for curves in all_curves), default=0)
    return f"Means of {n_seeds} seeds; bands: the lowest to the highest." if n_seeds > 1 else ""


def _describe(level: Curves) -> str:
    best = [] if level.best_epoch is None else [f"best at {level.best_epoch}"]
    onset = [] if level.onset is None else [level.onset.brief]
    return f"{shown(level.label, 22)}: {', '.join(best + onset)}"


def overfits(curves: Curves) -> bool:
    """Whether overfitting was found."""
    return curves.onset is not None and curves.onset.fit is Fit.OVERFITS


def _whole_epochs(panel: Axes, n_epochs: int) -> None:
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    panel.set_xlim(0.5, max(n_epochs, 1) + 0.5)


def _scale(panel: Axes) -> None:
    """A logarithmic axis if a loss that exploded would press all others flat."""
    curves = [line for line in panel.lines if line.get_label() in {"training", "validation"}]
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in curves])
    if len(values) and values.min() > 0 and values.max() > EXPLODED * np.median(values):
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
