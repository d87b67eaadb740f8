"""What is left of the gradient at each time step of recurrent networks."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter

from hpsearch.lab.gradients import LevelGradients
from hpsearch.pictures.drawing import COLOURS, DASHES, MARKERS, STYLE, entitle, new_figure, shown

N_MARKERS = 6  # on a line


@rc_context(STYLE)
def draw_step_gradients(found: Sequence[LevelGradients], how: str) -> Figure:
    """A line for each level, from the first time step to the last, on a logarithmic axis.

    Args:
        found: At least one level, each with a norm for at least one step.
        how: What the networks are and how they were measured, said below the picture.
    """
    figure, (panel,) = new_figure(panel_height=2.6)
    marks = []
    for i, level in enumerate(found):
        n_steps = len(level.norms)
        line = Line2D(
            range(1 - n_steps, 1),
            [norm if _is_drawn(norm) else math.nan for norm in level.norms],
            color=COLOURS[i % len(COLOURS)],
            ls=DASHES[i % len(DASHES)],
            marker=MARKERS[i % len(MARKERS)],
            markevery=max(1, n_steps // N_MARKERS),
            label=f"{shown(level.label, 24)}: first / last step {_share(level):.2g}",
        )
        panel.add_line(line)
        marks.append(line)
    panel.set_yscale("log")
    panel.autoscale_view()
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:.0e}")
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    panel.xaxis.set_major_formatter(lambda step, _: f"{step:.0f}" if step else "last")
    panel.set_xlabel("time step, counted from the last one")
    panel.set_ylabel("gradient norm")
    is_broken = any(not _is_drawn(norm) for level in found for norm in level.norms)
    breaks = "No line where the gradient is 0 or not finite." if is_broken else ""
    entitle(figure, _point(found), how, breaks, marks=marks, n_columns=1)
    return figure


def _is_drawn(norm: float) -> bool:
    """Whether a logarithmic axis has a place for it."""
    return math.isfinite(norm) and norm > 0


def _share(level: LevelGradients) -> float:
    """The gradient at the first step over that at the last; NaN if it cannot be told."""
    first, last = level.norms[0], level.norms[-1]
    return first / last if math.isfinite(first) and _is_drawn(last) else math.nan


def _point(found: Sequence[LevelGradients]) -> str:
    """How much of the gradient reaches the first step, or with which level most of it does."""
    told = [level for level in found if not math.isnan(_share(level))]
    if not told:
        return "No network has a gradient to compare"
    top = max(told, key=_share)
    if len(found) > 1:
        return f"Most of the gradient reaches the first step with {shown(top.label, 24)}"
    return f"At the first of {len(top.norms)} time steps, {_share(top):.2g} of the gradient is left"
