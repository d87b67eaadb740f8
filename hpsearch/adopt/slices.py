"""Which statements of a script others depend on."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping, Sequence

from hpsearch.adopt.names import aliased, imported_names, root_of

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOP = (ast.For, ast.While, ast.AsyncFor)
ONLY_SHOW = ("print", "display", "help", "plot_model")  # functions that change nothing
# methods that change nothing which a study file needs
ONLY_READ = ("summary", "evaluate", "predict", "save", "save_weights", "head", "describe", "info",
             "plot", "get_weights", "to_json", "hist", "show")  # fmt: skip
FIT = ("fit", "fit_generator")


def statements_of(tree: ast.Module) -> list[ast.stmt]:
    """The statements of a script in the order in which they run.

    What stands below `if __name__ == "__main__"`, in a `with` of TensorFlow's, in a `main()`
    that is called there, or in an `if` or `try` that trains, is taken out of it.
    """
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    names = imported_names(tree)

    def unwrap(statement: ast.stmt) -> Iterable[ast.stmt]:
        match statement:
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__")), body=body):
                return [inner for part in body for inner in unwrap(part)]
            case ast.With(items=[ast.withitem(optional_vars=None)], body=body):
                return [inner for part in body for inner in unwrap(part)]
            case ast.If(body=body) | ast.Try(body=body) if any(map(_trains, body)):
                return [inner for part in body for inner in unwrap(part)]
            case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=[], keywords=[])):
                function = functions.pop(name, None)  # once: it may call itself
                if function is not None and not _arguments(function) and _trains(function):
                    body = [s for s in function.body if not isinstance(s, ast.Return | ast.Global)]
                    return [inner for part in body for inner in unwrap(part)]
        return [] if aliased(statement, names) else [statement]

    return [inner for statement in tree.body for inner in unwrap(statement)]


def changed(statement: ast.stmt) -> set[str]:
    """The names that a statement binds, or whose values it may change."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return {(alias.asname or alias.name).partition(".")[0] for alias in aliases}
        case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=args)):
            return set() if name in ONLY_SHOW else {*map(root_of, args)} - {""}
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=attr) as method, args=args) as call):
            if attr in ONLY_READ or is_training(call):
                return set()
            # random.shuffle(x) changes x; model.add(x) the model; f(x).numpy() nothing
            owner = method.value
            while isinstance(owner, ast.Attribute | ast.Subscript):
                owner = owner.value
            own = {owner.id} if isinstance(owner, ast.Name) else set()
            return own | ({*map(root_of, args)} - {""} if attr == "shuffle" else set())
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Assign | ast.Delete):
            names |= {name for target in node.targets for name in _targets(target)}
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.For | ast.NamedExpr):
            names |= _targets(node.target)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            names |= _targets(node.optional_vars)
        elif isinstance(node, ast.Expr) and node is not statement:
            names |= changed(node)
    return names


def is_training(call: ast.Call) -> bool:
    """Whether a call looks like a network's `fit`, and not like that of a scaler."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in FIT:
        return False
    return len(call.args) > 1 or bool(call.keywords)


def read_names(node: ast.AST) -> set[str]:
    """The names that a piece of code reads."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def stored_names(node: ast.AST) -> set[str]:
    """The names that a piece of code gives values, parameters of functions included."""
    return {
        n.arg if isinstance(n, ast.arg) else n.id
        for n in ast.walk(node)
        if isinstance(n, ast.arg) or (isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    }


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, or one like it that is not taken."""
    return name if name not in taken else free_name(f"{name}_", taken)


def needed_for(
    names: Collection[str], end: int, statements: Sequence[ast.stmt], stop: Collection[int] = ()
) -> list[int]:
    """The places of the statements that names depend on.

    Args:
        names: What has to have its value.
        end: The place before which it has.
        statements: The script, in order.
        stop: Places of statements that are not looked at.

    Returns:
        In order.
    """
    functions = {s.name: s for s in statements if isinstance(s, FUNCTION)}
    wanted = _with_functions(set(names), functions)
    found: list[int] = []
    for at in range(end - 1, -1, -1):
        statement = statements[at]
        if at in stop or not changed(statement) & wanted:
            continue
        if isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        found.append(at)
        reads = read_names(statement)
        if isinstance(statement, ast.Assign):
            # what was bound before is gone, unless the new value is made of it
            plain = {n for target in statement.targets for n in _plain_targets(target)}
            wanted -= plain - read_names(statement.value)
            reads = read_names(statement.value) | {
                name for t in statement.targets for name in read_names(t) - plain
            }
        wanted |= _with_functions(reads, functions)
    # functions may stand after the code that another function of the script has them in
    found += [
        at
        for at, s in enumerate(statements)
        if isinstance(s, FUNCTION) and s.name in wanted and at not in found and at not in stop
    ]
    return sorted(found)


def loops_around(statement: ast.stmt, node: ast.AST) -> list[ast.stmt]:
    """The loops of a statement that a node stands in, the outermost first."""
    return [
        loop
        for loop in ast.walk(statement)
        if isinstance(loop, LOOP) and any(inner is node for inner in ast.walk(loop))
    ]


def _with_functions(names: set[str], functions: Mapping[str, ast.stmt]) -> set[str]:
    """Names, and what the script's functions among them read."""
    found: set[str] = set()
    while more := names - found:
        found |= more
        names = names.union(*(read_names(functions[n]) for n in more if n in functions))
    return found


def _targets(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Tuple | ast.List):
        return set().union(*map(_targets, node.elts))
    return {root_of(node)} - {""}


def _plain_targets(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Tuple | ast.List):
        return set().union(*map(_plain_targets, node.elts))
    return {node.id} if isinstance(node, ast.Name) else set()


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    args = function.args
    return [*args.posonlyargs, *args.args, *args.kwonlyargs]


def _trains(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Call) and is_training(n) for n in ast.walk(node))
