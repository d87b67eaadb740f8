"""What a shell offers after Tab: studies, study files, hyperparameters, factors, choices.

Tab must answer at once, change nothing and say nothing. So this module reads an SQLite file
without Optuna and a study file without running it; what it cannot read it does not offer.
Nor does it offer a name that a shell would have to quote: a study may be somebody else's.
"""

from __future__ import annotations

import ast
import json
import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

import typer

from hpsearch.choices import TrackerName, storage_url
from hpsearch.study_file import study_files

SUGGESTS = re.compile(r"suggest_\w+|Int|Float|Choice|Boolean|Fixed")  # of Optuna, of KerasTuner
PLAIN = re.compile(r"[\w@%+=:,./-]+")
BUSY_S = 0.2


def offer_studies(ctx: typer.Context) -> list[str]:
    """The studies of the storage."""
    return _plain(name for (name,) in _query(ctx, "SELECT study_name FROM studies"))


def offer_models(ctx: typer.Context) -> list[str]:
    """Studies, and folders that hpsearch wrote."""
    folders = (path.parent.name for path in sorted(Path().glob("*/MANIFEST.json")))
    return [*offer_studies(ctx), *_plain(folders)]


def offer_study_files() -> list[str]:
    """Names of study files, and Python files of the current folder."""
    return _plain([*study_files(), *(path.name for path in sorted(Path().glob("*.py")))])


def offer_hyperparameters(ctx: typer.Context) -> list[str]:
    """`NAME=` for each hyperparameter of the task."""
    text = _study_file_text(ctx)
    names = dict.fromkeys([*_keys_of(text, "baseline"), *_suggested(text)])
    return [f"{name}=" for name in _plain(names)]


def offer_factors(ctx: typer.Context, incomplete: str) -> list[str]:
    """The factors of the task, the last of several with commas between them."""
    text = _study_file_text(ctx)
    factors = _plain([*_keys_of(text, "factors"), *_keys_of(text, "paths")])
    before = incomplete.rpartition(",")[0]
    given = before.split(",") if before else []
    return [",".join([*given, name]) for name in factors if name not in given]


def offer_choices(kind: type[StrEnum]) -> Callable[[], list[str]]:
    """The names in an enumeration."""
    return lambda: list(kind)


def offer_trackers() -> list[str]:
    """`NAME:` of each tracker; where to is the user's to say."""
    return [f"{name}:" for name in TrackerName]


def offer_files() -> list[str]:
    """Nothing: then the shell offers files."""
    return []


def _plain(names: Iterable[str]) -> list[str]:
    return [name for name in names if PLAIN.fullmatch(name)]


def _study_file_text(ctx: typer.Context) -> str:
    """The text of the study file that the command line names, or that its study stores."""
    first = next(one.name for one in ctx.command.params if one.param_type_name == "argument")
    # after an option without a value yet, Typer has not told arguments apart
    named = ctx.params.get(first) or next(iter(ctx.args), "")
    with suppress(OSError, ValueError):
        if first == "study_file":
            return study_files().get(named, Path(named)).read_text(encoding="utf-8")
        of_study = (
            "SELECT value_json FROM study_user_attributes JOIN studies USING (study_id) "
            "WHERE key = 'hpsearch' AND study_name = ?"
        )
        for (record,) in _query(ctx, of_study, named):
            return str(json.loads(record)["study_file"])
    return ""


def _query(ctx: typer.Context, query: str, *values: object) -> list[tuple[str, ...]]:
    """Rows of the storage; none where it is no SQLite file, or not one of Optuna's."""
    scheme, _, path = storage_url(ctx.params.get("storage")).partition(":///")
    if not scheme.startswith("sqlite"):
        return []
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", BUSY_S, uri=True)) as connection,
    ):
        return connection.execute(query, values).fetchall()
    return []


def _keys_of(text: str, field: str) -> Iterable[str]:
    """The names that a field of `Task(...)` gives values to, as far as the text shows."""
    module = _parsed(text)
    named = {
        target.id: statement.value
        for statement in module.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.keyword) and node.arg == field:
            value = node.value
            if isinstance(value, ast.Name):
                value = named.get(value.id, value)
            if isinstance(value, ast.Dict):
                yield from (str(key.value) for key in value.keys if isinstance(key, ast.Constant))
            elif isinstance(value, ast.Call):  # dict(epochs=10)
                yield from (one.arg for one in value.keywords if one.arg)


def _suggested(text: str) -> Iterable[str]:
    """The names that the text asks for literally: `trial.suggest_int("units", 1, 8)`."""
    for node in ast.walk(_parsed(text)):
        match node:
            case ast.Call(func=ast.Attribute(attr=asks), args=[ast.Constant(value=str(name)), *_]):
                if SUGGESTS.fullmatch(asks):
                    yield name


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ast.Module([], [])
