"""What could run code that came from a file or a network: nothing but what is listed here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "hpsearch"

SAFE = {
    "joblib": {"cpu_count", "Parallel", "delayed", "parallel_config"},
    "multiprocessing": {"AuthenticationError", "Pipe", "connection"},
    "multiprocessing.connection": {"Connection", "answer_challenge", "deliver_challenge", "wait"},
    "yaml": {"safe_dump"},
}
"""Of modules that can unpickle or build objects of any class, the names that do not."""
UNSAFE = {
    "pickle", "_pickle", "cloudpickle", "dill", "shelve", "marshal", "h5py", "pandas", "torch.load",
    "runpy", "code", "xmlrpc", "zipimport",
}  # fmt: skip
"""Modules that run, or build objects of, what they read."""
BUILT_IN = {"eval", "exec", "compile", "__import__"}
METHODS = {"extract", "extractall", "read_pickle", "enable_unsafe_deserialization"}
NEEDED = {
    "load": {"allow_pickle": False},
    "read_array": {"allow_pickle": False},
    "load_model": {"safe_mode": True, "compile": False},
}
"""Arguments without which a function may run what it reads."""

EXCEPTIONS = {
    "data/imdb/pickled_lists.py: import pickle": "an Unpickler that knows stand-ins only",
    "keras_tuner.py: __import__": "for a build(hp) of the user's, which imports as it always did",
    "study_file.py: compile": "a study file is code",
    "study_file.py: exec": "a study file is code",
    "tuning/source.py: compile": "parses what it wrote, and runs nothing",
}
"""What is left, and why it is safe."""


def unsafe(tree: ast.AST) -> Iterator[str]:
    """What in a module could run what it reads."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    if alias.name in UNSAFE:
                        yield f"import {alias.name}"
            case ast.ImportFrom(module=str(module), names=aliases):
                names = {alias.name for alias in aliases}
                if module in UNSAFE or names - SAFE.get(module, names):
                    yield f"from {module} import {', '.join(sorted(names))}"
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in SAFE:
                if name not in SAFE[module]:
                    yield f"{module}.{name}"
            case ast.Call(func=ast.Name(id=name)) if name in BUILT_IN:
                yield name
            case ast.Call(func=ast.Attribute(attr=name), args=args, keywords=keywords):
                given = {word.arg: getattr(word.value, "value", None) for word in keywords}
                owner = getattr(node.func.value, "id", "")
                if name in METHODS or (name == "recv" and not args):  # which unpickles
                    yield f".{name}()"
                elif name in BUILT_IN and owner == "builtins":
                    yield name
                elif (owner, name) == ("os", "system"):
                    yield "os.system"
                elif given.get("shell"):
                    yield f".{name}(shell=True)"
                elif name != "load" or owner in ("np", "numpy"):
                    needed = NEEDED.get(name, {})
                    if not needed.items() <= given.items():
                        yield f".{name}() without {needed}"


def test_nothing_that_comes_from_a_disk_or_a_network_is_run():
    found = {
        f"{path.relative_to(PACKAGE).as_posix()}: {what}"
        for path in PACKAGE.rglob("*.py")
        for what in unsafe(ast.parse(path.read_text()))
    }

    assert found == set(EXCEPTIONS)


@pytest.mark.parametrize(
    "statement",
    [
        "import pickle",
        "import dill",
        "from shelve import open",
        "from joblib import load",
        "joblib.Memory('cache')",
        "from multiprocessing import Queue",
        "connection.recv()",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text)",
        "keras.saving.load_model(path)",
        "keras.saving.load_model(path, safe_mode=False, compile=False)",
        "keras.config.enable_unsafe_deserialization()",
        "eval(text)",
        "builtins.exec(text)",
        "tar.extractall(folder)",
        "archive.extract(name)",
        "subprocess.run(text, shell=True)",
        "os.system(text)",
    ],
)
def test_what_would_run_it_is_found(statement: str):
    assert list(unsafe(ast.parse(statement)))
