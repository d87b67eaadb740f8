"""`hpsearch show`: a study's trials, or one trial with its curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from hpsearch.choices import Format
from hpsearch.curves.costs import describe_cost
from hpsearch.curves.curve import Written, read_mean_logs
from hpsearch.curves.store import CurveStore
from hpsearch.figures import show_figure
from hpsearch.files import Cell
from hpsearch.goal import Logs
from hpsearch.study.artifacts import describe_texts
from hpsearch.study.configurations import Configuration
from hpsearch.study.record import load_any_study
from hpsearch.study.rounds import name_round
from hpsearch.study.storage import Storage
from hpsearch.study.summary import Summary, summarize
from hpsearch.study.trials import NODES_APART, Outcome, TrialRow
from hpsearch.task import describe_params
from hpsearch.terminal.durations import describe_seconds
from hpsearch.terminal.printing import (
    Console,
    output_console,
    print_csv,
    print_json,
    print_line,
    print_markdown,
    print_table,
)
from hpsearch.terminal.studies import describe_briefly, print_networks, print_summary


def show(
    storage_url: str, study_name: str, *, trial: int | None, top: int | None, form: Format | None
) -> None:
    """Print a study, or one trial of it.

    Args:
        storage_url: Where the study is.
        study_name: The study.
        trial: The number of the trial to print; None for all.
        top: How many to print, the best first: networks for people, trials for programs.
        form: For programs; None for people.

    Raises:
        StudyNotFound: There is no such study.
        UsageError: There is no such trial.
    """
    storage = Storage(storage_url, read_only=True)
    summary = summarize(*load_any_study(storage, study_name))
    if trial is not None:
        return _show_trial(storage, summary, trial, form)
    rows = summary.ranked()[:top]
    match form:
        case Format.JSON:
            print_json({**_as_json(summary), "trials": [_row_as_json(row) for row in rows]})
        case Format.CSV:
            print_csv(*trials_cells(summary, rows, with_curve=True))
        case Format.MD:
            print_markdown(*trials_cells(summary, rows))
        case None:
            console = output_console()
            print_summary(console, summary)
            print_networks(console, summary, summary.by_curve()[:top])
    return None


def _show_trial(storage: Storage, summary: Summary, number: int, form: Format | None) -> None:
    trial = summary.trial(number)
    curve, texts = read_curve(storage, summary, trial)
    header, cells = curve_cells(curve)
    match form:
        case Format.JSON:
            written = [None if one is None else asdict(one) for one in texts]
            content = {**_row_as_json(trial), "curve": curve, "texts": written}
            print_json({"schema": "hpsearch.trial/1", **content})
        case Format.CSV:
            print_csv(header, cells)
        case Format.MD:
            print_markdown(header, cells)
        case None:
            print_trial(output_console(), storage, summary, trial)


def read_curve(
    storage: Storage, summary: Summary, trial: TrialRow
) -> tuple[list[Logs], list[Written | None]]:
    """A trial's logs by epoch, and what its network wrote after each."""
    stored = CurveStore(storage.curves).curve(trial.curve or "none")
    n_epochs = (trial.epochs if trial.outcome is Outcome.READ_OFF else None) or trial.epochs_done
    curve = read_mean_logs(storage.curves, trial.curves)[:n_epochs]
    texts = stored.texts[:n_epochs]
    if summary.seed is None:
        curve = [{summary.goal.metric: value} for value in trial.intermediate.values()]
    return curve, texts


def curve_cells(curve: Sequence[Logs]) -> tuple[list[str], list[list[Cell]]]:
    """A header, and a row for each epoch."""
    header = ["epoch", *dict.fromkeys(name for logs in curve for name in logs)]
    return header, [
        [epoch, *(logs.get(name) for name in header[1:])] for epoch, logs in enumerate(curve, 1)
    ]


def print_trial(console: Console, storage: Storage, summary: Summary, trial: TrialRow) -> None:
    """Print one trial with its curve, for people."""
    for line in describe_trial(summary, trial):
        print_line(console, line)
    curve, texts = read_curve(storage, summary, trial)
    header, cells = curve_cells(curve)
    if cells:
        names = [name.replace("_", "_\n") for name in header]  # many, and long
        print_table(console, names, cells, right=len(header))
    for line in describe_texts(texts):
        print_line(console, line)


def describe_trial(summary: Summary, trial: TrialRow) -> list[str]:
    """All that is known of a trial but its curve, line by line."""
    value = "" if trial.value is None else f", {summary.goal.label} {show_figure(trial.value)}"
    if trial.value is not None and trial.spread:
        value += f" {trial.spread}"
    for name, cost in zip(summary.costs, trial.costs, strict=False):
        value += f", {name} {describe_cost(name, cost)}"
    baseline = ", the baseline" if trial.is_baseline else ""
    lines = [f"trial {trial.number} of {summary.name}: {trial.outcome.value}{value}{baseline}"]
    params = (describe_params({name: param}) for name, param in trial.params.items())
    lines += [f"  {param}" for param in params if param]
    if summary.seed is None:
        lines.append(f"took {describe_seconds(trial.seconds)}")
    elif trial.read_off is not None:
        lines.append(f"epochs: {trial.epochs}, read off the curve of trial {trial.read_off}")
    else:
        lines.append(
            f"epochs: {trial.epochs_done} done, {trial.epochs_trained} trained, "
            f"{trial.epochs_reused} reused, {trial.epochs_pruned} pruned; "
            f"{describe_seconds(trial.seconds)}"
        )
    for one in trial.rounds:
        if one.curve is not None:
            value = "not ended" if one.value is None else show_figure(one.value)
            lines.append(f"{name_round(one, trial.rounds)}: {value}")
    if trial.promoted_from is not None:
        lines.append(f"promoted: it continues where trial {trial.promoted_from} was pruned")
    if trial.replicate_of is not None:
        lines.append(f"replicate: the params of trial {trial.replicate_of} with seed {trial.seed}")
    elif (own := summary.configuration_of(trial)) is not None and own.is_repeated:
        lines.append(
            f"seeds: {', '.join(show_figure(one) for one in own.values)}; the mean is {own}"
        )
    if trial.nodes:
        lines.append(f"ran on: {NODES_APART.join(trial.nodes)}")
    if trial.onset is not None:
        lines.append(f"curve: {trial.onset}")
    network = next(group for group in summary.by_curve() if trial in group)
    if others := [describe_briefly(other) for other in network if other is not trial]:
        lines.append(f"same network: {', '.join(others)}")
    if trial.reason:
        lines.append(f"reason: {trial.reason}")
    if trial.output:
        lines.append(f"output:\n{trial.output}")
    return lines


def trials_cells(
    summary: Summary, rows: list[TrialRow], *, with_curve: bool = False
) -> tuple[list[str], list[list[Cell]]]:
    """A header, and a row for each trial."""
    names = list(dict.fromkeys(name for row in summary.rows for name in row.params))
    header = ["trial", summary.goal.metric, *summary.costs, "s", "outcome", "fit", *names, "notes"]
    cells: list[list[Cell]] = [
        [
            row.number,
            None if row.value is None else round(row.value, 4),
            *(row.costs or [None] * len(summary.costs)),
            round(row.seconds, 1),
            row.outcome.value,
            row.onset.brief if row.onset is not None else None,
            *(row.params.get(name) for name in names),
            _notes(summary, row),
        ]
        for row in rows
    ]
    if with_curve:
        header.append("curve_key")
        cells = [[*line, row.curve] for line, row in zip(cells, rows, strict=True)]
    return header, cells


def _notes(summary: Summary, row: TrialRow) -> str:
    notes = []
    if any(row.number == one.number for one in summary.front):
        notes.append("on the front")
    if row.is_baseline:
        notes.append("baseline")
    if row.read_off is not None:
        notes.append(f"from trial {row.read_off}")
    if row.promoted_from is not None:
        notes.append(f"promoted from trial {row.promoted_from}")
    if row.replicate_of is not None:
        notes.append(f"replicate of trial {row.replicate_of}")
    if row.value is not None and row.spread:
        notes.append(row.spread)
    if row.progress:
        notes.append(f"after {row.progress}")
    elif row.outcome not in {Outcome.FINISHED, Outcome.READ_OFF}:
        notes.append(f"after epoch {row.epochs_done}")
    if row.epochs_reused and row.promoted_from is None:
        notes.append(f"{row.epochs_reused} epochs reused")
    if row.nodes:
        notes.append(f"on {' and '.join(row.nodes)}")
    if row.reason:
        notes.append(row.reason)
    return ", ".join(notes)


def _as_json(summary: Summary) -> dict[str, Any]:
    return {
        "schema": "hpsearch.show/1",
        "study": summary.name,
        "title": summary.title,
        "metric": summary.goal.metric,
        "unit": summary.goal.unit,
        "direction": summary.goal.direction,
        "costs": summary.costs,
        "seed": summary.seed,
        "n_trials": summary.n_trials,
        "counts": {outcome.value: summary.counts[outcome] for outcome in Outcome},
        "epochs": {
            "trained": summary.epochs_trained,
            "saved_by_reuse": summary.epochs_reused,
            "saved_by_pruning": summary.epochs_pruned,
        },
        "seconds": round(summary.seconds, 1),
        "front": [one.number for one in summary.front],
        "best": None if summary.best is None else _best_as_json(summary.best),
    }


def _best_as_json(best: Configuration) -> dict[str, Any]:
    """The incumbent's first trial; its value is the mean over seeds."""
    over_seeds = {"value": best.mean, "values": best.values, "spread": best.spread}
    return {**_row_as_json(best.first), **over_seeds}


def _row_as_json(row: TrialRow) -> dict[str, Any]:
    return {
        "trial": row.number,
        "outcome": row.outcome.value,
        "value": row.value,
        "costs": row.costs,
        "params": row.params,
        "epochs": {
            "done": row.epochs_done,
            "trained": row.epochs_trained,
            "reused": row.epochs_reused,
            "pruned": row.epochs_pruned,
        },
        "seconds": row.seconds,
        "fit": None
        if row.onset is None
        else {
            "says": row.onset.fit.value,
            "lowest_val_loss_at": row.onset.lowest,
            "from_epoch": row.onset.epoch,
        },
        "is_baseline": row.is_baseline,
        "read_off": row.read_off,
        "promoted_from": row.promoted_from,
        "replicate_of": row.replicate_of,
        "seed": row.seed,
        "curve_key": row.curve,
        "nodes": list(row.nodes),
        "rounds": [
            {"fold": one.fold, "seed": one.seed, "value": one.value, "curve_key": one.curve}
            for one in row.rounds
        ],
        "reason": row.reason,
        "output": row.output,
    }
