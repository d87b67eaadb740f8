"""What names in a script mean: `Dense`, `layers.Dense` and `tf.keras.layers.Dense` are one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

OLD_HOMES = ("tensorflow.keras", "tensorflow.python.keras", "tf_keras")  # of what is keras now
# modules that once had parts, such as keras.layers.core, and are one now
FLAT = re.compile(
    r"^keras\.(layers|models|regularizers|utils|losses|metrics|initializers|callbacks"
    r"|optimizers(?!\.schedules))\.(?:\w+\.)*(?=\w+$)"
)
RENAMED = {
    "keras.models.Sequential": "keras.Sequential",
    "keras.models.Model": "keras.Model",
    "keras.layers.Input": "keras.Input",
    "keras.layers.CuDNNLSTM": "keras.layers.LSTM",
    "keras.layers.CuDNNGRU": "keras.layers.GRU",
    "keras.preprocessing.sequence.pad_sequences": "keras.utils.pad_sequences",
    "keras.utils.sequence.pad_sequences": "keras.utils.pad_sequences",
}


def imported_names(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for, as a dotted name."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                names[alias.asname or root] = alias.name if alias.asname else root
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and (alias_ := aliased(statement, names)):
            names |= alias_
    return names


def aliased(statement: ast.stmt, names: dict[str, str]) -> dict[str, str]:
    """What `mnist = tf.keras.datasets.mnist` calls something imported; else nothing."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute() as value):
            dotted = meaning(value, names)
            return {name: dotted} if dotted.startswith("keras.") else {}
    return {}


def import_lines(tree: ast.Module) -> dict[str, str]:
    """How to import each name anew, as a line of Python."""
    lines: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name = alias.name if alias.asname is None else f"{alias.name} as {alias.asname}"
                local = alias.asname or alias.name.partition(".")[0]
                start = "" if isinstance(node, ast.Import) else f"from {node.module} "
                lines[local] = f"{start}import {name}"
    return lines


def meaning(node: ast.AST, names: dict[str, str]) -> str:
    """The dotted name of what `a.b.c` stands for, as Keras 3 calls it; empty if not imported."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    dotted = ".".join([names[node.id], *reversed(parts)])
    for home in OLD_HOMES:
        if dotted == home or dotted.startswith(f"{home}."):
            dotted = "keras" + dotted.removeprefix(home)
    dotted = FLAT.sub(r"keras.\1.", dotted)
    return RENAMED.get(dotted, dotted)


def chains(node: ast.AST, names: dict[str, str]) -> Iterator[tuple[ast.expr, str]]:
    """The imported names in a piece of code, each as long as it comes, and their meanings."""
    if isinstance(node, ast.Name | ast.Attribute) and (dotted := meaning(node, names)):
        yield node, dotted
        return
    for child in ast.iter_child_nodes(node):
        yield from chains(child, names)


def root_of(node: ast.AST) -> str:
    """The name that `a.b[0].c(1)` begins with; empty if it begins with something else."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
