"""Writes the `README.md` of an exported folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from statistics import fmean
from string import Template

from hpsearch.choices import Form
from hpsearch.data.arrays import SPARSE_FIELDS, Dataset, Examples, Split, is_sparse
from hpsearch.data.structure import Structure, named
from hpsearch.evaluation.sentences import called, test_sentences, validation_sentences
from hpsearch.export.winner import Winner
from hpsearch.figures import show_figure
from hpsearch.messages import TRAIN
from hpsearch.study_file import StudyFile, registers_own
from hpsearch.task import Task

TEMPLATE = "readme_template.md"
REGISTER = """
import json
import network
from hyperparameters import HyperParameters

with open("params.json") as file:  # some of its parts are its own, and register themselves
    network.{build}(HyperParameters(json.load(file)))
"""
VOCABULARY = "\n| `vocabulary.json` | what each number, or column, of an example stands for |"

FORMS = {
    Form.SAVED_MODEL: """
TensorFlow Serving takes the folder `saved_model` as its model's base path, and so does Python:

```python
import tensorflow as tf

network = tf.saved_model.load("saved_model/1").signatures["serving_default"]
```
""",
    Form.ONNX: """
ONNX Runtime needs neither Keras nor TensorFlow:

```python
import onnxruntime

network = onnxruntime.InferenceSession("model.onnx")
```
""",
}
FORM_FILES = {
    Form.SAVED_MODEL: "\n| `saved_model/1` | the network for TensorFlow and TensorFlow Serving |",
    Form.ONNX: "\n| `model.onnx` | the network for ONNX Runtime |",
}


def readme(winner: Winner, dataset: Dataset, forms: Sequence[Form]) -> str:
    """The text of `README.md`."""
    opening, task = winner.opening, winner.study_file.task
    values = opening.test_values(opening.winner)
    params = opening.winner.params.items()
    test = dataset.unseen()
    template = resources.files("hpsearch.export").joinpath(TEMPLATE).read_text("utf-8")
    return Template(template).substitute(
        study=winner.study,
        title=winner.study_file.title(),
        winner=called(opening.winner),
        trained_on=_trained_on(winner, dataset),
        n_test=f"{opening.n_test:,}",
        metric=opening.test_label,
        mean=show_figure(fmean(values)),
        values=", ".join(show_figure(value) for value in values),
        seed=opening.seeds[0],
        recorded=repr(values[0]),
        sentences="\n".join(f"- {sentence}" for sentence in _sentences(winner)),
        weights="" if test.sample_weight is None else ", sample_weight",
        kind=_kind(test.x),
        classes=_classes(task),
        with_hpsearch=_with_hpsearch(task),
        forms="".join(map(FORMS.__getitem__, forms)),
        params="\n".join(f"| {_cell(name)} | {_cell(value)} |" for name, value in params),
        register=_register(winner.study_file),
        arrays=_array_names(test, opening.fitted_on),
        vocabulary=VOCABULARY if dataset.vocabulary else "",
        form_files="".join(map(FORM_FILES.__getitem__, forms)),
    )


def _sentences(winner: Winner) -> list[str]:
    published = winner.study_file.task.published
    # the first names the winner and its params, which stand elsewhere on the page
    sentences = [f"On validation: {text}" for text in validation_sentences(winner.opening)[1:]]
    sentences += [f"On test: {text}" for text in test_sentences(winner.openings, published)]
    if published is not None and published.test_accuracy is not None:
        sentences.append(f"Published: {show_figure(published.test_accuracy)} ({published.source}).")
    return sentences


def _classes(task: Task) -> str:
    if not task.classes:
        return ""
    if isinstance(task.classes, Mapping):
        lists = (f"{output}: {', '.join(names)}" for output, names in task.classes.items())
        return f"\nThe classes, in the order of labels: {'; '.join(lists)}.\n"
    return f"\nThe classes, in the order of labels: {', '.join(task.classes)}.\n"


def _with_hpsearch(task: Task) -> str:
    """The commands that use the folder, where the task allows them."""
    commands = []
    if task.encode is not None:
        commands.append("hpsearch predict . FILE-OR-TEXT")
    if task.encode is not None and task.writing is not None:
        commands.append('hpsearch generate . --seed-text "TEXT"')
    if not commands:
        return ""
    lines = "\n".join(["```", *commands, "```"])
    return f"\nOr with hpsearch, which first checks that the files are intact:\n\n{lines}\n"


def _register(study_file: StudyFile) -> str:
    """What to run before the model is loaded."""
    if not registers_own(study_file):
        return ""
    return REGISTER.format(build=study_file.task.build.__name__)


def _trained_on(winner: Winner, dataset: Dataset) -> str:
    if winner.opening.fitted_on == TRAIN:
        return f"{len(dataset.train):,} examples, while its callbacks saw the validation split"
    n_train = f"{len(dataset.train_and_valid):,} examples"
    if dataset.valid is None:
        return f"{n_train}, those of all folds together"
    return f"{n_train}, those of the training and the validation split together"


def _kind(x: Structure[Examples]) -> str:
    """`(n, 28, 28), uint8`, of each input."""
    if isinstance(x, dict | tuple):
        kinds = (f"{name}: {_kind(array)}" for name, array in named(x).items())
        return f"a {type(x).__name__} of {'; '.join(kinds)}"
    shape = f"(n, {', '.join(map(str, x.shape[1:]))})".replace("(n, )", "(n,)")
    return f"{shape}, {x.dtype.name}{', in CSR form' if is_sparse(x) else ''}"


def _array_names(split: Split, fitted_on: str) -> str:
    """What `data.npz` holds."""
    parts = ["train", "valid", "test"] if fitted_on == TRAIN else ["train", "test"]
    arrays = ", ".join(f"`x_{part}`, `y_{part}`" for part in parts)
    if isinstance(split.x, dict | tuple) or isinstance(split.y, dict | tuple):
        return f"{arrays}, each input and output by its name"
    if not is_sparse(split.x):
        return arrays
    fields = ", ".join(f"`{field}`" for field in SPARSE_FIELDS)
    labels = ", ".join(f"`y_{part}`" for part in parts)
    examples = " and ".join(f"`x_{part}_...`" for part in parts)
    return f"{labels}; {examples} in CSR form: {fields}"


def _cell(value: object) -> str:
    """A value in a cell of a Markdown table."""
    return str(value).replace("|", "\\|").replace("\n", " ")
