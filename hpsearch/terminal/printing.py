"""Printing: results to standard output, everything else to standard error."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich import box
from rich.console import Console as Console  # for those who print
from rich.table import Table
from rich.text import Text

from hpsearch.files import Cell, as_csv, as_json, as_markdown_table


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object."""
    print(as_json(content))


def print_line(console: Console, text: str, style: str = "") -> None:
    """Print a line of any length, without markup and control characters."""
    console.print(plain(text), style=style, markup=False, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a line about work in progress, to standard error."""
    print(plain(text), file=sys.stderr, flush=True)


def print_csv(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print CSV; text that a spreadsheet would run as a formula gets an apostrophe."""
    # on a pipe, lines end as they do elsewhere; what is in a cell stays quoted
    print(as_csv(header, rows).replace("\r\n", "\n"), end="")


def print_markdown(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print a Markdown table."""

    def show(cell: Cell) -> str:
        return show_cell(cell).replace("|", "\\|").replace("\n", " ")

    print(as_markdown_table(header, rows, show))


def print_table(
    console: Console, header: Sequence[str], rows: Sequence[Sequence[Cell]], *, right: int = 0
) -> None:
    """Print a table for people.

    Args:
        console: Where to.
        header: A name for each column.
        rows: The cells.
        right: How many columns, from the left, are numbers.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(header):
        table.add_column(
            Text(plain(name)), justify="right" if i < right else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(plain(show_cell(cell))) for cell in row))
    console.print(table)


def output_console() -> Console:
    """The console for results: as wide as the terminal, or wide enough where there is none."""
    return Console(width=None if sys.stdout.isatty() else 200)


def text_of(draw: Callable[[Console], object]) -> str:
    """What a function prints, as a text as wide as the terminal, or 100 characters without one.

    Args:
        draw: Prints to the console that it gets.
    """
    file = io.StringIO()
    draw(Console(file=file, width=shutil.get_terminal_size((100, 24)).columns))
    return "\n".join(line.rstrip() for line in file.getvalue().strip("\n").split("\n"))


def error_console() -> Console:
    """The console for everything that is not a result."""
    return Console(stderr=True)


def show_cell(cell: Cell) -> str:
    """A value as people write it; nothing for None."""
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def plain(text: str) -> str:
    """Text without control characters, which could rewrite the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
