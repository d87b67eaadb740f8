"""The source of functions, with all that they reach, as a piece of a study file.

A script computes values as it goes (`N = len(np.unique(y))`), so its statements are no use
elsewhere. Functions and classes are copied as they were written; what else they name is written
as it is now, where that is a number, a text or the like.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import inspect
import linecache
import math
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hpsearch.adopt.names import import_lines
from hpsearch.errors import UsageError
from hpsearch.export.requirements import local_modules
from hpsearch.quiet_imports import LOUD

LONGEST = 10_000  # characters of a value
OWN = ("load", "TASK", "Path", "Budget", "Task", "open_arrays", "keras_tuner_space")
"""What a written study file names itself."""
ANNOTATIONS = __future__.annotations.compiler_flag  # types are not looked up


@dataclass
class Sources:
    """Code that is copied, with what it needs before it.

    A message calls a function by what it is for: `build`, `space`.
    """

    imports: dict[str, str] = field(default_factory=dict)
    """A name -> the statement that imports it."""
    constants: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    """In an order in which each finds what it needs when it is made."""
    _seen: dict[str, object] = field(default_factory=dict)

    def add(self, function: Callable[..., Any], role: str) -> None:
        """Copy a function.

        Args:
            function: Defined with `def`, in a script, a module or a cell of a notebook.
            role: What messages call it.

        Raises:
            UsageError: It cannot stand in a file of its own.
        """
        require_function(function, role)
        self._define(function.__name__, function, role)

    def _define(self, name: str, thing: Any, role: str) -> None:
        """Copy a function or class of the user's own, after what it needs."""
        if not self._is_new(name, thing, role):
            return
        own = thing.__name__
        text, namespace = _source_of(thing, role)
        now, later = _names(text)
        local: dict[str, str] = {}
        for needed in sorted(now | later):
            if needed == own or needed not in namespace:
                continue  # itself, one of Python's own, or nothing: then it fails as it did
            line = self._need(needed, namespace, role)
            is_loud = bool(line) and line.split()[1].partition(".")[0] in LOUD
            if is_loud and needed not in now and isinstance(thing, types.FunctionType):
                local[needed] = line
            elif line:
                self.imports[needed] = line
        alias = f"\n\n\n{name} = {own}" if name != own else ""
        self.definitions[name] = _with_imports(text, sorted_imports(local.values())) + alias

    def _need(self, name: str, namespace: Mapping[str, Any], role: str) -> str:
        """See to it that a name is there.

        Returns:
            The statement that imports it; empty if it was defined.
        """
        value = namespace[name]
        is_code = isinstance(value, types.FunctionType | types.BuiltinFunctionType | type)
        if is_code and _is_own(value.__module__ or ""):
            _require_plain(value, f"{role} uses {name}, which")
            self._define(name, value, role)
            return ""
        is_new = self._is_new(name, value, role)
        if line := _import_line(name, namespace):
            return line
        if isinstance(value, types.ModuleType):
            return f"import {value.__name__} as {name}"
        if is_code:
            return f"from {value.__module__} import {value.__qualname__} as {name}"
        if is_new:
            self.constants[name] = f"{name} = {_literal(name, value, role)}"
        return ""

    def _is_new(self, name: str, thing: object, role: str) -> bool:
        if name in OWN:
            raise UsageError(
                f"{role} uses something of your own called {name!r}, a name that the study file "
                "has a use for: rename it"
            )
        if name in self._seen and self._seen[name] is not thing:
            raise UsageError(
                f"{role} and what comes with it have two things called {name!r}, and a file has "
                "room for one: rename one"
            )
        is_new = name not in self._seen
        self._seen[name] = thing
        return is_new


def require_function(function: object, role: str) -> None:
    """Refuse what has no source that could be copied.

    Raises:
        UsageError: It is a lambda, a method or another callable; or it uses variables of a
            function around it.
    """
    if isinstance(function, types.FunctionType):
        _require_plain(function, role)
    else:
        kind = type(function).__name__
        raise UsageError(f"{role} takes a function that you define with def, not a {kind}")


def require_argument(function: Callable[..., Any], role: str, argument: str) -> None:
    """Refuse a function that cannot be called with one argument.

    Raises:
        UsageError: It takes none, or more.
    """
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        name, signature = function.__name__, inspect.signature(function)
        raise UsageError(
            f"{role} is called with one argument, but yours is {name}{signature}: write "
            f"def {name}({argument})"
        ) from None


def _require_plain(function: Any, subject: str) -> None:
    """Refuse a function or class whose source is not all of it."""
    if not isinstance(function, types.FunctionType):
        return
    if function.__name__ == "<lambda>":
        raise UsageError(
            f"{subject} is a lambda, whose source cannot be told from what stands around it: "
            "define it with def"
        )
    if free := function.__code__.co_freevars:
        raise UsageError(
            f"{subject} uses {' and '.join(free)} of the function around it, which a study file "
            "cannot see: make that a constant of the module, or a hyperparameter"
        )
    if function.__code__.co_name != function.__name__:
        raise UsageError(
            f"{subject} is wrapped by a decorator, which hides its source: leave the decorator out"
        )


@cache
def _is_own(module: str) -> bool:
    """Whether a module is the user's, and not of Python or an installed package."""
    package = module.partition(".")[0]
    if package in sys.stdlib_module_names:
        return False
    return package == "__main__" or bool(local_modules([package]))


# ---- Finding source --------------------------------------------------------------------


def _source_of(thing: Any, role: str) -> tuple[str, Mapping[str, Any]]:
    """The text of a function or class, decorators and comments right above included.

    Returns:
        The text, without indentation, and the names that it sees.
    """
    functions = [thing] if isinstance(thing, types.FunctionType) else _methods(thing)
    for function in functions:
        filename, namespace = function.__code__.co_filename, function.__globals__
        lines = linecache.getlines(filename, namespace)
        try:
            tree = ast.parse("".join(lines))
        except SyntaxError:
            continue
        for node in reversed(list(ast.walk(tree))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == thing.__name__:
                first = min(one.lineno for one in (node, *node.decorator_list))
                line = function.__code__.co_firstlineno
                is_it = line == first if function is thing else first <= line <= _end(node)
                if is_it:
                    text = textwrap.dedent("".join(lines[first - 1 : _end(node)]))
                    return text.rstrip(), namespace
    raise UsageError(
        f"{role} needs the source of {thing.__name__}, which Python did not keep: define it in a "
        "script, a module or a cell of a notebook"
    )


def _methods(of: type) -> list[types.FunctionType]:
    return [value for value in vars(of).values() if isinstance(value, types.FunctionType)]


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _names(text: str) -> tuple[set[str], set[str]]:
    """The global names that a definition needs when it is made, and when it is called."""
    now: set[str] = set()
    later: set[str] = set()

    def look(code: types.CodeType, *, is_called: bool) -> None:
        found = {i.argval for i in _instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
        (later if is_called else now).update(found - set(vars(builtins)))
        for inner in code.co_consts:
            if isinstance(inner, types.CodeType):
                look(inner, is_called=is_called or bool(inner.co_flags & inspect.CO_OPTIMIZED))

    code = compile(text, "<definition>", "exec", flags=ANNOTATIONS, dont_inherit=True)
    look(code, is_called=False)
    return now, later


def _instructions(code: types.CodeType) -> Iterator[Any]:
    import dis  # only here: it is needed when functions are copied

    return dis.get_instructions(code)


def _import_line(name: str, namespace: Mapping[str, Any]) -> str:
    """The user's own statement that imports a name; empty if there is none."""
    if isinstance(cells := namespace.get("In"), list):  # IPython keeps what was typed there
        texts = [re.sub(r"^[%!].*$", "", cell, flags=re.MULTILINE) for cell in cells]
    else:
        texts = ["".join(linecache.getlines(str(namespace.get("__file__")), dict(namespace)))]
    for text in reversed(texts):
        try:
            found = import_lines(ast.parse(text))
        except SyntaxError:
            continue
        if name in found and not found[name].startswith("from None"):
            return found[name]
    return ""


# ---- Writing ---------------------------------------------------------------------------


def _literal(name: str, value: Any, role: str) -> str:
    """A value as Python code."""
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        value = value.item()
    text = repr(value)
    try:
        is_sound = ast.literal_eval(text) == value
    except (ValueError, SyntaxError, TypeError, MemoryError):
        is_sound = isinstance(value, float) and math.isinf(value)
        text = f"float({text!r})"
    if not isinstance(is_sound, bool) or not is_sound or len(text) > LONGEST:
        raise UsageError(
            f"{role} uses {name}, a {type(value).__name__} that cannot be written into a study "
            "file: use numbers, texts, or short lists and dicts of them"
        )
    return text


def sorted_imports(lines: Iterable[str]) -> list[str]:
    """Each statement once, in the order in which a formatter has them."""
    return sorted(set(lines), key=lambda line: (line.startswith("from "), line))


def _with_imports(text: str, imports: list[str]) -> str:
    """A function with statements at its beginning, after its docstring."""
    if not imports:
        return text
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef)
    first = node.body[1] if ast.get_docstring(node) is not None and node.body[1:] else node.body[0]
    lines = text.split("\n")
    at = min(one.lineno for one in (first, *getattr(first, "decorator_list", []))) - 1
    indent = " " * first.col_offset
    if lines[at][: first.col_offset].strip():  # all on one line
        return "\n".join([*imports, "", "", text])
    return "\n".join([*lines[:at], *(indent + line for line in imports), "", *lines[at:]])
