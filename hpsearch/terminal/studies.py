"""A study as people read it: a summary, and a block of lines for each network."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import Console

from hpsearch.curves.costs import describe_cost
from hpsearch.curves.onset import Fit
from hpsearch.figures import show_figure
from hpsearch.study.configurations import Configuration
from hpsearch.study.summary import Summary
from hpsearch.study.trials import Outcome, TrialRow
from hpsearch.task import Params, describe_params, without_epochs
from hpsearch.terminal.durations import describe_seconds
from hpsearch.terminal.printing import plain, print_line
from hpsearch.terminal.sparkline import sparkline

INDENT = 4  # of what is said about a network below its first line
CURVE = 10  # characters
WIDE_ENOUGH = 72  # columns, for curves beside the rows
HEADINGS = {"seconds_per_epoch": "s/epoch", "n_weights": "weights"}
MAX_METRIC = 16  # characters; the column of a longer metric is called "value"


def print_summary(console: Console, summary: Summary) -> None:
    """The study in a few lines."""
    counts = [f"{summary.counts[o]} {o.value}" for o in Outcome if summary.counts[o]]
    n_replicates = sum(row.replicate_of is not None for row in summary.rows)
    replicates = f", {n_replicates} of them replicates" if n_replicates else ""
    n_free = sum(row.is_free for row in summary.rows)
    free = f" (and {n_free} promoted or read off)" if n_free else ""
    lines = [
        f"{summary.name}: {summary.title}",
        ", ".join(map(str, summary.objectives))
        + ("" if summary.seed is None else f", seed {summary.seed}"),
        f"{summary.n_trials} trials{replicates}{free}: {', '.join(counts) or 'none yet'}",
    ]
    if summary.seed is not None:
        lines.append(
            f"epochs: {summary.epochs_trained} trained, {summary.epochs_reused} saved by reuse, "
            f"{summary.epochs_pruned} saved by pruning, "
            f"in {describe_seconds(summary.seconds)} of slot time"
        )
    if summary.front:
        lines.append(describe_front(summary))
    elif summary.best is not None:
        lines.append(f"best: trial {summary.best.number}, {summary.best}")
    for line in lines:
        print_line(console, line)


def describe_front(summary: Summary) -> str:
    """Which networks no other one beats in all objectives."""
    numbers = ", ".join(str(one.number) for one in summary.front)
    plural = "s" if len(summary.front) > 1 else ""
    return f"front: trial{plural} {numbers}; no other network is as good in all objectives"


def print_networks(
    console: Console, summary: Summary, networks: Sequence[Sequence[TrialRow]]
) -> None:
    """A table of networks, each with all trials that share its curve.

    Args:
        console: Where to. Lines are broken at its width; there is a curve of the metric beside
            each network if it is wide enough and can show one.
        summary: The study.
        networks: Trials by curve; the first of each stands for the network.
    """
    metric = summary.goal.label
    value = metric if len(metric) <= MAX_METRIC else "value"
    header = ["trial", value, *(HEADINGS.get(name, name) for name in summary.costs), "epochs", "s"]
    means = [summary.configuration_of(trials[0]) for trials in networks]
    numbers = [_numbers(summary, *pair) for pair in zip(networks, means, strict=True)]
    curves = _curves(console, networks)
    if any(curves):
        header.append("curve".ljust(CURVE))
        numbers = [
            [*cells, curve.ljust(CURVE)] for cells, curve in zip(numbers, curves, strict=True)
        ]
    widths = [max(map(len, column)) for column in zip(header, *numbers, strict=True)]
    shared = _shared([trials[0].params for trials in networks])

    def write(text: str, first: str, others: str = "", style: str = "") -> None:
        for line in _wrap(plain(text), console.width, first, others or first):
            print_line(console, line, style)

    def start(cells: Sequence[str]) -> str:
        padded = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        return "  ".join(padded) + "  "

    print_line(console, "")
    write("outcome", start(header), style="bold")
    for trials, configuration, cells in zip(networks, means, numbers, strict=True):
        first, indent = start(cells), " " * INDENT
        on_front = ", on the front" if configuration in summary.front else ""
        write(_outcome(trials, configuration) + on_front, first, " " * len(first))
        if len(trials) > 1:
            others = ", ".join(describe_briefly(trial) for trial in trials[1:])
            write(f"same network: {others}", indent, style="dim")
        own = {name: value for name, value in trials[0].params.items() if name not in shared}
        write(describe_params(without_epochs(own)), indent, style="dim")
    if shared:
        write(f"all of these: {describe_params(shared)}", "", style="dim")
    print_line(console, "")


def describe_epochs(trial: TrialRow) -> str:
    """`27`, or `3/27` for a trial that did 3 of the 27 that it asked for."""
    if trial.outcome is Outcome.READ_OFF or trial.epochs in (None, trial.epochs_done):
        return str(trial.epochs or trial.epochs_done)
    return f"{trial.epochs_done}/{trial.epochs}"


def describe_briefly(trial: TrialRow) -> str:
    """`4 pruned (0.8815 at epoch 3)`: a trial, its outcome, its value, the epochs it did.

    A finished replicate is called just that.
    """
    value = "" if trial.value is None else f"{show_figure(trial.value)} "
    epoch = trial.epochs if trial.outcome is Outcome.READ_OFF else trial.epochs_done
    what = trial.outcome.value
    if trial.replicate_of is not None:
        what = "replicate" if trial.has_ended else f"replicate {what}"
    return f"{trial.number} {what} ({value}at epoch {epoch})"


def _numbers(
    summary: Summary, trials: Sequence[TrialRow], configuration: Configuration | None
) -> list[str]:
    first = trials[0]
    value = first.value if configuration is None else configuration.mean
    seconds = sum(trial.seconds for trial in trials)
    shown = "" if value is None else show_figure(value)
    known = [describe_cost(*pair) for pair in zip(summary.costs, first.costs, strict=False)]
    costs = known or ["" for _name in summary.costs]  # of a trial without a value
    return [str(first.number), shown, *costs, describe_epochs(first), f"{seconds:.1f}"]


def _curves(console: Console, networks: Sequence[Sequence[TrialRow]]) -> list[str]:
    """The metric over epochs of each network; nothing where a console cannot show it."""
    if console.width < WIDE_ENOUGH or not console.encoding.startswith("utf"):
        return ["" for _network in networks]
    longest = (max((t.intermediate for t in trials), key=len) for trials in networks)
    return [sparkline(values, CURVE) for values in longest]


def _outcome(trials: Sequence[TrialRow], configuration: Configuration | None) -> str:
    first = trials[0]
    parts = [first.outcome.value]
    if first.progress:
        parts[0] += f" after {first.progress}"
    spread = first.spread if configuration is None else configuration.described_spread
    if spread and first.value is not None:
        parts.append(spread)
    if any(trial.is_baseline for trial in trials):
        parts.append("baseline")
    if first.epochs_reused and first.promoted_from is None:
        plural = "s" if first.epochs_reused > 1 else ""
        parts.append(f"{first.epochs_reused} epoch{plural} reused")
    is_whole = first.outcome in {Outcome.FINISHED, Outcome.READ_OFF}
    if is_whole and first.onset is not None and first.onset.fit in {Fit.OVERFITS, Fit.UNDERFITS}:
        parts.append(first.onset.brief)
    if first.reason:
        parts.append(first.reason)
    return ", ".join(parts)


def _shared(params: Sequence[Params]) -> Params:
    """What several networks all have in common."""
    first, *others = params or [{}]
    if not others:
        return {}
    missing = object()
    return {
        name: value
        for name, value in without_epochs(first).items()
        if all(other.get(name, missing) == value for other in others)
    }


def _wrap(text: str, width: int, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        text,
        max(width, len(others) + 12),  # however narrow, there is room for a word
        initial_indent=first,
        subsequent_indent=others,
        break_on_hyphens=False,
    ) or [first.rstrip()]
