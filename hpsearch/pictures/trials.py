"""A study's trials: their values one after the other, against time, and when each ran."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from hpsearch.figures import show_figure
from hpsearch.goal import Goal
from hpsearch.pictures.drawing import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    STYLE,
    VERMILLION,
    entitle,
    is_wide,
    new_figure,
    seconds,
    shown,
)
from hpsearch.study.trials import BROKEN, Outcome, TrialRow

N_NAMED = 6  # points of the Pareto line that are named below it
GAP = 0.05  # of the time that a search worked: idle times longer than that are cut out


@dataclass(frozen=True)
class Look:
    """How trials of some outcomes are drawn."""

    name: str
    colour: str
    marker: str
    hatch: str
    outcomes: frozenset[Outcome]


LOOKS = (
    Look("finished", BLUE, "o", "", frozenset({Outcome.FINISHED})),
    Look("read off", GREEN, "D", "..", frozenset({Outcome.READ_OFF})),
    Look("pruned", ORANGE, "x", "///", frozenset({Outcome.PRUNED})),
    Look("failed or broke", VERMILLION, "v", "xxx", BROKEN | {Outcome.FAILED, Outcome.INFEASIBLE}),
    Look("running", PURPLE, "^", "--", frozenset({Outcome.RUNNING})),
)


@rc_context(STYLE)
def draw_history(rows: Sequence[TrialRow], goal: Goal) -> Figure:
    """Each trial's value, and the best so far.

    Args:
        rows: All trials of a search, at least one of them with a value.
        goal: Says which value is better.
    """
    figure, (panel,) = new_figure(panel_height=2.8)
    known = [row for row in rows if _has_value(row)]
    lost = [row.number for row in rows if row.outcome in LOOKS[3].outcomes and row not in known]
    handles: list[Line2D | Patch] = []
    for look in LOOKS[:4]:
        own = [row for row in known if row.outcome in look.outcomes]
        if own:
            numbers, values = [row.number for row in own], [row.value for row in own]
            panel.plot(numbers, values, look.marker, color=look.colour, label=look.name)  # type: ignore[arg-type]
        if own or (look is LOOKS[3] and lost):
            handles.append(Line2D([], [], ls="", marker=look.marker, color=look.colour,
                                  label=look.name))  # fmt: skip
    best = _best_so_far(rows, goal)
    panel.step([n for n, _ in best], [v for _, v in best], where="post", color=BLACK, lw=1.3,
               label="best so far")  # fmt: skip
    handles.append(Line2D([], [], color=BLACK, lw=1.3, label="best so far"))
    if lost:  # on the lower edge, as they have no value
        panel.plot(lost, [0.02] * len(lost), LOOKS[3].marker, color=VERMILLION, clip_on=False,
                   transform=panel.get_xaxis_transform(), label="without a value")  # fmt: skip
    n_outside = _focus(panel, [row.value for row in known if row.value is not None], goal)
    panel.set_xlabel("trial")
    panel.set_ylabel(shown(goal.label, 30))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    last, value = best[-1] if best else (0, math.nan)
    found = next((n for n, v in best if v == value), last)
    title = (
        f"The best, {show_figure(value)}, came with trial {found}"
        if best
        else "No trial has finished"
    )
    outside = f"{n_outside} values are outside the picture." if n_outside else ""
    stopped = "Pruned trials: the value they had when they stopped."
    is_pruned = any(row.outcome is Outcome.PRUNED for row in known)
    better = f"{'Higher' if goal.maximize else 'Lower'} is better."
    notes = [better, stopped if is_pruned else "", outside]
    entitle(figure, title, *notes, marks=handles, n_columns=3)
    return figure


@dataclass(frozen=True, kw_only=True)
class Point:
    """A network, what it reached, and what its training took."""

    name: str
    """`trial 7`."""
    value: float
    seconds: float
    is_baseline: bool = False


@rc_context(STYLE)
def draw_time(points: Sequence[Point], goal: Goal) -> Figure:
    """Value against training time, with the line of those that nothing beats in both.

    Args:
        points: At least one.
        goal: Says which value is better.
    """
    figure, (panel,) = new_figure(panel_height=3.0)
    front = pareto(points, goal)
    others = [point for point in points if point not in front]
    panel.plot([p.seconds for p in others], [p.value for p in others], "o", color=GREY, mfc="none",
               label="others")  # fmt: skip
    panel.step([p.seconds for p in front], [p.value for p in front], where="post", marker="o",
               ms=5.5, color=BLUE, label="Pareto line")  # fmt: skip
    handles: list[Line2D | Patch] = [
        Line2D([], [], marker="o", ms=5.5, color=BLUE, label="Pareto line"),
        Line2D([], [], marker="o", color=GREY, mfc="none", ls="", label="beaten in both"),
    ]
    if baseline := [point for point in points if point.is_baseline]:
        panel.plot([p.seconds for p in baseline], [p.value for p in baseline], "s", ms=9,
                   color=ORANGE, mfc="none", mew=1.6, label="baseline")  # fmt: skip
        handles.append(
            Line2D([], [], marker="s", ms=9, mfc="none", mew=1.6, color=ORANGE, ls="",
                   label="baseline")
        )  # fmt: skip
    side = 1 if goal.maximize else -1
    named = _spread_out(front)
    for i, point in enumerate(named, 1):
        panel.annotate(str(i), (point.seconds, point.value), xytext=(-4, 2 * side), ha="right",
                       textcoords="offset points", va="bottom" if side > 0 else "top")  # fmt: skip
    if is_wide([point.seconds for point in points if point.seconds > 0], 30):
        panel.set_xscale("log")
    panel.margins(x=0.1, y=0.1)
    n_outside = _focus(panel, [point.value for point in points], goal)
    if panel.get_xscale() == "linear":
        panel.xaxis.set_major_locator(MaxNLocator(6, min_n_ticks=1))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: seconds(x)))
    panel.xaxis.set_minor_formatter(FuncFormatter(lambda x, _: ""))
    panel.set_xlabel("training time")
    panel.set_ylabel(shown(goal.label, 30))
    outside = f"{n_outside} values are outside the picture." if n_outside else ""
    how = "The line: nothing else is both faster and better."
    names = [
        f"{i}: {shown(point.name, 28)}, {show_figure(point.value)} in {seconds(point.seconds)}"
        for i, point in enumerate(named, 1)
    ]
    entitle(figure, _trade(front, goal), how, *names, outside, marks=handles, n_columns=3)
    return figure


def pareto(points: Sequence[Point], goal: Goal) -> list[Point]:
    """The points that no other point beats in both value and time, fastest first."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.seconds, goal.key(p.value))):
        if not front or goal.is_better(point.value, front[-1].value):
            front.append(point)
    return front


@dataclass(frozen=True, kw_only=True)
class Span:
    """A trial while a slot worked on it."""

    number: int
    outcome: Outcome
    started: datetime
    ended: datetime
    slot: int | None = None
    """Counted from 1; None where it is not stored."""


@rc_context(STYLE)
def draw_timeline(spans: Sequence[Span]) -> Figure:
    """Which trial ran when, in which slot.

    Args:
        spans: At least one; from the same clock.
    """
    slots = in_slots(spans)
    place, cuts, total = _without_gaps(spans)
    figure, (panel,) = new_figure(panel_height=0.7 + 0.42 * len(slots))
    unit, name = next((u, n) for u, n in UNITS if total >= 2 * u or u == 1)
    for slot, own in enumerate(slots):
        for span in own:
            look = _look(span.outcome)
            start, end = place(span.started) / unit, place(span.ended) / unit
            panel.barh(slot + 1, end - start, left=start, height=0.8, facecolor="white",
                       edgecolor=look.colour, hatch=look.hatch, lw=1,
                       label=f"trial {span.number}")  # fmt: skip
            if end - start > 0.06 * total / unit:
                panel.text((start + end) / 2, slot + 1, str(span.number), ha="center",
                           va="center", bbox={"fc": "white", "ec": "none", "pad": 1})  # fmt: skip
    for cut in cuts:
        panel.axvline(cut / unit, color=BLACK, ls=":", label="cut")
    panel.set_yticks(range(1, len(slots) + 1))
    panel.invert_yaxis()
    panel.grid(visible=False, axis="y")
    panel.set_ylabel("slot")
    panel.set_xlabel(name)
    panel.set_xlim(0, total / unit)
    outcomes = {_look(span.outcome).name for span in spans}
    marks = [
        Patch(facecolor="white", edgecolor=look.colour, hatch=look.hatch, label=look.name)
        for look in LOOKS
        if look.name in outcomes
    ]
    busy = sum((span.ended - span.started).total_seconds() for span in spans)
    share = busy / (total * len(slots)) if total else 1.0
    many = "1 slot was" if len(slots) == 1 else f"{len(slots)} slots were"
    idle = "Dotted: nothing ran for a while, which is left out." if cuts else ""
    entitle(
        figure,
        f"{many} busy {share:.0%} of {seconds(total)}",
        "Numbers are trials. Of one that was interrupted, the last part.",
        idle,
        marks=marks,
        n_columns=3,
    )
    return figure


UNITS = ((3600, "hours"), (60, "minutes"), (1, "seconds"))


def in_slots(spans: Sequence[Span]) -> list[list[Span]]:
    """The trials of each slot.

    Older studies do not say which it was: there, trials are spread over as few slots as they
    need, in the order in which they started.
    """
    slots: list[list[Span]] = []
    known = [span.slot for span in spans if span.slot is not None]
    if len(known) == len(spans):
        return [[span for span in spans if span.slot == i + 1] for i in range(max(known))]
    for span in sorted(spans, key=lambda one: (one.started, one.number)):
        free = [slot for slot in slots if slot[-1].ended <= span.started]
        if free:
            max(free, key=lambda slot: slot[-1].ended).append(span)
        else:
            slots.append([span])
    return slots


def _without_gaps(
    spans: Sequence[Span],
) -> tuple[Callable[[datetime], float], list[float], float]:
    """A clock that stands still while nothing ran for long.

    Returns:
        The seconds on it at some time, those at which it stood still, and the last one.
    """
    stretches: list[tuple[datetime, datetime]] = []  # in which something ran
    for span in sorted(spans, key=lambda one: one.started):
        if stretches and span.started <= stretches[-1][1]:
            stretches[-1] = stretches[-1][0], max(stretches[-1][1], span.ended)
        else:
            stretches.append((span.started, span.ended))
    worked = sum((end - start).total_seconds() for start, end in stretches)
    pieces: list[tuple[datetime, float]] = []
    cuts: list[float] = []
    clock, before = 0.0, stretches[0][0]
    for start, end in stretches:
        idle = (start - before).total_seconds()
        if idle > GAP * worked:
            cuts.append(clock)
        else:
            clock += idle
        pieces.append((start, clock))
        clock += (end - start).total_seconds()
        before = end

    def place(when: datetime) -> float:
        start, seconds_then = next(piece for piece in reversed(pieces) if piece[0] <= when)
        return seconds_then + (when - start).total_seconds()

    return place, cuts, clock


def _look(outcome: Outcome) -> Look:
    return next((look for look in LOOKS if outcome in look.outcomes), LOOKS[3])


def _has_value(row: TrialRow) -> bool:
    return row.value is not None and math.isfinite(row.value)


def _best_so_far(rows: Sequence[TrialRow], goal: Goal) -> list[tuple[int, float]]:
    """The best value of finished trials up to each number."""
    best: list[tuple[int, float]] = []
    for row in rows:
        is_whole = row.outcome in {Outcome.FINISHED, Outcome.READ_OFF} and _has_value(row)
        value = row.value if is_whole else None
        if value is not None and goal.is_better(value, best[-1][1] if best else None):
            best.append((row.number, value))
        elif best:
            best.append((row.number, best[-1][1]))
    return best


def _focus(panel: Axes, values: Sequence[float], goal: Goal) -> int:
    """Show the better three quarters if the rest would press them flat.

    Returns:
        How many values are outside.
    """
    ordered = sorted(values, key=goal.key)
    best, most = ordered[0], ordered[math.ceil(0.75 * len(ordered)) - 1]
    edge = most + 0.5 * (most - best)
    outside = [value for value in values if goal.is_better(edge, value)]
    if edge == best or not outside or abs(ordered[-1] - best) < 3 * abs(edge - best):
        return 0
    margin = 0.08 * (best - edge)
    low, high = sorted((edge - margin, best + margin))
    panel.set_ylim(low, high)
    return len(outside)


def _spread_out(front: Sequence[Point]) -> list[Point]:
    """The ends of a line and some points between them."""
    if len(front) <= N_NAMED:
        return list(front)
    step = (len(front) - 1) / (N_NAMED - 1)
    return [front[round(i * step)] for i in range(N_NAMED)]


def _trade(front: Sequence[Point], goal: Goal) -> str:
    """The best, and how much of its time the next on the line saves, in words."""
    best = front[-1]
    text = f"The best, {best.name}, took {seconds(best.seconds)} for {show_figure(best.value)}"
    if len(front) < 2 or best.seconds <= 0:
        return text
    near = front[-2]
    saved, lost = 1 - near.seconds / best.seconds, abs(best.value - near.value)
    return f"{text}; {near.name} took {saved:.0%} less time and is {show_figure(lost)} worse"
