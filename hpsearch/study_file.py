"""Study files: find one, run it, tell which part of its text matters to what."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import linecache
import os
import site
import sys
import sysconfig
import threading
import traceback
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from hpsearch.errors import HpsearchError, StorageError, StudyFileError
from hpsearch.quiet_imports import import_quietly
from hpsearch.task import Task

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
STAR = "*"  # what `from module import *` binds: nobody knows which names


@dataclass(frozen=True)
class StudyFile:
    """A study file's text and the task it declares.

    The text is what counts, not the path: a study stores it, and trial processes get it
    from there, so editing the file does not change trials under way.
    """

    name: str
    """The file's stem, and the default name of its study."""
    filename: str
    """What tracebacks and messages call it."""
    text: str
    task: Task

    def description(self) -> str:
        """The docstring."""
        return ast.get_docstring(ast.parse(self.text)) or ""

    def title(self) -> str:
        """The docstring's first line, without the file's own name before it."""
        return self.description().partition("\n")[0].removeprefix(f"{self.name}: ")

    def code_of(self, function: str) -> str:
        """The top-level statements that a function of the file needs, it included.

        Two texts with the same `code_of("build")` build the same network: comments,
        docstrings and the rest of the file are left out.

        Args:
            function: `build` or `load`, a field of `Task` that holds a function.

        Returns:
            Nothing where the file has none by the name that the function bears.
        """
        return "\n".join(map(ast.unparse, self.statements_of(function)))

    def statements_of(self, function: str) -> list[ast.stmt]:
        """The statements of `code_of`, with their places in the text."""
        wanted = getattr(getattr(self.task, function), "__name__", "")
        return _needed(ast.parse(self.text), wanted)

    def fingerprint_of(self, function: str) -> str:
        """SHA-256 of `code_of(function)`, in hex; of the whole text if that is nothing.

        Modules of the user's own that this code imports are part of it, as they stand now.
        """
        code = self.code_of(function) or self.text
        digest = hashlib.sha256(code.encode())
        for path in own_modules(code):
            digest.update(path.read_bytes())
        return digest.hexdigest()


def registers_own(study_file: StudyFile) -> bool:
    """Whether a network may consist of classes or functions that its study file defines."""
    code = study_file.code_of("build")
    return "register_keras_serializable" in code or bool(own_modules(code))


def study_files() -> dict[str, Path]:
    """The study files that can be named without a path: those in `studies/` of the
    current folder, then those that come with hpsearch.
    """
    package = Path(__file__).parent
    folders = [Path("studies"), package.parent / "studies", package / "_studies"]
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            found.setdefault(path.stem, path)
    return found


def read_study_file(name_or_path: str) -> StudyFile:
    """Load a study file by name or by path.

    Raises:
        StudyFileError: There is none, it does not run, or declares no task.
    """
    known = study_files()
    path = Path(name_or_path)
    if path.suffix != ".py":
        if name_or_path not in known:
            raise StudyFileError(
                f"no study file {name_or_path!r}: it is neither a path that ends in .py "
                f"nor one of {', '.join(known) or 'studies/'}"
            )
        path = known[name_or_path]
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        here = ", ".join(sorted(other.name for other in path.parent.glob("*.py"))) or "none"
        raise StudyFileError(
            f"cannot read study file {str(path)!r}: {error.strerror}; "
            f"Python files in that folder: {here}"
        ) from error
    except UnicodeDecodeError as error:
        raise StudyFileError(f"study file {str(path)!r} is not UTF-8 text") from error
    return run_study_file(text, os.fspath(path))


def own_modules(code: str) -> list[Path]:
    """The files of the user's own modules and packages that some Python text imports.

    Others come with Python, or are installed, and have a version. Files that one's own
    modules import in turn are found only where they lie in the same package.

    Returns:
        The files, each package's in the order of their paths.
    """
    paths = sysconfig.get_paths()
    folders = [paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"]]
    folders += [*site.getsitepackages(), site.getusersitepackages()]
    installed = {Path(folder).resolve() for folder in folders}
    files: list[Path] = []
    for name in sorted(imports_of(code) - {"hpsearch"}):
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            continue
        path = Path(spec.origin).resolve()
        if not installed.isdisjoint(path.parents):
            continue
        is_package = spec.submodule_search_locations is not None
        files += sorted(path.parent.rglob("*.py")) if is_package else [path]
    return files


def imports_of(code: str) -> set[str]:
    """The top-level names of the modules that some Python text imports, but Python's own."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module.partition(".")[0])
    return modules - set(sys.stdlib_module_names)


def run_study_file(text: str, filename: str) -> StudyFile:
    """Run the text of a study file and take its `TASK`.

    Args:
        text: Python.
        filename: What tracebacks call it; it need not exist.

    Raises:
        StudyFileError: The text does not run, or declares no task.
        HpsearchError: The text raised one of another type.
    """
    import_quietly(text)
    module = types.ModuleType(Path(filename).stem)
    module.__file__ = filename
    # so that a traceback shows the lines of the stored text, wherever the file is now
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    with calling("the study file", filename):
        exec(compile(text, filename, "exec"), module.__dict__)  # noqa: S102  # a study file is code
    task = getattr(module, "TASK", None)
    if not isinstance(task, Task):
        raise StudyFileError(
            f"study file {filename} declares no task: end it with TASK = hpsearch.Task(...)"
        )
    return StudyFile(Path(filename).stem, filename, text, task)


@contextmanager
def calling(
    what: str, filename: str, *, passes: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Call a function of a study file: whatever it raises says where in the file.

    Args:
        what: What messages call it, such as `space(trial)`.
        filename: The study file.
        passes: Exceptions for the caller to handle. Those of the storage always pass: a
            trial that suggests writes to it.

    Raises:
        StudyFileError: The function raised an exception, or `SystemExit`.
        HpsearchError: The function raised one; its type is kept.
    """
    try:
        with _exits_noticed():
            yield
    except HpsearchError as error:
        if isinstance(error, (StorageError, *passes)):
            raise
        raise type(error)(f"{where(error, filename)}: {error}") from error
    except (Exception, SystemExit) as error:
        if isinstance(error, passes):
            raise
        raise StudyFileError(
            f"{where(error, filename)}: {what} raised {describe(error)}"
        ) from error


@contextmanager
def _exits_noticed() -> Iterator[None]:
    """Let `os._exit` raise: the whole launcher would end with it, and say nothing.

    Other threads, and processes forked in here, still exit with it as they must.
    """
    here = os.getpid(), threading.get_ident()
    # another thread may be in here too, and a coverage measurement has its own `os._exit`
    exit_now = getattr(os._exit, "stands_for", os._exit)

    def exit_(status: int) -> NoReturn:
        if here != (os.getpid(), threading.get_ident()):
            exit_now(status)
        raise StudyFileError(f"os._exit({status}) would end hpsearch without a word: remove it")

    exit_.stands_for = exit_now  # type: ignore[attr-defined]
    os._exit = exit_
    try:
        yield
    finally:
        os._exit = exit_now


def where(error: BaseException, filename: str) -> str:
    """`file.py:12`, the innermost line of the study file in a traceback."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        return f"{filename}:{error.lineno}"
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == filename
    ]
    return f"{filename}:{lines[-1]}" if lines else filename


def describe(error: BaseException) -> str:
    """An exception in one line."""
    message = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _needed(module: ast.Module, wanted: str) -> list[ast.stmt]:
    """The top-level statements that `wanted` uses, directly or through others."""
    for node in ast.walk(module):
        if isinstance(node, FUNCTION):
            _strip(node)
    if not any(wanted in _bound(statement) for statement in module.body):
        return []
    names = {wanted, STAR}
    needed: list[ast.stmt] = []
    while True:
        now = [statement for statement in module.body if _bound(statement) & names]
        if len(now) == len(needed):
            return needed
        needed = now
        nodes = (node for statement in needed for node in ast.walk(statement))
        names |= {node.id for node in nodes if isinstance(node, ast.Name)}


def _bound(statement: ast.AST) -> set[str]:
    """The names that a top-level statement defines, or whose values it may change.

    An assignment changes what stands before its `=`, also in `SIZES["small"] = 8`. Any
    other statement may change whatever it names: `UNITS.append(8)`, `fill(TABLE)`.
    """
    parts: Sequence[ast.AST]
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return {(alias.asname or alias.name).partition(".")[0] for alias in aliases}
        case ast.Assign(targets=parts):
            pass
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            parts = [target]
        case ast.Name(id=name):
            return {name}
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return set()  # runs only where the file is a script of its own
        case _:
            parts = list(ast.iter_child_nodes(statement))
    return set().union(*map(_bound, parts))


def _strip(function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """Take away what makes no difference when the function runs: docstring, types."""
    if ast.get_docstring(function) is not None:
        function.body = function.body[1:] or [ast.Pass()]
    function.returns = None
    for argument in ast.walk(function.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
