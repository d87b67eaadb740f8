"""The note on a study's page in the dashboard: what it is for, and the best so far."""

from __future__ import annotations

import ast
import re

from optuna.study import Study

from hpsearch.study.record import Record
from hpsearch.study.storage import patiently
from hpsearch.study.trials import TrialRow

LAST_LINE = "*hpsearch writes what is above this line; what is below it stays.*"


def write_note(study: Study, record: Record, best: TrialRow | None) -> None:
    """Bring a study's note up to date. Nothing is written if it is.

    What people wrote below hpsearch's lines, or before there were any, is kept.

    Args:
        study: The study.
        record: Its description.
        best: The best finished trial; None before there is one.

    Raises:
        StorageError: The storage stayed away.
    """
    # here, because it takes a second and no other part of the launcher needs it
    from optuna_dashboard import get_note, save_note

    before = patiently(lambda: get_note(study))
    above, line, below = before.partition(LAST_LINE)
    kept = below if line else above
    parts = [_describe(record), _describe_best(record, best), "---", LAST_LINE, kept.strip()]
    note = "\n\n".join(part for part in parts if part)
    if note != before:
        patiently(lambda: save_note(study, note))


def escape(text: str) -> str:
    """Text as Markdown that shows that text, on one line."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return re.sub(r"([\\`*_{}\[\]()<>#+.!|~&$^=:-])", r"\\\1", shown)


def _describe(record: Record) -> str:
    docstring = ast.get_docstring(ast.parse(record.study_file)) or record.title
    title, _, rest = docstring.partition("\n")
    paragraphs = [escape(text) for text in re.split(r"\n\s*\n", rest.strip()) if text]
    return "\n\n".join([f"## {escape(title)}", *paragraphs])


def _describe_best(record: Record, best: TrialRow | None) -> str:
    goal = str(record.goal)
    if best is None or best.value is None:
        return f"{escape(goal)}: no trial has finished yet"
    rows = [f"| {escape(name)} | {_show(value)} |" for name, value in best.params.items()]
    return "\n".join(
        [
            f"{escape(goal)}: **{_show(best.value)}** in trial {best.number}, the best so far",
            "",
            "| hyperparameter | value |",
            "| --- | --- |",
            *rows,
        ]
    )


def _show(value: object) -> str:
    return escape(f"{value:.6g}" if isinstance(value, float) else str(value))
