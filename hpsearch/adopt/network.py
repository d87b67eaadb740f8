"""The code of a script that builds its network, with literals turned into hyperparameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from hpsearch.adopt.names import chains, imported_names, meaning, root_of
from hpsearch.adopt.ranges import Range, default_learning_rate, range_around
from hpsearch.adopt.script import Remark, Script, Span
from hpsearch.adopt.slices import (
    FUNCTION,
    changed,
    free_name,
    needed_for,
    read_names,
    stored_names,
)
from hpsearch.adopt.training import NotLiteral, Training
from hpsearch.errors import UsageError
from hpsearch.task import ParamValue

RECURRENT = ("LSTM", "GRU", "SimpleRNN")
CONVOLUTION = re.compile(r"(Separable|Depthwise)?Conv(olution)?[123]D(Transpose)?$")
DROPOUT = re.compile(r"(Spatial|Gaussian|Alpha)?Dropout([123]D)?$")
# layers that take what others give only if its size is right
FITTING = {"add", "subtract", "multiply", "average", "maximum", "minimum", "dot", "reshape"}
# what Keras 3 calls the arguments of Keras 1 and 2
RENAMED_ARGUMENTS = {
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "p": "rate",
    "lr": "learning_rate",
    "output_dim": "units",
}
# Keras takes shapes from the data
SHAPES = ("input_shape", "input_dim", "input_length", "batch_input_shape")
GONE = {"consume_less": "", "dim_ordering": "", "implementation": "", "decay": "0"}
SHARED = ("activation", "dropout", "recurrent_dropout", "kernel_size", "l1", "l2")
MAXIMIZED = re.compile(r"acc|auc|precision|recall|f1|fbeta|r2|iou|cosine|hinge", re.IGNORECASE)
OPTIMIZER = "chosen_optimizer"
"""What `build` calls the optimizer, if the search chooses it."""
COMPREHENSION = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Hyperparameter:
    """A literal of the script that the study file searches."""

    name: str
    value: ParamValue
    line: int
    range: Range
    is_said: bool = True
    """Whether the script says the value; else it is Keras's default."""


@dataclass(frozen=True)
class FromData:
    """A number that the network needs and that a script takes from its data."""

    constant: str
    code: str
    line: int


@dataclass
class Network:
    """What `build` becomes."""

    places: list[int]
    edits: list[tuple[Span, str]] = field(default_factory=list)
    hyperparameters: list[Hyperparameter] = field(default_factory=list)
    dropped: set[int] = field(default_factory=set)
    """Places of statements that are left out."""
    from_data: list[FromData] = field(default_factory=list)
    params: str = "params"
    """What `build` calls its argument: a name that the script does not use."""
    optimizer_at: int | None = None
    """The place of the statement that needs the chosen optimizer, if the search chooses one."""
    loss: ast.expr | None = None
    metric: str = "val_loss"
    direction: str = "minimize"
    remarks: list[Remark] = field(default_factory=list)


def read_network(script: Script, training: Training, data: Collection[int]) -> Network:
    """Read how a script builds the network that it trains.

    Args:
        script: The script.
        training: Its training.
        data: Places of statements that prepare the data, which `build` cannot have.

    Raises:
        UsageError: The network is not built at the top level of the script.
    """
    wanted = read_names(training.model)
    places = needed_for(wanted, training.at, training.statements, stop=data)
    compiles = [at for at in places if _compiles(training.statements[at])]
    made = (training.statements[at] for at in places if at not in compiles)
    if wanted - set().union(*map(changed, made)) - set(imported_names(script.tree)):
        raise UsageError(
            f"{script.place(training.fit.lineno)}: adopt cannot follow where this network comes "
            "from: build it at the top level of the script, before its fit"
        )
    places = [at for at in places if at not in compiles[:-1]]
    network = Network([at for at in places if not _is_constant(training, at)])
    network.params = free_name("params", read_names(script.tree))
    _Reader(script, training, data, network).read()
    return network


def _compiles(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="compile"))):
            return True
    return False


def _is_constant(training: Training, at: int) -> bool:
    match training.statements[at]:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name in training.constants.values
    return False


@dataclass
class _Literal:
    """A value of a layer, an optimizer or a regularizer, before it has a name."""

    kind: str
    value: ParamValue
    node: ast.expr
    key: object
    """Literals of one kind with equal keys are one hyperparameter."""
    code: str = '{params}["{name}"]'


@dataclass
class _Reader:
    script: Script
    training: Training
    data: Collection[int]
    network: Network
    literals: list[_Literal] = field(default_factory=list)

    def read(self) -> None:
        statements = [self.training.statements[at] for at in self.network.places]
        self.names = imported_names(self.script.tree)
        self.data_names = set().union(*(changed(self.training.statements[at]) for at in self.data))
        self.data_names -= set(self.training.constants.values)
        self.looped = {id(n) for s in statements for n in self._in_loops(s)}
        calls = [n for s in statements for n in _calls(s)]
        # in the order in which data pass: in f(2)(f(1)(x)), the inner one comes first
        applied = {id(call.func): call for call in calls}

        def end(layer: ast.Call) -> int:
            return self.script.span(applied.get(id(layer), layer)).end

        layers = sorted((call for call in calls if self._kind(call, "layers")), key=end)
        widths = [call for call in layers if self._width(call)]
        self.output = [] if not widths else layers[layers.index(widths[-1]) :]
        for statement in statements:
            self._canonical(statement)
        for call in calls:
            self._call(call)
        for at in self.network.places:
            self._from_data(at)
            self.data_names -= changed(self.training.statements[at])  # from here on
        self._name()

    def _in_loops(self, statement: ast.stmt) -> Iterator[ast.AST]:
        """All nodes that stand in a loop; says once for each that it is left alone."""
        for loop in ast.walk(statement):
            if isinstance(loop, (ast.For, ast.While, *COMPREHENSION)):
                if any(self._kind(call, "layers") for call in _calls(loop)):
                    words = "a loop builds layers: it is kept, and its values are not searched"
                    self._remark(loop, words)
                yield from ast.walk(loop)

    def _canonical(self, node: ast.AST) -> None:
        """Call everything of Keras by its full name in Keras 3."""
        for name, dotted in chains(node, self.names):
            if dotted.split(".")[0] == "keras":
                self._edit(name, dotted)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Import | ast.ImportFrom):
                self._edit(inner, "pass")
            if isinstance(inner, ast.ClassDef):
                self._remark(
                    inner,
                    f"the class {inner.name} is kept as it is: its values are not searched",
                )

    def _call(self, call: ast.Call) -> None:
        match self._kind(call, "layers"), self._kind(call, "regularizers"):
            case str(layer), _ if layer:
                self._layer(call, layer)
            case _, str(penalty) if penalty:
                names = ("l2",) if penalty.lower() == "l2" else ("l1", "l2")
                for name, node in self._arguments(call, names).items():
                    if name in ("l1", "l2"):
                        self._literal(name, node)
        if optimizer := self._kind(call, "optimizers"):
            self._optimizer(call, optimizer)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "compile":
            self._compile(call)

    def _layer(self, call: ast.Call, layer: str) -> None:
        arguments = self._arguments(call, _positional(layer))
        if layer.lower() in FITTING:
            self._remark(call, f"{layer} needs layers of fitting sizes: let them share a name")
        is_output = any(call is other for other in self.output)
        for name, node in arguments.items():
            kind = {"rate": "dropout", "stddev": "noise"}.get(name, name)
            if layer == "Embedding":
                kind = {"units": "embedding", "output_dim": "embedding"}.get(name, "")
            if kind in ("units", "filters", "activation", "kernel_size") and is_output:
                continue
            searched = ("units", "filters", "embedding", "activation", "kernel_size", "dropout",
                        "recurrent_dropout", "noise")  # fmt: skip
            if kind in searched:
                self._literal(kind, node)

    def _optimizer(self, call: ast.Call, optimizer: str) -> None:
        if "." in optimizer:  # a schedule
            return
        arguments = self._arguments(call, ("learning_rate",))
        rate = arguments.get("learning_rate")
        if not set(arguments) - {"learning_rate", "decay"} and (rate is None or self._known(rate)):
            value = default_learning_rate(optimizer.lower())
            self._any_optimizer(call, optimizer.lower(), value if rate is None else rate)
            return
        for name, node in arguments.items():
            if name in ("learning_rate", "momentum", "weight_decay"):
                self._literal(name, node)

    def _any_optimizer(self, node: ast.expr, name: str, rate: ast.expr | float) -> None:
        """Let the search choose among optimizers, where the script only names one."""
        self.literals.append(_Literal("optimizer", name, node, "", OPTIMIZER))
        span = self.script.span(node)
        for at in self.network.places:
            around = self.script.span(self.training.statements[at])
            if around.start <= span.start and span.end <= around.end:
                self.network.optimizer_at = at
        if isinstance(rate, ast.expr):
            value = self.training.constants.read(rate)
            self.literals.append(_Literal("learning_rate", value, rate, "", ""))  # type: ignore[arg-type]
        else:
            self.literals.append(_Literal("learning_rate", rate, node, "default", ""))

    def _compile(self, call: ast.Call) -> None:
        arguments = dict(zip(("optimizer", "loss", "metrics"), call.args, strict=False))
        arguments |= {k.arg: k.value for k in call.keywords if k.arg}
        optimizer = arguments.get("optimizer")
        if optimizer is not None and self._known(optimizer):
            name = str(self.training.constants.read(optimizer)).lower()
            self._any_optimizer(optimizer, name, default_learning_rate(name))
        self.network.loss = arguments.get("loss")
        self._metric(arguments.get("metrics"))

    def _metric(self, metrics: ast.expr | None) -> None:
        match metrics:
            case ast.List(elts=[first, *_]) | ast.Tuple(elts=[first, *_]):
                pass
            case None | ast.List() | ast.Tuple():
                return
            case _:
                first = metrics
        match first:
            case ast.Constant(value=str(name)):
                pass
            case ast.Call(keywords=keywords):
                given = [k.value for k in keywords if k.arg == "name"]
                name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self._kind(first, "metrics")).lower()
                if given and self._known(given[0]):
                    name = str(self.training.constants.read(given[0]))
            case _:
                name = ""
        if not name:
            self._remark(first, "this metric cannot be read: val_loss decides instead")
            return
        self.network.metric = f"val_{name}"
        self.network.direction = "maximize" if MAXIMIZED.search(name) else "minimize"

    def _arguments(self, call: ast.Call, positional: tuple[str, ...]) -> dict[str, ast.expr]:
        """The arguments of a call by their names in Keras 3; drops what it has no more."""
        arguments = dict(zip(positional, call.args, strict=False))
        is_embedding = self._kind(call, "layers") == "Embedding"
        gone: list[ast.AST] = []
        for keyword in call.keywords:
            old = keyword.arg or ""
            name = RENAMED_ARGUMENTS.get(old, old)
            if is_embedding and old in ("output_dim", "input_dim"):
                name = old
            elif old in SHAPES or old in GONE or (is_embedding and name == "dropout"):
                gone.append(keyword)
                code = self.script.source(keyword.value)
                if old == "decay" and code not in ("0", "0.0"):
                    self._remark(keyword, f"decay={code} is left out: Keras 3 has schedules")
                if is_embedding and name == "dropout":
                    self._remark(keyword, f"Embedding has no dropout in Keras 3: {old}={code} is "
                                 "left out")  # fmt: skip
                continue
            elif name != old:
                start = self.script.span(keyword).start
                self.network.edits.append((Span(start, start + len(old.encode())), name))
            arguments[name] = keyword.value
        self._without(call, gone)
        return arguments

    def _without(self, call: ast.Call, gone: list[ast.AST]) -> None:
        """Take arguments out of a call, with their commas."""
        parts: list[ast.AST] = [*call.args, *call.keywords]
        for at, part in enumerate(parts):
            if part not in gone:
                continue
            first, last = self.script.span(part)
            kept_before = [other for other in parts[:at] if other not in gone]
            if kept_before:
                first = self.script.span(parts[at - 1]).end
            elif at + 1 < len(parts):
                last = self.script.span(parts[at + 1]).start
            self.network.edits.append((Span(first, last), ""))

    def _literal(self, kind: str, node: ast.expr) -> None:
        """A literal that may be searched; says so if it cannot be."""
        if id(node) in self.looped:
            return
        if read_names(node) & self.data_names:
            return
        if not self._known(node):
            if not isinstance(node, ast.Constant):
                self._remark(node, f"{kind} is not a literal, so it is not searched")
            return
        value = self.training.constants.read(node)
        if kind == "kernel_size" and isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        if value is None or value == 0 and kind in ("l1", "l2", "weight_decay"):
            return
        if isinstance(value, tuple) or range_around(kind, value) is None:  # type: ignore[arg-type]
            self._remark(node, f"{kind}={self.script.source(node)} is kept: it is not searched")
            return
        key: object = self.script.span(node)
        if isinstance(node, ast.Name):
            key = node.id
        elif kind in SHARED:
            key = value
        self.literals.append(_Literal(kind, value, node, key))  # type: ignore[arg-type]

    def _name(self) -> None:
        """Name the literals: `units_1`, `units_2`, or `dropout` where there is one alone."""
        keys: dict[str, list[object]] = {}
        for literal in self.literals:
            known = keys.setdefault(literal.kind, [])
            if literal.key not in known:
                known.append(literal.key)
        seen: set[str] = set()
        for literal in self.literals:
            known = keys[literal.kind]
            number = f"_{known.index(literal.key) + 1}" if len(known) > 1 else ""
            name = literal.kind + number
            if literal.code:
                self._edit(literal.node, literal.code.format(params=self.network.params, name=name))
            where = range_around(literal.kind, literal.value)
            if name not in seen and where is not None:
                self.network.hyperparameters.append(
                    Hyperparameter(
                        name, literal.value, literal.node.lineno, where, literal.key != "default"
                    )
                )
            seen.add(name)

    def _from_data(self, at: int) -> None:
        """Replace what a statement takes from the data by constants for the user to write."""
        statement = self.training.statements[at]
        if not read_names(statement) & self.data_names:
            return
        for call in _calls(statement):
            if meaning(call.func, self.names) == "keras.Input" and (
                read_names(call) & self.data_names
            ):
                around = [c for c in _calls(statement) if call in c.args]
                if around and getattr(around[0].func, "attr", "") == "add":
                    self.network.dropped.add(at)
                    return
                lists = [n for n in ast.walk(statement) if isinstance(n, ast.List)]
                holders = [n for n in lists if call in n.elts]
                if holders and isinstance(holders[0].elts[0], ast.Call):
                    parts = holders[0].elts
                    end = self.script.span(parts[1]).start if len(parts) > 1 else 0
                    span = self.script.span(call)
                    self.network.edits.append((Span(span.start, end or span.end), ""))
                    return
        value = getattr(statement, "value", None) or statement
        gone = [span for span, text in self.network.edits if not text]
        for node in self._parts_from_data(value, self.data_names):
            span = self.script.span(node)
            if any(other.start <= span.start and span.end <= other.end for other in gone):
                continue
            code = self.script.source(node)
            constant = re.sub(r"\W+", "_", code).strip("_").upper()
            if constant not in [known.constant for known in self.network.from_data]:
                self.network.from_data.append(FromData(constant, code, node.lineno))
            self._edit(node, constant)

    def _parts_from_data(self, node: ast.AST, data_names: set[str]) -> Iterator[ast.expr]:
        """The expressions of data alone, as large as they come."""
        if isinstance(node, (*FUNCTION, ast.Lambda, *COMPREHENSION)):
            data_names = data_names - stored_names(node)  # its own have the same names
        if not read_names(node) & data_names:
            return
        is_keras = isinstance(node, ast.Call) and (
            bool(meaning(node.func, self.names)) or root_of(node.func) not in data_names
        )
        whole = isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.BinOp)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            is_keras = node.func.id not in ("len", "max", "min", "int", "sum")
        if isinstance(node, ast.expr) and (whole or isinstance(node, ast.Call)) and not is_keras:
            yield node
            return
        for child in ast.iter_child_nodes(node):
            yield from self._parts_from_data(child, data_names)

    def _kind(self, call: ast.Call, module: str) -> str:
        """The class of `keras.MODULE` that is called; empty for anything else."""
        dotted = meaning(call.func, self.names)
        prefix = f"keras.{module}."
        return dotted.removeprefix(prefix) if dotted.startswith(prefix) else ""

    def _width(self, call: ast.Call) -> bool:
        return bool({"units", "filters"} & set(_positional(self._kind(call, "layers"))))

    def _known(self, node: ast.expr) -> bool:
        try:
            self.training.constants.read(node)
        except NotLiteral:
            return False
        return True

    def _edit(self, node: ast.AST, text: str) -> None:
        self.network.edits.append((self.script.span(node), text))

    def _remark(self, node: ast.AST, words: str) -> None:
        self.network.remarks.append(Remark(node.lineno, words))  # type: ignore[attr-defined]


def _positional(layer: str) -> tuple[str, ...]:
    """The first arguments of a layer, as far as they matter here."""
    if layer == "Dense" or layer in RECURRENT:
        return ("units", "activation")
    if CONVOLUTION.match(layer):
        return ("filters", "kernel_size")
    if DROPOUT.match(layer):
        return ("rate",)
    return {
        "Embedding": ("input_dim", "output_dim"),
        "Activation": ("activation",),
        "GaussianNoise": ("stddev",),
    }.get(layer, ())


def _calls(node: ast.AST) -> list[ast.Call]:
    """All calls in a piece of code, in the order in which they stand there."""
    found = [n for n in ast.walk(node) if isinstance(n, ast.Call)]
    return sorted(found, key=lambda call: (call.lineno, call.col_offset, -(call.end_lineno or 0)))
