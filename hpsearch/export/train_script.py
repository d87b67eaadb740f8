"""Writes `train.py`: a network's training as a script that does not need hpsearch.

It repeats what the trial process does, in the same order, so that it comes to the same
figure. What it takes from there as text cannot drift away: the order of the examples,
their batches, the sizes of calls. The rest is held to it by a test that runs both.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from string import Template

from hpsearch.errors import StudyFileError
from hpsearch.evaluation.evaluate import N_THREADS
from hpsearch.study_file import StudyFile
from hpsearch.task import Params

TOLERANCE = 0.005


@dataclass(frozen=True, kw_only=True)
class Script:
    """What a script is written from."""

    study: str
    study_file: StudyFile
    params: Params
    """Complete: `epochs` and `batch_size` included."""
    seed: int
    backend: str
    test_metric: str
    recorded: float
    """The metric on test that was recorded."""
    is_sparse: bool = False
    """Whether `data.npz` holds the examples in CSR form."""


def write_script(script: Script) -> str:
    """The text of `train.py`.

    Raises:
        StudyFileError: `build` uses hpsearch, so that a script would need it too.
    """
    network = network_code(script.study_file)
    taken = set(symtable.symtable(network, "train.py", "exec").get_identifiers())
    is_tensorflow = script.backend == "tensorflow"
    task = script.study_file.task
    parts = {
        "study": _in_docstring(script.study),
        "title": _in_docstring(script.study_file.title()),
        "backend": script.backend,
        "n_threads": str(N_THREADS),
        "import_backend": "\nimport tensorflow as tf" if is_tensorflow else "",
        "import_scipy": "\nfrom scipy.sparse import csr_array" if script.is_sparse else "",
        "build": _called(task.build),
        "jit_compile": "\n    model.jit_compile = True" if task.jit_compile else "",
        "also_log": ALSO_LOG.format(_called(task.also_log)) if task.also_log else "",
        "params": _params(script.params),
        "seed": str(script.seed),
        "test_metric": repr(script.test_metric),
        "recorded": repr(script.recorded),
        "tolerance": str(TOLERANCE),
        "batches_per_call": _constant("loop", "BATCHES_PER_CALL"),
        "predicted_at_once": _constant("loop", "PREDICTED_AT_ONCE"),
        "order": _code("loop", "order"),
        "batches": _batches(script),
        "read": READ_SPARSE if script.is_sparse else READ,
    }
    text = Template(_apart(SCRIPT, taken)).substitute(
        {name: _apart(part, taken) if name in OURS else part for name, part in parts.items()},
        network=network,
    )
    compile(text, "train.py", "exec")
    return text


def imports_of(code: str) -> set[str]:
    """The top-level modules that some Python text imports."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module.partition(".")[0])
    return modules


def network_code(study_file: StudyFile) -> str:
    """The study file's own code of the network, without what only the search needs.

    Raises:
        StudyFileError: It cannot stand alone.
    """
    statements: list[str] = []
    for function in ("build", "also_log") if study_file.task.also_log else ("build",):
        code = study_file.code_of(function)
        if not code:
            raise StudyFileError(
                f"{study_file.filename}: {function}= is no function of the study file by its "
                "own name, so an export's train.py could not have it: define it there with def"
            )
        if "hpsearch" in imports_of(code):
            raise StudyFileError(
                f"{study_file.filename}: {function}() uses hpsearch, which an export's train.py "
                "does without: let it use Keras and NumPy only"
            )
        texts = [ast.unparse(statement) for statement in ast.parse(code).body]
        name = getattr(study_file.task, function).__name__
        if name in LOCAL:
            texts.append(f"_{name} = {name}")
        statements += [text for text in texts if text not in statements]
    return "\n".join(f"\n\n{text}" if "\n" in text else text for text in statements).strip()


def _apart(text: str, taken: set[str]) -> str:
    """Rename what the script defines where the study file uses the same names."""
    for name in DEFINED & taken:
        text = re.sub(rf"(?<![$\w.\"']){name}\b", f"{name}_", text)
    return text


def _called(function: Callable[..., object]) -> str:
    """The name that the script calls a function of the study file by."""
    return f"_{function.__name__}" if function.__name__ in LOCAL else function.__name__


def _in_docstring(text: str) -> str:
    return text.replace('"""', "'''").replace("\\", "/")


def _params(params: Params) -> str:
    lines = [f"    {name!r}: {value!r}," for name, value in params.items()]
    return "\n".join(["{", *lines, "}"])


def _source(module: str) -> str:
    """The text of a module of the trial process; to import it would be to import Keras."""
    return resources.files("hpsearch.training").joinpath(f"{module}.py").read_text("utf-8")


def _batches(script: Script) -> str:
    """The class `Batches`, and what it needs, for the backend and the form of the examples."""
    if script.backend != "tensorflow":
        return _code("loop", "PortableBatches").replace("PortableBatches", "Batches")
    rows = "sparse_rows" if script.is_sparse else "dense_rows"
    batches = _code("loop", "TensorFlowBatches")
    batches = batches.replace("(sparse_rows if is_sparse(x) else dense_rows)", rows)
    batches = batches.replace("TensorFlowBatches", "Batches")
    return f"{_code('loop', rows)}\n\n\n{batches}"


def _code(module: str, name: str) -> str:
    """A function or class of a module of the trial process, without types."""
    for statement in ast.parse(_source(module)).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef) and statement.name == name:
            for node in ast.walk(statement):
                if isinstance(node, ast.FunctionDef):
                    node.returns = None
                elif isinstance(node, ast.arg):
                    node.annotation = None
            return ast.unparse(statement)
    raise LookupError(f"{module} has no {name}")


def _constant(module: str, name: str) -> str:
    found = re.search(rf"^{name} = (\d+)$", _source(module), re.MULTILINE)
    if found is None:
        raise LookupError(f"{module} has no constant {name}")
    return found[1]


# What the script defines at its top level, and which of its parts use that.
DEFINED = {
    "PARAMS",
    "SEED",
    "TEST_METRIC",
    "RECORDED",
    "TOLERANCE",
    "BATCHES_PER_CALL",
    "PREDICTED_AT_ONCE",
    "Batches",
    "Shuffle",
    "dense_rows",
    "sparse_rows",
    "order",
    "read",
    "train",
    "main",
}
# What functions of the script call their own variables.
LOCAL = {"batches", "data", "found", "logs", "model", "n_batches", "x", "y"}
OURS = {"order", "batches", "read"}

SCRIPT = '''\
"""Train one network and measure it on the test split.

The network is the winner of the study $study:
$title

Run it in its folder, with the versions in requirements.txt:

    python train.py

It prints the figure that it comes to and the one that was recorded. On the same kind of
machine they are the same to the last digit; elsewhere sums round differently.
"""

# ---- Backend: it reads these when it is imported ---------------------------------------

import os

os.environ["KERAS_BACKEND"] = "$backend"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # no greetings
# One thread: with another number of them, sums would be taken in another order.
os.environ["TF_NUM_INTRAOP_THREADS"] = "$n_threads"
os.environ["OMP_NUM_THREADS"] = "$n_threads"
os.environ["TF_NUM_INTEROP_THREADS"] = "1"

import math
import sys
from pathlib import Path

import keras
import numpy as np$import_backend$import_scipy

# ---- What is trained -------------------------------------------------------------------

PARAMS = $params

SEED = $seed  # of the first weights, of dropout, of the order of examples

# The figure to come to, and how far off it may be before this script complains.
TEST_METRIC = $test_metric
RECORDED = $recorded
TOLERANCE = $tolerance

BATCHES_PER_CALL = $batches_per_call  # one call into the backend runs this many batches
PREDICTED_AT_ONCE = $predicted_at_once


# ---- The network, as the study file builds it ------------------------------------------

$network


# ---- The examples, in an order that the seed and the epoch decide ----------------------


$order


$batches


class Shuffle(keras.callbacks.Callback):
    """Puts the examples in a new order before each epoch."""

    def __init__(self, batches, n):
        super().__init__()
        self.batches, self.n = batches, n

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.set_order(order(SEED, epoch, self.n))


$read


# ---- Training --------------------------------------------------------------------------


def train(x, y):
    """Build the network of PARAMS and train it on all examples that are not for testing."""
    keras.utils.set_random_seed(SEED)
    model = $build({name: PARAMS[name] for name in PARAMS if name != "epochs"})
    if not model.built:
        model.build((None, *x.shape[1:]))
    model.optimizer.build(model.trainable_variables)$jit_compile
    n_batches = math.ceil(len(y) / PARAMS["batch_size"])
    model.steps_per_execution = min(BATCHES_PER_CALL, n_batches)
    batches = Batches(x, y, PARAMS["batch_size"])
    model.fit(
        batches.for_keras(),
        epochs=PARAMS["epochs"],
        callbacks=[Shuffle(batches, len(y))],
        shuffle=False,
        verbose=2,
    )
    return model


def main():
    # data.npz holds arrays only; without allow_pickle no code can hide in it
    data = np.load(Path(__file__).with_name("data.npz"), allow_pickle=False)
    model = train(*read(data, "train"))
    batches = Batches(*read(data, "test"), PREDICTED_AT_ONCE)
    logs = model.evaluate(batches.for_keras(), return_dict=True, verbose=0)$also_log
    found = float(logs[TEST_METRIC])
    print(f"test {TEST_METRIC}: {found!r}")
    print(f"recorded: {RECORDED!r}")
    if not abs(found - RECORDED) <= TOLERANCE * max(1.0, abs(RECORDED)):
        print(f"Error: that is off by {abs(found - RECORDED):.4f}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
'''

ALSO_LOG = """
    logs.update({}({{name: float(value) for name, value in logs.items()}}))"""

READ = '''\
def read(data, part):
    """The examples of a part, and their labels."""
    return data["x_" + part], data["y_" + part]'''

READ_SPARSE = '''\
def read(data, part):
    """The examples of a part as a sparse array, and their labels."""
    fields = ("data", "indices", "indptr", "shape")
    *arrays, shape = (data["x_" + part + "_" + field] for field in fields)
    return csr_array(tuple(arrays), shape=tuple(shape)), data["y_" + part]'''
