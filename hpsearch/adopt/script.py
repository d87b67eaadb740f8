"""A script or notebook as text and syntax tree, and pieces of it with some parts replaced."""

from __future__ import annotations

import ast
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from hpsearch.errors import UsageError

SUFFIXES = (".py", ".ipynb")
SHELL = ("%", "!", "?")  # what IPython reads as a command of its own
SHELL_INSIDE = re.compile(r"\s*([\w.]+\?{1,2}\s*$|\w+\s*=\s*[!%])")  # `x.shape?`, `files = !ls`
RUNS_PYTHON = ("%%time", "%%timeit", "%%capture")  # cell magics over a cell that is Python


class Remark(NamedTuple):
    """Something in a script that adopting it left out, or that the user should look at."""

    line: int
    """Counted from 1."""
    words: str


class Span(NamedTuple):
    """A part of a script's text, in bytes."""

    start: int
    end: int


@dataclass(frozen=True)
class Script:
    """The text of a script, or of a notebook's code cells one after the other."""

    filename: str
    text: str
    tree: ast.Module
    cells: tuple[int, ...] = ()
    """Of a notebook: the line on which each cell begins, counted from 1."""
    remarks: tuple[Remark, ...] = ()
    """Lines that are not Python."""

    def place(self, line: int) -> str:
        """A line as a message names it: `lab.py:12`, or `lab.ipynb, cell 3:2`."""
        if not self.cells:
            return f"{self.filename}:{line}"
        cell = bisect_right(self.cells, line)
        return f"{self.filename}, cell {cell}:{line - self.cells[cell - 1] + 1}"

    def line(self, line: int) -> str:
        """A line as the study file names it, whose docstring names the script."""
        place = self.place(line).removeprefix(self.filename)
        return f"line {place[1:]}" if not self.cells else place[2:]

    def source(self, node: ast.AST) -> str:
        """The text of a node."""
        span = self.span(node)
        return self._bytes[span.start : span.end].decode()

    def span(self, node: ast.AST) -> Span:
        """Where a node stands, decorators included."""
        first = min([node, *getattr(node, "decorator_list", [])], key=lambda part: part.lineno)
        at_sign = 1 if first is not node else 0
        start = self._starts[first.lineno - 1] + first.col_offset - at_sign
        end = self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return Span(start, end)

    def render(
        self, node: ast.stmt | ast.expr, edits: Iterable[tuple[Span, str]] = (), indent: str = ""
    ) -> str:
        """A piece as it stands, comments included, with some parts replaced.

        Args:
            node: A piece of the script.
            edits: Parts of the script and what they become; of nested ones, the outer counts.
            indent: What each line begins with.
        """
        start, end = self.span(node)
        rest = self._bytes[end : self._bytes.find(b"\n", end)]
        if isinstance(node, ast.stmt) and rest.lstrip().startswith(b"#"):
            end += len(rest)
        inside = [edit for edit in edits if start <= edit[0].start and edit[0].end <= end]
        inside += self._indentation(node, indent)
        pieces, at = [indent.encode()], start
        for span, text in sorted(inside, key=lambda edit: (edit[0].start, -edit[0].end)):
            if span.start >= at:
                pieces += [self._bytes[at : span.start], text.encode()]
                at = span.end
        return b"".join([*pieces, self._bytes[at:end]]).decode()

    def _indentation(self, piece: ast.stmt | ast.expr, indent: str) -> list[tuple[Span, str]]:
        """Edits that indent all lines but the first, and leave texts of several lines alone."""
        texts = (ast.Constant, ast.JoinedStr)
        fixed = {
            line
            for node in ast.walk(piece)
            if isinstance(node, texts)
            for line in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
        }
        edits = []
        first, last = piece.lineno, piece.end_lineno or piece.lineno
        for line in range(first + 1, last + 1):
            start = self._starts[line - 1]
            content = self._bytes[start : self._starts[line]]
            blank = len(content) - len(content.lstrip(b" \t"))
            if line not in fixed and content.strip():
                edits.append((Span(start, start + min(blank, piece.col_offset)), indent))
        return edits

    @cached_property
    def _bytes(self) -> bytes:
        return self.text.encode() + b"\n"

    @cached_property
    def _starts(self) -> Sequence[int]:
        starts = [0]
        for line in self._bytes.split(b"\n"):
            starts.append(starts[-1] + len(line) + 1)
        return starts


def read_script(path: Path) -> Script:
    """Read a `.py` or `.ipynb` file.

    Raises:
        UsageError: It cannot be read, or is not Python.
    """
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{path} is neither a script nor a notebook: adopt takes .py and .ipynb")
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text") from error
    lines = content.split("\n")  # as Python: other characters may stand in texts
    starts: list[int] = []
    remarks: list[Remark] = []
    if path.suffix == ".ipynb":
        lines, starts, remarks = _joined(_code_cells(path, content))
    script = Script(path.name, "\n".join(lines), ast.Module([], []), tuple(starts), tuple(remarks))
    try:
        return replace(script, tree=ast.parse(script.text))
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        reason = getattr(error, "msg", str(error)) or "nested too deeply"
        raise UsageError(f"{script.place(line)}: not Python 3: {reason}") from error


def _code_cells(path: Path, content: str) -> list[str]:
    try:
        cells = json.loads(content)["cells"]
        found = [
            source if isinstance(source := cell["source"], str) else "".join(source)
            for cell in cells
            if cell["cell_type"] == "code"
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not a notebook of format 4: open and save it anew") from error
    if not found:
        raise UsageError(f"{path} has no code cells")
    return found


def _joined(cells: list[str]) -> tuple[list[str], list[int], list[Remark]]:
    """All lines of the cells, on which line each begins, and what in them is not Python."""
    lines: list[str] = []
    starts: list[int] = []
    remarks: list[Remark] = []
    for cell in cells:
        starts.append(len(lines) + 1)
        found = cell.replace("\r\n", "\n").removesuffix("\n").split("\n")
        remarks += _blank_out(found, starts[-1])
        lines += found
    return lines, starts, remarks


def _blank_out(lines: list[str], first: int) -> list[Remark]:
    """Make comments of what only IPython understands: magics, and cells of other languages."""
    if lines and lines[0].startswith("%%") and not lines[0].startswith(RUNS_PYTHON):
        words = f"{lines[0].split()[0]} makes this cell something else than Python: left out"
        lines[:] = [f"# {line}" for line in lines]
        return [Remark(first, words)]
    remarks = []
    for at, line in enumerate(lines):
        command = line.lstrip()
        if command.startswith(SHELL) or SHELL_INSIDE.match(line):
            blank = line[: len(line) - len(command)]
            lines[at] = f"{blank}pass  # {command}" if blank else f"# {command}"
            called = command.split()[0] if command.startswith(SHELL) else command.strip()
            remarks.append(Remark(first + at, f"{called} is for IPython: left out"))
    return remarks
