"""Dashboard notes on studies, and on trials that share a curve."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from optuna.study import Study
from optuna.trial import Trial

from hpsearch.files import Cell, as_markdown_table
from hpsearch.study.configurations import Configuration
from hpsearch.study.optuna_internals import attach
from hpsearch.study.record import Record
from hpsearch.study.trials import Attr, TrialRow, row

LINKS = (Attr.READ_OFF, Attr.PROMOTED_FROM)
LAST_LINE = "*hpsearch writes what is above this line; what is below it stays.*"


def write_note(study: Study, record: Record, best: Configuration | None, table: str = "") -> None:
    """Update a study's note: what the study is for, and its best trial so far.

    Text that people wrote below it, or before it existed, is kept.

    Args:
        study: The study.
        record: Its description.
        best: The incumbent; None before a trial has finished.
        table: A sweep's, in Markdown.

    Raises:
        StorageError: The storage is unavailable.
    """
    _update(study, [_describe(record), _describe_best(record, best), table])


def write_trial_notes(study: Study, number: int) -> None:
    """Note on the pages of a trial and its relatives that they are one network.

    Otherwise a promoted trial, the pruned trial that it continues and a trial read off it
    look like three networks with the same params.

    Args:
        study: The study.
        number: The trial that has just ended.

    Raises:
        StorageError: The storage is unavailable.
    """
    stored = study.get_trials(deepcopy=False)
    parent = stored[number].user_attrs.get(Attr.PROMOTED_FROM)
    family = [
        trial
        for trial in stored
        if trial.number in (number, parent)
        or {number, parent} & {trial.user_attrs.get(name) for name in LINKS} - {None}
    ]
    rows = [row(trial) for trial in family]
    for trial, shown in zip(family, rows, strict=True):
        lines = list(_describe_relatives(shown, rows))
        if lines and (trial.number in (number, parent) or shown.read_off == number):
            _update(attach(study, trial), lines)


def escape(text: str) -> str:
    """Escape text for Markdown, on one line."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return re.sub(r"([\\`*_{}\[\]()<>#+.!|~&$^=:-])", r"\\\1", shown)


def _update(page: Study | Trial, paragraphs: list[str]) -> None:
    """Write a note if it changed, and keep what people wrote."""
    # imported here: it takes a second, and nothing else in the launcher needs it
    from optuna_dashboard import get_note, save_note

    before = get_note(page)
    above, line, below = before.partition(LAST_LINE)
    kept = below if line else above
    parts = [*paragraphs, "---", LAST_LINE, kept.strip()]
    note = "\n\n".join(part for part in parts if part)
    if note != before:
        save_note(page, note)


def _describe(record: Record) -> str:
    docstring = ast.get_docstring(ast.parse(record.study_file)) or record.title
    title, _, rest = docstring.partition("\n")
    paragraphs = [escape(text) for text in re.split(r"\n\s*\n", rest.strip()) if text]
    return "\n\n".join([f"## {escape(title)}", *paragraphs])


def _describe_best(record: Record, best: Configuration | None) -> str:
    goal = ", ".join(map(str, record.objectives))
    if best is None:
        return f"{escape(goal)}: no trial has finished yet"
    rows = [[name, value] for name, value in best.params.items() if value is not None]
    value = f"**{show_in_note(best.mean)}**"
    if best.is_repeated:
        value += f", the mean over {len(best.values)} seeds,"
    so_far = "the best so far"
    if record.costs:
        so_far = f"the best {escape(record.metric)} so far; the Pareto front shows the others"
    return "\n".join(
        [
            f"{escape(goal)}: {value} in trial {best.number}, {so_far}",
            "",
            as_markdown_table(["hyperparameter", "value"], rows, show_in_note),
        ]
    )


def _describe_relatives(trial: TrialRow, trials: list[TrialRow]) -> Iterator[str]:
    """How a trial is related to others; nothing if it stands alone."""
    if trial.read_off is not None:
        yield (
            f"**Read off trial {trial.read_off}**: the same network and training run, after "
            f"epoch {trial.epochs}. Nothing was trained for this trial."
        )
    if trial.promoted_from is not None:
        yield (
            f"**Promoted from trial {trial.promoted_from}**: the same network and training run. "
            f"This trial continues after epoch {trial.epochs_reused}, where trial "
            f"{trial.promoted_from} was pruned."
        )
    if trial.replicate_of is not None:
        yield (
            f"**Replicate of trial {trial.replicate_of}**: the same params, trained with another "
            "seed."
        )
    for other in trials:
        if other.promoted_from == trial.number:
            yield (
                f"**Promoted**: pruned after epoch {trial.epochs_done}, but later among the best "
                f"of its rung. Trial {other.number} continues the same network."
            )
        if other.read_off == trial.number:
            yield (
                f"Trial {other.number} was **read off** this one: the same network after epoch "
                f"{other.epochs}."
            )


def show_in_note(value: Cell) -> str:
    """A value as Markdown on one line; nothing for None."""
    if value is None:
        return ""
    return escape(f"{value:.6g}" if isinstance(value, float) else str(value))
