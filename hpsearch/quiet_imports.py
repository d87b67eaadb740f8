"""Importing Keras: without the lines that it prints, and without what no training needs."""

from __future__ import annotations

import ast
import contextlib
import importlib
import os
import sys
from collections.abc import Iterator

LOUD = {"keras", "tensorflow", "jax", "torch"}
# for Keras's wrappers and galleries
TAKEN_ALONG = ("matplotlib", "sklearn")


def import_quietly(text: str) -> None:
    """Load the loud modules that a program imports at its top, without their greetings.

    Only what is printed while they load is lost; if one cannot be loaded, the program's own
    import raises the error.

    Args:
        text: Python; anything that does not parse is left alone.
    """
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # nested too deeply
        return
    for name in sorted(LOUD & _imported(statements) - set(sys.modules)):
        with stderr_hidden(), contextlib.suppress(Exception, SystemExit):
            importlib.import_module(name)


@contextlib.contextmanager
def keras_alone() -> Iterator[None]:
    """Within the block, Keras is imported without scikit-learn and matplotlib.

    Where they are installed, Keras takes them along, and a third of the time to load goes
    into them. This is for processes of our own: what Keras has them for, its wrappers and
    galleries of pictures, raises ImportError there. Everybody else can import them later.
    """
    blocked = [name for name in TAKEN_ALONG if name not in sys.modules]
    sys.modules.update(dict.fromkeys(blocked))  # type: ignore[arg-type]  # as importing documents
    try:
        yield
    finally:
        for name in blocked:
            del sys.modules[name]


@contextlib.contextmanager
def stderr_hidden() -> Iterator[None]:
    """Drop what is written to standard error, also by native code."""
    # the file descriptor, as libraries in C++ know nothing of sys.stderr
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        if sys.stderr is not None:
            sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)


def _imported(statements: list[ast.stmt]) -> set[str]:
    """The packages that top-level statements import."""
    names: list[str] = []
    for statement in statements:
        match statement:
            case ast.Import(names=aliases):
                names += [alias.name for alias in aliases]
            case ast.ImportFrom(module=str(module), level=0):
                names.append(module)
    return {name.partition(".")[0] for name in names}
