"""Writes the study file that a script becomes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.adopt.loading import (
    Loading,
    apart,
    comment,
    is_standard,
    places_of_data,
    read_loading,
)
from hpsearch.adopt.names import import_lines, imported_names, meaning
from hpsearch.adopt.network import OPTIMIZER, Hyperparameter, Network, read_network
from hpsearch.adopt.ranges import range_around
from hpsearch.adopt.script import Remark, Script, read_script
from hpsearch.adopt.training import Training, find_training

INDENT = "    "
N_TRIALS = 30
TEMPLATE = '''\
"""{title}

Adopted from {script}.
Whatever adopt guessed is marked `check:`. Read those lines, correct them, delete the marks.
"""

{imports}
from optuna import Trial

from hpsearch import {public}
{data_imports}{constants}

def load({folder}: Path) -> Dataset:
    """The data, split: to train, to compare trials, and to test once."""
{load}


def space(trial: Trial) -> None:
    """The search space: each hyperparameter and the values it may take."""
{space}


def build({params}):
    """Build and compile the network; the trainer decides how long to train it."""
{build}


{training}TASK = Task(
    load=load,
    space=space,
    build=build,
{task})
'''


@dataclass(frozen=True)
class Adopted:
    """A study file, and what there is to say about it."""

    text: str
    hyperparameters: list[Hyperparameter]
    remarks: list[Remark]
    """In the order of the script's lines."""
    script: Script


def adopt_script(path: Path) -> Adopted:
    """Turn a plain Keras script or notebook into the text of a study file; runs nothing of it.

    Raises:
        UsageError: It cannot be read, is not Python, or trains no network that adopt follows.
    """
    script = read_script(path)
    training = find_training(script)
    data = places_of_data(training)
    network = read_network(script, training, data)
    loss = network.loss
    crossentropy = isinstance(loss, ast.Constant) and loss.value == "categorical_crossentropy"
    loading = read_loading(script, training, data, network.from_data, has_crossentropy=crossentropy)
    if loading.plain_labels and loss is not None:
        network.edits.append((script.span(loss), '"sparse_categorical_crossentropy"'))
        words = "labels stay class numbers, with the sparse loss: the same figures as one-hot"
        loading.remarks.append(Remark(loss.lineno, words))
    trained = [_trained(training, name) for name in ("epochs", "batch_size")]
    hyperparameters = [*trained, *network.hyperparameters]
    remarks = sorted({*script.remarks, *training.remarks, *loading.remarks, *network.remarks})
    for one in network.from_data:
        remarks.append(Remark(one.line, f"write {one.constant}, which the script takes from its "
                              f"data as {one.code}"))  # fmt: skip
    text = _text(script, training, network, loading, hyperparameters)
    ast.parse(text)
    return Adopted(text, hyperparameters, sorted(remarks), script)


def _trained(training: Training, name: str) -> Hyperparameter:
    value, line, is_said = training.whole_number(name)
    where = range_around(name, value)
    assert where is not None  # whole numbers of 1 or more have ranges
    return Hyperparameter(name, value, line, where, is_said)


def _text(
    script: Script,
    training: Training,
    network: Network,
    loading: Loading,
    hyperparameters: Sequence[Hyperparameter],
) -> str:
    build = _build(script, training, network)
    bodies = "\n".join([*loading.lines, *build])
    constants = _constants(script, training, network, bodies)
    used = _names("\n".join([*constants, bodies]))
    names = imported_names(script.tree)
    lines = {
        name: line
        for name, line in import_lines(script.tree).items()
        if not f"{meaning(ast.Name(name), names)}.".startswith("keras.")
    }
    standard = {"from pathlib import Path"}
    standard |= {lines[n] for n in used & set(lines) if is_standard(_module(lines[n]))}
    if "np.asarray" in bodies:
        standard.add("import numpy as np")
    load = [*_inside(lines, _names("\n".join(loading.lines))), *loading.lines]
    build = [
        "import keras  # not at the top of the file: it takes seconds to import",
        *_inside(lines, _names("\n".join(build))),
        *([""] if build[0] else []),
        *build,
    ]
    public = ["Budget", "Dataset", "Split", "Task"]
    if not loading.is_read:
        public.remove("Split")
    data_imports = ""
    if loading.imports:
        data_imports = f"from hpsearch.data import {', '.join(sorted(loading.imports))}\n"
    title = (ast.get_docstring(script.tree) or "").partition("\n")[0]
    title = title or f"{Path(script.filename).stem}: a network to tune."
    return TEMPLATE.format(
        title=title.replace("\\", "/").replace('"', "'"),
        script=script.filename.replace("\\", "/").replace('"', "'"),
        imports="\n".join(_sorted_imports(standard)),
        public=", ".join(public),
        data_imports=data_imports,
        folder=loading.folder,
        constants="".join(f"\n{line}" for line in constants) + ("\n" if constants else ""),
        load=_indented(load),
        space=_indented(_space(script, hyperparameters)),
        build=_indented(build),
        params=network.params,
        training="".join(
            f"{line}\n"
            for remark in training.remarks
            for line in comment(f"{remark.words} ({script.line(remark.line)})")
        ),
        task=_task(script, training, network, loading, hyperparameters),
    )


def _build(script: Script, training: Training, network: Network) -> list[str]:
    lines: list[str] = []
    said = {remark.line: remark for remark in network.remarks}
    for at in network.places:
        if at in network.dropped:
            continue
        statement = training.statements[at]
        own: list[str] = []
        for line in range(statement.lineno, (statement.end_lineno or 0) + 1):
            if line in said:
                own += comment(f"{said[line].words} ({script.line(line)})")
        if at == network.optimizer_at:
            lines += [
                f'{OPTIMIZER} = keras.optimizers.get({network.params}["optimizer"])',
                f'{OPTIMIZER}.learning_rate = {network.params}["learning_rate"]',
            ]
        own += script.render(statement, network.edits).splitlines()
        lines += apart(statement, own)
    return [*lines, f"return {script.render(training.model, network.edits)}"]


def _constants(script: Script, training: Training, network: Network, bodies: str) -> list[str]:
    """The script's constants that the functions still name, and those to be written."""
    wanted = _names(bodies)
    kept: list[str] = []
    for statement in reversed(training.statements):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) if name in training.constants.values:
                if name in wanted:
                    kept.insert(0, script.render(statement))
                    wanted |= _names(script.source(statement))
    for one in network.from_data:
        kept.append(f"{one.constant} = 1  # check: write {one.code}, {script.line(one.line)}")
    return kept


def _space(script: Script, hyperparameters: Sequence[Hyperparameter]) -> list[str]:
    lines = []
    for one in hyperparameters:
        call = one.range.suggest.replace("{name}", one.name)
        value = _literal(one.value)
        said = script.line(one.line) if one.is_said else "Keras's default"
        lines.append(f"trial.{call}  # check: {value}, {said}")
    return lines


def _task(
    script: Script,
    training: Training,
    network: Network,
    loading: Loading,
    hyperparameters: Sequence[Hyperparameter],
) -> str:
    lines = [
        "# trial 0, which every other trial has to beat: the script's own values",
        "baseline={",
    ]
    lines += [f"{INDENT}{_literal(one.name)}: {_literal(one.value)}," for one in hyperparameters]
    lines += ["},"]
    if network.metric != "val_accuracy":
        lines.append(f"metric={_literal(network.metric)},")
    if network.direction != "maximize":
        lines.append(f"direction={_literal(network.direction)},")
    lines += ["# the values to vary one at a time, including the script's", "factors={"]
    lines += [
        f"{INDENT}{_literal(one.name)}: [{', '.join(map(_literal, one.range.levels))}],"
        for one in hyperparameters
    ]
    lines += ["},", f"budget=Budget(n_trials={N_TRIALS}),"]
    if training.class_weight is not None:
        lines.append(f"class_weight={script.render(training.class_weight)},")
    if loading.source:
        lines.append(f"source={loading.source},")
    return _indented(lines) + "\n"


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"{INDENT}{line}" if line else "" for line in lines)


def _names(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(_function(code))) if isinstance(node, ast.Name)}


def _function(code: str) -> str:
    return "def f():\n" + _indented([*code.split("\n"), "pass"])


def _module(line: str) -> str:
    return line.split()[1]


def _inside(lines: dict[str, str], used: Iterable[str]) -> list[str]:
    """The imports that have to stand inside a function: those of large packages."""
    wanted = {lines[name] for name in used if name in lines}
    return sorted(line for line in wanted if not is_standard(_module(line)))


def _sorted_imports(lines: Iterable[str]) -> list[str]:
    """Python's own modules, then NumPy, as a formatter would have them."""
    first = sorted(line for line in lines if _module(line).split(".")[0] != "numpy")
    last = sorted(set(lines) - set(first))
    return [*first, "", *last]
