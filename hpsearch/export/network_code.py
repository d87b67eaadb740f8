"""Writes `network.py`: a study file's own code of its network, word for word."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from hpsearch.errors import StudyFileError
from hpsearch.export.requirements import local_modules
from hpsearch.study_file import StudyFile, imports_of

HEADER = '''\
"""How the study file {name} builds the network: its code, copied word for word.

The rest of the study file, such as the search space, is in study.py.
"""

from __future__ import annotations  # so types may name what is not imported here
'''
MAX_BLANK_LINES = 2
OPTIONAL = ("callbacks", "also_log")


def network_code(study_file: StudyFile) -> str:
    """The text of `network.py`: what `build`, `callbacks` and `also_log` need of the study file.

    Raises:
        StudyFileError: The code cannot stand alone: it uses hpsearch or another module of
            the user's, or `build` is not defined in the study file.
    """
    task = study_file.task
    functions = ["build", *(name for name in OPTIONAL if getattr(task, name) is not None)]
    for function in functions:
        _require_standalone(study_file, function)
    needed = {
        (statement.lineno, statement.col_offset): statement
        for function in functions
        for statement in study_file.statements_of(function)
    }
    statements = [statement for _, statement in sorted(needed.items())]
    name = Path(study_file.filename).name.replace("\\", "/").replace('"', "'")
    return HEADER.format(name=name) + _verbatim(study_file.text, statements)


def _require_standalone(study_file: StudyFile, function: str) -> None:
    code = study_file.code_of(function)
    if not code:
        raise StudyFileError(
            f"{study_file.filename}: {function}= must be a function that the study file defines "
            "with def, under the same name: an export takes it from there"
        )
    modules = imports_of(code)
    if "hpsearch" in modules:
        raise StudyFileError(
            f"{study_file.filename}: {function}() uses hpsearch, but an exported network must "
            "run without it: use Keras, NumPy and other installed packages"
        )
    if local := local_modules(modules):
        raise StudyFileError(
            f"{study_file.filename}: {function}() imports {', '.join(local)}, which belongs to no "
            "installed package, so an export could not: move that code into the study file"
        )


def _verbatim(text: str, statements: list[ast.stmt]) -> str:
    """Top-level statements of a text as they stand in it, with the comments right above."""
    lines = re.split(r"\r\n?|\n", text)
    spans = [_span(statement) for statement in ast.parse(text).body]
    pieces = []
    end = 0  # the last line of the piece before, counted from 1
    for statement in statements:
        first, last = _span(statement)
        shares_lines = sum(start <= last and first <= stop for start, stop in spans) > 1
        if shares_lines:
            piece = ast.get_source_segment(text, statement) or ""
        else:
            above = max((stop for _, stop in spans if stop < first), default=0)
            while first - 1 > above and lines[first - 2].startswith("#"):
                first -= 1
            piece = "\n".join(lines[first - 1 : last])
        pieces.append("\n" * _n_blank_lines(lines[end : first - 1]) + piece + "\n")
        end = last
    return "".join(pieces)


def _span(statement: ast.stmt) -> tuple[int, int]:
    """The first and the last line of a statement, decorators included, counted from 1."""
    decorators = getattr(statement, "decorator_list", [])
    first = min(node.lineno for node in (statement, *decorators))
    return first, statement.end_lineno or first


def _n_blank_lines(between: list[str]) -> int:
    """How many blank lines to leave where these lines were: as many as they had in a row."""
    n_blank = n_most = 0
    for line in between:
        n_blank = 0 if line.strip() else n_blank + 1
        n_most = max(n_most, n_blank)
    return min(n_most, MAX_BLANK_LINES)
