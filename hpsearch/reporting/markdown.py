"""A report as Markdown, with pictures in files beside it."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

from hpsearch.files import as_markdown_table
from hpsearch.reporting.content import Report, Section, Table
from hpsearch.reporting.page import shown

MOST_ROWS = 50  # the file beside it has all


def as_markdown(report: Report, drawn: Container[str]) -> str:
    """The text; whatever comes from a study is escaped.

    Args:
        report: What it says.
        drawn: The names of the pictures that there are.
    """
    lines = [f"# {escaped(report.title)}", ""]
    for section in report.sections:
        lines += _section(section, drawn)
    return "\n".join(lines).rstrip() + "\n"


def _section(section: Section, drawn: Container[str]) -> Iterator[str]:
    yield from (f"## {escaped(section.heading)}", "")
    for sentence in section.sentences:
        yield from (escaped(sentence), "")
    if section.has_room:
        yield from ("*Your own words:*", "", "")
    for table in section.tables:
        yield from as_table(table)
    for picture in section.pictures:
        if picture.name not in drawn:
            continue
        yield from (f"![{escaped(picture.caption)}]({picture.name}.png)", "")
    if section.commands:
        yield from (fenced(section.commands), "")


def as_table(table: Table) -> Iterator[str]:
    """A table of up to 50 rows, and where the others are."""
    yield from (f"{escaped(table.caption)} ([{table.name}.csv]({table.name}.csv)):", "")
    header, rows = table.shown
    yield as_markdown_table(header, rows[:MOST_ROWS], lambda cell: escaped(shown(cell)))
    yield ""
    if len(rows) > MOST_ROWS:
        yield from (f"... and {len(rows) - MOST_ROWS} more in {table.name}.csv.", "")


def fenced(commands: Iterable[str]) -> str:
    """What to type, as a block of code."""
    return "\n".join(("```sh", *map(shown, commands), "```"))


def escaped(text: str) -> str:
    """Text that no Markdown reader takes for markup, HTML, a formula, a list or another cell."""
    text = re.sub(r"([\\`*_\[\]<>|#&$~])", r"\\\1", shown(text))
    return re.sub(r"^(\d*)([-+=.)])(?=[-=\s]|$)", r"\1\\\2", text)
