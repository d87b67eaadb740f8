"""The code of a script that prepares its data, as the body of `load`."""

from __future__ import annotations

import ast
import builtins
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hpsearch.adopt.names import chains, imported_names, meaning
from hpsearch.adopt.network import FromData
from hpsearch.adopt.script import Remark, Script, Span
from hpsearch.adopt.slices import FUNCTION, LOOP, changed, free_name, needed_for, read_names
from hpsearch.adopt.training import Training

DATASETS = {"fashion_mnist": "FASHION_MNIST", "mnist": "MNIST", "imdb": "IMDB"}
"""Keras's data sets that hpsearch reads, and what it calls their sources."""
SAME_NAME = {
    "keras.utils.to_categorical": "to_categorical",
    "keras.utils.pad_sequences": "pad_sequences",
}
READERS = {
    "open", "numpy.load", "numpy.loadtxt", "numpy.genfromtxt", "numpy.fromfile",
    "pandas.read_csv", "pandas.read_excel", "pandas.read_table", "pandas.read_parquet",
    "pathlib.Path", "PIL.Image.open", "os.listdir", "glob.glob", "scipy.io.loadmat",
}  # fmt: skip
"""Functions whose first argument is a path."""
GIVEN = ("x", "y", "sample_weight", "validation_data")
"""Arguments of `fit` that are data."""
FOREIGN = ("keras", "tensorflow", "tensorflow_datasets", "torch")
RANDOM = ("numpy.random.", "random.")
SEEDS = ("numpy.random.seed", "random.seed", "numpy.random.default_rng", "numpy.random.RandomState")
OLD_NUMPY = {"numpy.int": "int", "numpy.float": "float", "numpy.object": "object"}


@dataclass
class Loading:
    """What `load` becomes."""

    lines: list[str] = field(default_factory=list)
    """The body, without the lines of constants."""
    imports: set[str] = field(default_factory=set)
    """Names that the file has to import from `hpsearch.data`."""
    folder: str = "folder"
    """What `load` calls its argument: a name that the script does not use."""
    source: str = ""
    """The name of the data set in `hpsearch.data`, if it is Keras's."""
    plain_labels: bool = False
    """Whether labels are class numbers where the script made one-hot rows of them."""
    is_read: bool = True
    """Whether the data could be adopted at all."""
    remarks: list[Remark] = field(default_factory=list)


def places_of_data(training: Training) -> list[int]:
    """The places of the statements that make what the script trains, validates and tests on."""
    names: set[str] = set()
    for name in GIVEN:
        if name in training.arguments:
            names |= read_names(training.arguments[name])
    places = set(needed_for(names, training.at, training.statements))
    if training.tested is not None:
        end, data = training.tested
        names = set().union(*map(read_names, data))
        places |= set(needed_for(names, end, training.statements))
    return sorted(places - {training.at})


def read_loading(
    script: Script,
    training: Training,
    places: Sequence[int],
    from_data: Sequence[FromData],
    *,
    has_crossentropy: bool,
) -> Loading:
    """Read how a script prepares its data.

    Args:
        script: The script.
        training: Its training.
        places: Where its data are made.
        from_data: Numbers that the network takes from the data; `load` checks them.
        has_crossentropy: Whether the loss is one over one-hot labels for which Keras has a
            twin over class numbers.
    """
    loading = Loading()
    wanted = {name for one in from_data for name in read_names(ast.parse(one.code))}
    everything = sorted({*places, *needed_for(wanted, training.at, training.statements)})
    _Reader(script, training, everything, from_data, loading).read(has_crossentropy)
    return loading


@dataclass
class _Reader:
    script: Script
    training: Training
    places: Sequence[int]
    from_data: Sequence[FromData]
    loading: Loading
    edits: list[tuple[Span, str]] = field(default_factory=list)
    own: list[int] = field(default_factory=list)
    """Lines of code that is more than calls of known functions."""

    def read(self, has_crossentropy: bool) -> None:
        self.names = imported_names(self.script.tree)
        self.loading.folder = free_name("folder", read_names(self.script.tree))
        self.statements = [self.training.statements[at] for at in self.places]
        reason = self._foreign()
        if reason is not None:
            self._keep_out(reason)
            return
        self.loading.plain_labels = has_crossentropy and self._labels_may_be_plain()
        for statement in self.statements:
            if isinstance(statement, (*FUNCTION, *LOOP, ast.With, ast.ClassDef)):
                self.own.append(statement.lineno)
        for piece in (*self.statements, *self._passed()):
            for node in ast.walk(piece):
                self._translate(node)
        if self.own:
            where = ", ".join(map(str, self.own))
            lines = f"line{'s' if len(self.own) > 1 else ''} {where}"
            self._remark(self.own[0], f"data code of your own, kept as it stands ({lines}): it "
                         "must give the same data each time")  # fmt: skip
        self._write()

    def _foreign(self) -> Remark | None:
        """Why the data cannot be read without Keras."""
        arguments = self.training.arguments
        if "y" not in arguments:
            return Remark(
                self.training.fit.lineno,
                "fit is not given x and y as arrays: datasets and generators are not adopted",
            )
        bound = set().union(*map(changed, self.statements), dir(builtins), self.names)
        for given in self._passed():
            if unknown := sorted(read_names(given) - bound):
                words = f"{unknown[0]} comes from code that adopt does not follow"
                return Remark(given.lineno, words)
        known = {*SAME_NAME, *(f"keras.datasets.{name}.load_data" for name in DATASETS)}
        for piece in (*self.statements, *self._passed()):
            for node, dotted in chains(piece, self.names):
                if dotted.split(".")[0] in FOREIGN and dotted not in known:
                    words = f"the data code uses {dotted}, but load has to do without Keras"
                    return Remark(node.lineno, words)
        return None

    def _passed(self) -> list[ast.expr]:
        """What `fit` and `evaluate` are given as data."""
        arguments = self.training.arguments
        given = [arguments[name] for name in GIVEN if name in arguments]
        return given + ([] if self.training.tested is None else self.training.tested[1])

    def _keep_out(self, reason: Remark) -> None:
        self.loading.is_read = False
        self.loading.remarks.append(reason)
        place = self.script.line(reason.line)
        lines = [
            *comment(f"{reason.words} ({place})"),
            "# read the data here with NumPy, without Keras; the script does it like this:",
        ]
        for statement in self.statements:
            code = self.script.render(statement)
            lines += [f"#     {line}".rstrip() for line in code.splitlines()]
        lines += [
            'raise NotImplementedError("read the data here: return Dataset(train, valid, test)")'
        ]
        self.loading.lines = lines

    def _labels_may_be_plain(self) -> bool:
        """Whether every use of one-hot labels is that `fit` and `evaluate` get them."""
        labels = {name for node in self._labels() for name in read_names(node)}
        if any(labels & read_names(ast.parse(one.code)) for one in self.from_data):
            return False
        return any(True for _ in self._one_hot())

    def _labels(self) -> Iterator[ast.expr]:
        yield self.training.arguments["y"]
        if self.training.tested is not None:
            yield self.training.tested[1][1]

    def _one_hot(self) -> Iterator[ast.Call]:
        for node in (n for s in (*self.statements, *self._passed()) for n in ast.walk(s)):
            if isinstance(node, ast.Call) and node.args and self._makes_one_hot(node):
                yield node

    def _makes_one_hot(self, call: ast.Call) -> bool:
        return meaning(call.func, self.names) == "keras.utils.to_categorical"

    def _translate(self, node: ast.AST) -> None:
        """Replace what needs Keras, a folder, or a seed."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            return
        if old := OLD_NUMPY.get(meaning(node, self.names)):
            self._edit(node, old)
        if not isinstance(node, ast.Call):
            return
        dotted = meaning(node.func, self.names)
        if isinstance(node.func, ast.Name) and node.func.id in ("open", "set"):
            dotted = node.func.id
        if dotted.startswith("keras.datasets."):
            self._dataset(node, dotted.split(".")[2])
        elif dotted == "keras.utils.to_categorical" and self.loading.plain_labels and node.args:
            self._edit(node, self.script.source(node.args[0]))
        elif dotted in SAME_NAME:
            self._edit(node.func, SAME_NAME[dotted])
            self.loading.imports.add(SAME_NAME[dotted])
        elif dotted in READERS and node.args:
            self._path(node.args[0])
        elif dotted.endswith("train_test_split"):
            if "random_state" not in {k.arg for k in node.keywords}:
                end = self.script.span(node).end - 1
                self.edits.append((Span(end, end), ", random_state=0"))
                self._remark(node.lineno, "random_state=0 is added: the data must not change")
        elif dotted == "set" and len(node.args) == 1 and not self._is_changed(node):
            self._remark(node.lineno, "sorted(...) is added: a set has another order each time")
            self._edit(node, f"sorted({self.script.source(node)})")

    def _is_changed(self, call: ast.Call) -> bool:
        """Whether methods of a set are called, which a sorted list lacks."""
        names = {
            target.id
            for statement in self.statements
            if isinstance(statement, ast.Assign) and statement.value is call
            for target in statement.targets
            if isinstance(target, ast.Name)
        }
        return any(
            isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in names
            for statement in self.statements
            for node in ast.walk(statement)
        )

    def _dataset(self, call: ast.Call, name: str) -> None:
        arguments = [self.loading.folder]
        for keyword in call.keywords:
            if keyword.arg in ("num_words", "nb_words"):
                arguments.append(f"num_words={self.script.source(keyword.value)}")
            elif keyword.arg not in ("path", "seed"):
                self._remark(keyword.value.lineno, f"{keyword.arg} of {name} is left out")
        self._edit(call, f"load_{name}({', '.join(arguments)})")
        self.loading.source = DATASETS[name]
        self.loading.imports |= {f"load_{name}", DATASETS[name]}

    def _path(self, node: ast.expr) -> None:
        code = self.script.source(node)
        known = self.training.constants.can_read(node)
        value = self.training.constants.read(node) if known else None
        if isinstance(value, str) and "://" in value:
            self._remark(node.lineno, f"{code} is an address: what it holds must not change")
        elif isinstance(value, str) or isinstance(node, ast.JoinedStr) or "path.join" in code:
            self._edit(node, f"{self.loading.folder} / {code}")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):  # "data" + "/x.npy"
            self._edit(node, f"{self.loading.folder} / ({code})")
        elif isinstance(value, int):
            pass
        elif isinstance(node, ast.Name):
            self._remark(
                node.lineno, f"the path {code} is not in the script: put the folder before it"
            )

    def _write(self) -> None:
        seeds = self._seeds()
        lines = []
        for statement in self.statements:
            if _constant_name(statement) in self.training.constants.values:
                continue
            code = self.script.render(statement, self.edits)
            if not _does_nothing(code):
                last = statement.end_lineno or statement.lineno
                said = self._comments(range(statement.lineno, last + 1))
                lines += apart(statement, [*said, *code.splitlines()])
        lines = [*seeds, *lines, *self._checks()]
        splits = self._splits()
        fit = self.training.fit
        self.loading.lines = [
            *lines,
            *self._comments(range(fit.lineno, (fit.end_lineno or 0) + 1)),
            *splits,
        ]

    def _comments(self, lines: range) -> list[str]:
        """What there is to say about some lines of the script."""
        return [
            line
            for remark in self.loading.remarks
            if remark.line in lines
            for line in comment(f"{remark.words} ({self.script.line(remark.line)})")
        ]

    def _seeds(self) -> list[str]:
        """The script's seeds, where its data are drawn at random."""
        used = [
            (n, meaning(n.func, self.names))
            for s in self.statements
            for n in ast.walk(s)
            if isinstance(n, ast.Call) and meaning(n.func, self.names).startswith(RANDOM)
        ]
        if not used or any(dotted in SEEDS for _, dotted in used):
            return []
        seeds = [
            self.script.render(s)
            for s in self.training.statements
            if isinstance(s, ast.Expr)
            and isinstance(s.value, ast.Call)
            and meaning(s.value.func, self.names) in SEEDS
        ]
        if not seeds:
            self._remark(
                used[0][0].lineno, "random numbers without a seed: the data must not change"
            )
        return seeds

    def _checks(self) -> list[str]:
        lines = []
        for one in self.from_data:
            message = f'f"write {one.constant} = {{{one.code}}}: the network needs it"'
            lines += [
                f"if {one.constant} != {one.code}:",
                f"    raise ValueError({message})",
            ]
        return lines

    def _splits(self) -> list[str]:
        """The last lines: what is trained, validated and tested on."""
        arguments = self.training.arguments
        weights = [arguments["sample_weight"]] if "sample_weight" in arguments else []
        train = self._split(arguments["x"], arguments["y"], *weights)
        tested = self.training.tested
        test = None if tested is None else self._split(*tested[1])
        valid = self._validation()
        names = read_names(ast.Module([*self.statements], []))
        rest, n = free_name("rest", names), free_name("n", names)
        line = self.training.fit.lineno
        is_test = test is None and ("test" in (valid or "").lower() or self._validates_on_test())
        if valid is not None and (is_test or valid == test):
            test, valid = valid, None
            self._remark(
                line,
                "the script validates on its test data; hpsearch holds out a fifth of the "
                "training data instead, and opens test once, at the end",
            )
        elif "validation_split" not in arguments and valid is None:
            self._remark(
                line,
                "the script does not validate: a fifth of the training data is held out to "
                "compare trials on",
            )
        lines = [f"{rest} = {train}"]
        if test in (None, train):
            self._remark(line, "the script has no test data of its own: a fifth is held out")
            lines += self._hold_out(rest, "test", rest, 5)
            test = "test"
        if valid is not None:
            if len(lines) == 1:
                return [f"return Dataset({train}, {valid}, {test})"]
            return [*lines, f"return Dataset({rest}, {valid}, {test})"]
        if "validation_split" in arguments:
            share = self.script.source(arguments["validation_split"])
            return [
                *lines,
                f"{n} = int(len({rest}) * (1 - {share}))  # as Keras cuts validation_split={share}",
                f"return Dataset({rest}[:{n}], {rest}[{n}:], {test})",
            ]
        part = 4 if test == "test" else 5
        lines += self._hold_out("train", "valid", rest, part)
        return [*lines, f"return Dataset(train, valid, {test})"]

    def _hold_out(self, stays: str, taken: str, split: str, part: int) -> list[str]:
        if self._has_flat_labels():
            self.loading.imports.add("hold_out")
            return [f"{stays}, {taken} = hold_out({split}, len({split}) // {part}, seed=0)"]
        # by the last examples: hold_out takes one label for each
        cut = f"len({split}) // {part}"
        return [f"{stays}, {taken} = {split}[: -({cut})], {split}[-({cut}) :]"]

    def _has_flat_labels(self) -> bool:
        """Whether labels are one number each, as far as one can see."""
        if not self.loading.plain_labels and any(True for _ in self._one_hot()):
            return False
        labels = read_names(self.training.arguments["y"])
        for statement in self.statements:
            match statement:
                case ast.Assign(
                    targets=[ast.Name(id=name)],
                    value=ast.Call(args=[ast.Tuple(elts=[_, _, *_]), *_]),
                ) if name in labels:
                    return False
        return True

    def _validation(self) -> str | None:
        match self.training.arguments.get("validation_data"):
            case ast.Tuple(elts=[x, y, *weights]) | ast.List(elts=[x, y, *weights]):
                return self._split(x, y, *weights)
            case None:
                return None
            case node:
                self._remark(node.lineno, "validation_data is not a pair (x, y): left out")
        return None

    def _validates_on_test(self) -> bool:
        """Whether validation uses the second pair that a data set of Keras consists of."""
        data = self.training.arguments.get("validation_data")
        validated = {node.id for node in ast.walk(data or ast.Pass()) if isinstance(node, ast.Name)}
        return any(
            bool(validated & {node.id for node in ast.walk(test) if isinstance(node, ast.Name)})
            for statement in self.statements
            for node in ast.walk(statement)
            if isinstance(node, ast.Assign) and "load_data" in ast.unparse(node.value)
            for target in node.targets
            if isinstance(target, ast.Tuple) and len(target.elts) == 2
            for test in target.elts[1:]
        )

    def _split(self, *given: ast.expr) -> str:
        """A `Split` of examples, labels and perhaps weights."""
        uses_pandas = any(name.startswith("pandas") for name in self.names.values())
        parts = []
        for part in given:
            code = self.script.render(part, self.edits)
            if isinstance(part, ast.List):  # several inputs or outputs
                code = f"({code[1:-1]})"
            elif uses_pandas and not isinstance(part, ast.Dict | ast.Tuple):
                code = f"np.asarray({code})"
            parts.append(code)
        return f"Split({', '.join(parts)})"

    def _edit(self, node: ast.AST, text: str) -> None:
        self.edits.append((self.script.span(node), text))

    def _remark(self, line: int, words: str) -> None:
        self.loading.remarks.append(Remark(line, words))


def comment(words: str) -> list[str]:
    """A comment that the user should read and delete, on as many lines as it takes."""
    return textwrap.wrap(
        f"# check: {words}", 92, subsequent_indent="#   ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def apart(statement: ast.stmt, lines: list[str]) -> list[str]:
    """The lines of a statement; a function has a blank line around it."""
    around = [""] if isinstance(statement, (*FUNCTION, ast.ClassDef)) else []
    return [*around, *lines, *around]


def is_standard(module: str) -> bool:
    """Whether a module is Python's own, or NumPy: the top of a study file may import it."""
    return module.partition(".")[0] in {*sys.stdlib_module_names, "numpy"}


def _constant_name(statement: ast.stmt) -> str:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return ""


def _does_nothing(code: str) -> bool:
    """Whether a line is `x = x`."""
    match ast.parse(code).body:
        case [ast.Assign(targets=[ast.Name(id=left)], value=ast.Name(id=right))]:
            return left == right
    return False
