"""How a script trains: the call of `fit`, its arguments, and the data it tests on."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpsearch.adopt.names import root_of
from hpsearch.adopt.script import Remark, Script
from hpsearch.adopt.slices import is_training, loops_around, read_names, statements_of
from hpsearch.errors import UsageError

POSITIONAL = ("x", "y", "batch_size", "epochs", "verbose", "callbacks", "validation_split",
              "validation_data", "shuffle", "class_weight", "sample_weight")  # fmt: skip
OF_GENERATOR = ("x", "steps_per_epoch", "epochs", "verbose", "callbacks", "validation_data")
OLD = {"nb_epoch": "epochs"}  # Keras 1
OF_FIT = {*POSITIONAL, *OLD}
DEFAULTS = {"epochs": 1, "batch_size": 32}  # Keras's own
NOT_ADOPTED = {
    "callbacks": "callbacks are left out: read-off and pruning do the work of EarlyStopping, "
    "curves that of checkpoints; others go into callbacks= of the task",
    "class_weight": "class_weight is not a literal and left out: write it as class_weight= of the "
    "task",
}
TEST_NAMES = (
    ("x_test", "y_test"),
    ("X_test", "y_test"),
    ("X_test", "Y_test"),
    ("test_images", "test_labels"),
    ("test_data", "test_labels"),
)
OPERATORS = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
}


class NotLiteral(Exception):  # noqa: N818  # caught where it is raised
    """A piece of code whose value cannot be read."""


@dataclass(frozen=True)
class Constants:
    """Names that a script gives one literal value, once."""

    values: Mapping[str, object]

    @staticmethod
    def of(statements: Sequence[ast.stmt]) -> Constants:
        """The constants of a script, and parameters of functions that are called just once."""
        # each once: what `main` has may stand beside it
        nodes = {id(node): node for one in statements for node in ast.walk(one)}.values()
        n_bound = Counter(
            node.id if isinstance(node, ast.Name) else node.arg
            for node in nodes
            if isinstance(node, ast.arg)
            or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        )
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        constants = Constants({})
        for statement in statements:
            pairs: list[tuple[str, ast.expr]] = []
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    pairs = [(name, value)]
                case ast.FunctionDef(name=name):
                    own = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == name]
                    pairs = _passed(statement, own[0]) if len(own) == 1 else []
            for name, value in pairs:
                if n_bound[name] == 1 and constants.can_read(value):
                    constants = Constants({**constants.values, name: constants.read(value)})
        return constants

    def can_read(self, node: ast.expr) -> bool:
        """Whether `read` would return."""
        try:
            self.read(node)
        except NotLiteral:
            return False
        return True

    def read(self, node: ast.expr) -> object:
        """The value of a literal, of a constant, or of arithmetic with them.

        Raises:
            NotLiteral: It is something else.
        """
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name) if name in self.values:
                return self.values[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _number(0) - _number(self.read(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                a, b = _number(self.read(left)), _number(self.read(right))
                try:
                    return OPERATORS[type(op)](a, b)  # type: ignore[no-untyped-call]
                except ArithmeticError as error:
                    raise NotLiteral from error
            case ast.Tuple(elts=parts):
                return tuple(self.read(part) for part in parts)
        raise NotLiteral


def _passed(function: ast.FunctionDef, call: ast.Call) -> list[tuple[str, ast.expr]]:
    """The parameters of a function, and what a call gives them, or their defaults."""
    names = [arg.arg for arg in function.args.args]
    defaults = function.args.defaults
    given = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    given |= dict(zip(names, call.args, strict=False))
    return list((given | {k.arg: k.value for k in call.keywords if k.arg}).items())


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotLiteral
    return value


@dataclass(frozen=True)
class Training:
    """A script's training: the statements, and the call of `fit` that counts."""

    statements: list[ast.stmt]
    constants: Constants
    at: int
    """The place of the statement that trains."""
    fit: ast.Call
    arguments: Mapping[str, ast.expr]
    """Of `fit`, by the names that Keras 3 has for them."""
    tested: tuple[int, list[ast.expr]] | None
    """The place of `evaluate`, and its examples and labels; or where there are test data."""
    n_rounds: int = 1
    """How often a loop calls `fit`."""
    remarks: list[Remark] = field(default_factory=list)

    @property
    def model(self) -> ast.expr:
        """The expression whose `fit` is called."""
        assert isinstance(self.fit.func, ast.Attribute)
        return self.fit.func.value

    @property
    def class_weight(self) -> ast.Dict | None:
        """The weight of each class, where the script writes it out."""
        match self.arguments.get("class_weight"):
            case ast.Dict(keys=keys, values=values) as node:
                numbers = [key for key in (*keys, *values) if key is not None]
                is_known = all(isinstance(self._value(number), int | float) for number in numbers)
                return node if is_known and not read_names(node) else None
        return None

    def _value(self, node: ast.expr) -> object:
        return self.constants.read(node) if self.constants.can_read(node) else None

    def whole_number(self, name: str) -> tuple[int, int, bool]:
        """`epochs` or `batch_size`: the value, its line, and whether the script says it."""
        node = self.arguments.get(name)
        line = self.fit.lineno if node is None else node.lineno
        value: object = DEFAULTS[name]
        is_said = False
        if node is not None:
            try:
                value, is_said = self.constants.read(node), True
            except NotLiteral:
                self.remarks.append(
                    Remark(line, f"{name} is not a literal: {DEFAULTS[name]} is written instead")
                )
        if not isinstance(value, int) or value < 1:
            value, is_said = DEFAULTS[name], False
        return value * (self.n_rounds if name == "epochs" else 1), line, is_said


def find_training(script: Script) -> Training:
    """Find the `fit` of a script that a study file is to stand for.

    It is the first one with validation data, else the first.

    Raises:
        UsageError: There is none, or one that cannot be followed.
    """
    _require_names(script)
    statements = statements_of(script.tree)
    compiled = _networks(script.tree)
    if not compiled:
        raise UsageError(
            f"{script.filename} has no network: adopt looks for a Keras model's compile(...) and "
            "fit(...)"
        )
    found: list[tuple[int, ast.Call]] = []
    for at, statement in enumerate(statements):
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            calls = (n for n in ast.walk(statement) if isinstance(n, ast.Call))
            found += [(at, call) for call in calls if _is_networks(call, compiled)]
    if not found:
        inside = [call for call in ast.walk(script.tree)
                  if isinstance(call, ast.Call) and is_training(call)]  # fmt: skip
        if inside:
            raise UsageError(
                f"{script.place(inside[0].lineno)}: fit stands in a function or class that adopt "
                "does not follow: call it at the top level of the script"
            )
        raise UsageError(f"{script.filename} compiles a network but never calls its fit(...)")
    validated = [one for one in found if {"validation_split", "validation_data"} & _named(one[1])]
    at, fit = (validated or found)[0]
    training = Training(
        statements,
        Constants.of(statements),
        at,
        fit,
        _arguments(script, fit),
        _tested(statements, at),
        remarks=[
            Remark(call.lineno, "another fit is left out: a study file stands for one")
            for _, call in found
            if call is not fit
        ],
    )
    for name, words in NOT_ADOPTED.items():
        given = training.arguments.get(name)
        if given is not None and not _is_none(given) and training.class_weight is not given:
            training.remarks.append(Remark(training.arguments[name].lineno, words))
    return _with_rounds(script, training)


def _require_names(script: Script) -> None:
    """Refuse imports that leave open what they import.

    Raises:
        UsageError: There is one, of Keras.
    """
    for node in ast.walk(script.tree):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            module = node.module or ""
            if module.split(".")[0] in ("keras", "tensorflow"):
                raise UsageError(
                    f"{script.place(node.lineno)}: from {module} import * does not say what it "
                    "imports: name it"
                )


def _with_rounds(script: Script, training: Training) -> Training:
    """Count how often loops call `fit`, where a number says so."""
    loops = loops_around(training.statements[training.at], training.fit)
    if not loops:
        return training
    builds = any(_calls(loop, "compile") for loop in loops)
    if builds:
        raise UsageError(
            f"{script.place(loops[0].lineno)}: this loop builds and trains a network for each of "
            "its values: write it once, with one value; the search tries the others"
        )
    n_rounds = 1
    for loop in loops:
        match loop:
            case ast.For(iter=ast.Call(func=ast.Name(id="range"), args=args)) if 1 <= len(args) < 3:
                bounds = [training.constants.read(a) if training.constants.can_read(a) else None
                          for a in args]  # fmt: skip
                match bounds:
                    case [int(stop)]:
                        n_rounds *= max(stop, 1)
                        continue
                    case [int(start), int(stop)]:
                        n_rounds *= max(stop - start, 1)
                        continue
        training.remarks.append(
            Remark(loop.lineno, "a loop calls fit, nobody knows how often: check epochs")
        )
    training.remarks.append(
        Remark(
            loops[0].lineno,
            "a loop calls fit: its rounds count as epochs, and what else it does is left out",
        )  # fmt: skip
    )
    return Training(**{**vars(training), "n_rounds": n_rounds})


def _networks(tree: ast.Module) -> set[str]:
    """The names of what is compiled, and of what functions return that compile something."""
    names = {root_of(call) for call in _calls(tree, "compile")}
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    makers = {function.name for function in functions if _calls(function, "compile")}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id=maker))):
                names |= {name} if maker in makers else set()
    return names


def _is_networks(call: ast.Call, compiled: set[str]) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("fit", "fit_generator"):
        return False
    # a network is known by its compile, or by what its fit is given
    return root_of(call.func) in compiled or bool(
        _named(call) & (OF_FIT - {"x", "y", "sample_weight"})
    )


def _named(call: ast.Call) -> set[str]:
    return {keyword.arg for keyword in call.keywords if keyword.arg is not None}


def _arguments(script: Script, fit: ast.Call) -> dict[str, ast.expr]:
    assert isinstance(fit.func, ast.Attribute)
    positional = OF_GENERATOR if fit.func.attr == "fit_generator" else POSITIONAL
    arguments = dict(zip(positional, fit.args, strict=False))
    for keyword in fit.keywords:
        if keyword.arg is None:
            raise UsageError(
                f"{script.place(keyword.value.lineno)}: adopt cannot read fit(**...): write its "
                "arguments out"
            )
        arguments[OLD.get(keyword.arg, keyword.arg)] = keyword.value
    return arguments


def _tested(statements: Sequence[ast.stmt], at: int) -> tuple[int, list[ast.expr]] | None:
    """The examples and labels of the last `evaluate` after the training, and its place."""
    for place in range(len(statements) - 1, at - 1, -1):
        if isinstance(statements[place], ast.FunctionDef | ast.ClassDef):
            continue
        for call in _calls(statements[place], "evaluate"):
            data = [*call.args, *(k.value for k in call.keywords if k.arg in ("x", "y"))]
            if len(data) >= 2:
                return place, data[:2]
    return _named_test(statements)


def _named_test(statements: Sequence[ast.stmt]) -> tuple[int, list[ast.expr]] | None:
    """Test data that a script has by their usual names, and never evaluates."""
    bound: dict[str, ast.expr] = {
        node.id: node
        for statement in statements
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    for pair in TEST_NAMES:
        if set(pair) <= set(bound):
            return len(statements), [bound[name] for name in pair]
    return None


def _calls(tree: ast.AST, method: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == method
        and not (method == "compile" and root_of(node.func) == "re")
    ]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
