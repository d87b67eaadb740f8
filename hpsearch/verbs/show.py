"""`hpsearch show`: a study's trials, or one trial with its curve."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from functools import partial
from typing import Any

from optuna.study import Study
from rich.console import Console

from hpsearch.curves.curve import Curve
from hpsearch.errors import UsageError
from hpsearch.searching.search import Stop
from hpsearch.study.artifacts import describe_texts
from hpsearch.study.record import load_study, read_record
from hpsearch.study.storage import Storage
from hpsearch.study.summary import Summary, summarize
from hpsearch.study.trials import Outcome, TrialRow
from hpsearch.task import describe_params
from hpsearch.terminal.live import describe_seconds
from hpsearch.terminal.printing import (
    Cell,
    output_console,
    print_csv,
    print_json,
    print_line,
    print_markdown,
    print_table,
)

N_CLOSING_ROWS = 5


class Format(StrEnum):
    """How the table is printed where no person looks at it."""

    JSON = "json"
    CSV = "csv"
    MD = "md"


def show(
    storage_url: str, study_name: str, *, trial: int | None, top: int | None, form: Format | None
) -> None:
    """Print a study, or one trial of it.

    Raises:
        StudyNotFound: There is no such study.
        UsageError: There is no such trial.
    """
    storage = Storage(storage_url, read_only=True)
    summary = summarize(*load_study(storage, study_name))
    if trial is not None:
        return _show_trial(storage, summary, trial, form)
    rows = summary.ranked()[:top]
    header, cells = _table(summary, rows)
    match form:
        case Format.JSON:
            print_json({**_as_json(summary), "trials": [_row_as_json(row) for row in rows]})
        case Format.CSV:
            print_csv(header, cells)
        case Format.MD:
            print_markdown(header, cells)
        case None:
            console = output_console()
            print_summary(console, summary)
            print_trials(console, summary, rows)
    return None


def print_summary(console: Console, summary: Summary) -> None:
    """The study in a few lines."""
    say = partial(print_line, console)
    say(f"{summary.name}: {summary.title}")
    say(f"{summary.goal}, seed {summary.seed}")
    counts = ", ".join(
        f"{summary.counts[outcome]} {outcome.value}"
        for outcome in Outcome
        if summary.counts[outcome]
    )
    say(f"{summary.n_trials} trials: {counts or 'none yet'}")
    say(
        f"epochs: {summary.epochs_trained} trained, {summary.epochs_reused} saved by reuse, "
        f"{summary.epochs_pruned} saved by pruning; "
        f"{describe_seconds(summary.seconds)} of training"
    )
    if summary.best is not None and summary.best.value is not None:
        best = summary.best
        say(f"best: trial {best.number}, {best.value:.4f}  {describe_params(best.params)}")


def print_trials(console: Console, summary: Summary, rows: list[TrialRow]) -> None:
    """Trials as a table for people: params in one column, so that 80 columns do."""
    header = ["trial", summary.goal.metric, "s", "outcome", "params"]
    cells: list[list[Cell]] = []
    for trial in rows:
        value, notes = "" if trial.value is None else f"{trial.value:.4f}", _notes(trial)
        params = describe_params(trial.params) + (f" ({notes})" if notes else "")
        cells.append([trial.number, value, f"{trial.seconds:.1f}", trial.outcome.value, params])
    print_table(console, header, cells, right=3)


def print_closing(console: Console, study: Study, stop: Stop) -> Summary:
    """What a search leaves on the screen: the best trials and what to do next."""
    record = read_record(study)
    assert record is not None
    summary = summarize(study, record)
    say = partial(print_line, console)
    print_summary(console, summary)
    print_trials(console, summary, summary.ranked()[:N_CLOSING_ROWS])
    say(f"stopped: {stop.value}")
    name = study.study_name
    if stop in {Stop.INTERRUPTED, Stop.TERMINATED, Stop.TIMEOUT}:
        say(f"go on: hpsearch resume {name}    look: hpsearch show {name}")
    else:
        say(f"next: hpsearch evaluate {name}    look: hpsearch dashboard {name}")
    return summary


def _show_trial(storage: Storage, summary: Summary, number: int, form: Format | None) -> None:
    if not 0 <= number < len(summary.rows):
        raise UsageError(
            f"there is no trial {number} in study {summary.name!r}: "
            f"it has {len(summary.rows)}, counted from 0"
        )
    trial = summary.rows[number]
    stored = Curve(storage.folder / "curves" / (trial.curve or "none"))
    n_epochs = trial.epochs_done or int(trial.params.get("epochs") or 0)
    curve, texts = stored.logs[:n_epochs], stored.texts[:n_epochs]
    header = ["epoch", *dict.fromkeys(name for logs in curve for name in logs)]
    cells: list[list[Cell]] = [
        [epoch, *(logs.get(name) for name in header[1:])] for epoch, logs in enumerate(curve, 1)
    ]
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
            console = output_console()
            say = partial(print_line, console)
            value = "" if trial.value is None else f", {summary.goal.metric} {trial.value:.4f}"
            say(f"trial {number} of {summary.name}: {trial.outcome.value}{value}")
            for name, param in trial.params.items():
                say(f"  {describe_params({name: param})}")
            say(
                f"epochs: {trial.epochs_done} done, {trial.epochs_trained} trained, "
                f"{trial.epochs_reused} reused, {trial.epochs_pruned} pruned; "
                f"{describe_seconds(trial.seconds)}"
            )
            if trial.read_off is not None:
                say(f"read off the curve of trial {trial.read_off}")
            if trial.promoted_from is not None:
                say(f"goes on where trial {trial.promoted_from} was pruned")
            if trial.reason:
                say(f"reason: {trial.reason}")
            if trial.output:
                say(f"output:\n{trial.output}")
            if cells:
                names = [name.replace("_", "_\n") for name in header]  # many, and long
                print_table(console, names, cells, right=len(header))
            for line in describe_texts(texts):
                say(line)


def _table(summary: Summary, rows: list[TrialRow]) -> tuple[list[str], list[list[Cell]]]:
    names = list(dict.fromkeys(name for row in summary.rows for name in row.params))
    header = ["trial", summary.goal.metric, "s", "outcome", *names, "notes"]
    return header, [
        [
            row.number,
            None if row.value is None else round(row.value, 4),
            round(row.seconds, 1),
            row.outcome.value,
            *(row.params.get(name) for name in names),
            _notes(row),
        ]
        for row in rows
    ]


def _notes(row: TrialRow) -> str:
    notes = []
    if row.is_baseline:
        notes.append("baseline")
    if row.read_off is not None:
        notes.append(f"from trial {row.read_off}")
    if row.promoted_from is not None:
        notes.append(f"promoted from trial {row.promoted_from}")
    if row.outcome not in {Outcome.FINISHED, Outcome.READ_OFF}:
        notes.append(f"after epoch {row.epochs_done}")
    if row.epochs_reused and row.promoted_from is None:
        notes.append(f"{row.epochs_reused} epochs reused")
    if row.reason:
        notes.append(row.reason)
    return ", ".join(notes)


def _as_json(summary: Summary) -> dict[str, Any]:
    return {
        "schema": "hpsearch.show/1",
        "study": summary.name,
        "title": summary.title,
        "metric": summary.goal.metric,
        "direction": summary.goal.direction,
        "seed": summary.seed,
        "n_trials": summary.n_trials,
        "counts": {outcome.value: summary.counts[outcome] for outcome in Outcome},
        "epochs": {
            "trained": summary.epochs_trained,
            "saved_by_reuse": summary.epochs_reused,
            "saved_by_pruning": summary.epochs_pruned,
        },
        "seconds": round(summary.seconds, 1),
        "best": None if summary.best is None else _row_as_json(summary.best),
    }


def _row_as_json(row: TrialRow) -> dict[str, Any]:
    return {
        "trial": row.number,
        "outcome": row.outcome.value,
        "value": row.value,
        "params": row.params,
        "epochs": {
            "done": row.epochs_done,
            "trained": row.epochs_trained,
            "reused": row.epochs_reused,
            "pruned": row.epochs_pruned,
        },
        "seconds": row.seconds,
        "is_baseline": row.is_baseline,
        "read_off": row.read_off,
        "promoted_from": row.promoted_from,
        "reason": row.reason,
        "output": row.output,
    }
