"""`hpsearch data show`: one example of a data set, as a person can read it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hpsearch.data import IMDB, open_reviews
from hpsearch.data.arrays import Array, Split, is_sparse
from hpsearch.data.imdb.reviews import CLASSES
from hpsearch.data.sources import find_or_fetch
from hpsearch.data.words import decode_words
from hpsearch.errors import UsageError
from hpsearch.export.models import is_export, read_exported_data
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from hpsearch.task import Task
from hpsearch.terminal.printing import plain, print_json, say, show_cell
from hpsearch.verbs.data import task_of

Side = Literal["train", "valid"]
SHADES = " .:-=+*#%@"  # from nothing to full
WIDTH = 88


@dataclass(frozen=True)
class Example:
    """An example, its label, and the text that it stands for if it is one."""

    x: Array
    label: Any
    n_examples: int
    name: str | None = None
    """Of the label."""
    text: str | None = None


def show(task: str, *, split: Side, number: int, data: Path | None, as_json: bool) -> None:
    """Print an example: words where it is a text, shades where it is an image, else numbers.

    Args:
        task: A study file, an exported folder, or the name of a data set; `imdb` has its
            reviews in full.
        split: Not test, which is opened once, at the end.
        number: Which example, from 0.
        data: The user's data folder.
        as_json: For programs.

    Raises:
        StudyFileError: There is no such study file.
        UsageError: There is no such split, or no such example.
        DataError: The data cannot be found or used.
    """
    if task == IMDB.name:
        example = _review(split, number, data)
    elif is_export(Path(task)):
        example = _exported(Path(task), split, number)
    else:
        task = task_of(task)
        study_file = read_study_file(task)
        dataset = prepare_data(study_file, data, say).open()
        example = _of_task(study_file.task, dataset.splits()[split], dataset.vocabulary, number)
    if as_json:
        print_json({
            "schema": "hpsearch.example/1",
            "name": task,
            "split": split,
            "example": number,
            "examples": example.n_examples,
            "label": example.label,
            "class": example.name,
            "text": example.text,
            "values": example.x.tolist(),
        })  # fmt: skip
        return
    label = example.label if example.name is None else repr(example.name)
    print(plain(f"{task}, {split} example {number} of {example.n_examples:,}, label {label}"))
    print(plain(_in_lines(example)))


def _review(split: Side, number: int, data: Path | None) -> Example:
    if split != "train":
        raise UsageError(
            f"the data set {IMDB.name} has no {split} split, tasks hold one out of train: "
            "show a task, such as imdb_lstm"
        )
    reviews = open_reviews(find_or_fetch(IMDB, data, say).folder)
    texts = reviews.train
    _require_example(number, len(texts))
    x, label = texts[number], int(texts.labels[number])
    return Example(x, label, len(texts), CLASSES[label], decode_words(x, reviews.vocabulary))


def _exported(folder: Path, split: Side, number: int) -> Example:
    if split != "train":
        raise UsageError(f"in {folder} the {split} split is part of train: show --split train")
    study_file, part, vocabulary = read_exported_data(folder)
    return _of_task(study_file.task, part, vocabulary, number)


def _of_task(task: Task, part: Split, vocabulary: tuple[str, ...], number: int) -> Example:
    _require_example(number, len(part))
    label = part.y[number].tolist()
    is_class = isinstance(label, int)
    if is_sparse(part.x):
        row: Any = part.x[[number]]
        x, text = row.toarray()[0], None
        if vocabulary:  # in no order but that of frequency: more is not stored
            text = decode_words(np.flatnonzero(x), vocabulary)
    else:
        x, text = part.x[number], None
        if vocabulary and task.writing:
            text = "".join(vocabulary[i] for i in x)
        elif vocabulary and x.dtype.kind in "iu":
            text = decode_words(x, vocabulary)
    names = vocabulary if task.writing else task.classes
    name = names[label] if is_class and 0 <= label < len(names) else None
    return Example(x, label, len(part), name, text)


def _require_example(number: int, n_examples: int) -> None:
    if number >= n_examples:
        raise UsageError(f"there are {n_examples} examples, from 0 on: there is none {number}")


def _in_lines(example: Example) -> str:
    x = example.x
    if example.text is not None:
        if len(example.text) == len(x):  # characters, of which a space is one
            return repr(example.text)
        return textwrap.fill(example.text, WIDTH)
    if x.ndim == 3 and x.shape[-1] in (1, 3, 4):  # colours
        x = x.mean(axis=-1)
    if x.ndim != 2:
        return textwrap.fill(" ".join(show_cell(value) for value in x.ravel().tolist()), WIDTH)
    # two characters to a pixel, as characters are twice as high as wide
    shades = np.clip(x / max(float(x.max()), 1e-9), 0, 1) * (len(SHADES) - 1)
    return "\n".join("".join(2 * SHADES[i] for i in row) for row in shades.round().astype(int))
