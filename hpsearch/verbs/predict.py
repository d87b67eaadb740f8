"""`hpsearch predict`: what the evaluated network makes of your inputs, or of a whole split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.choices import Format, PredictedSplit
from hpsearch.data.structure import Structure, named
from hpsearch.export.inputs import encode_inputs, read_input
from hpsearch.export.models import Model, find_model
from hpsearch.export.predictions import (
    Guessed,
    Prediction,
    guess_all,
    interpret,
    predict_all,
    rate,
)
from hpsearch.figures import show_figure
from hpsearch.files import Cell
from hpsearch.terminal.printing import (
    output_console,
    plain,
    print_csv,
    print_json,
    print_table,
    say,
)

SCHEMA = "hpsearch.predict/1"
SPLIT_SCHEMA = "hpsearch.predict_split/1"
N_ROWS = 10  # for people


def predict(
    name: str,
    arguments: Sequence[str],
    *,
    storage_url: str,
    data: Path | None,
    top: int | None,
    as_json: bool,
) -> None:
    """Print what a network predicts for each input.

    Args:
        name: An evaluated study, or an exported folder.
        arguments: Files, `-` for standard input, or texts.
        storage_url: Where the study is.
        data: The user's data folder.
        top: How many classes to name, the most probable first; None for the usual number.
        as_json: Print JSON.

    Raises:
        UsageError: An argument is the path of no file.
        DataError: An input is empty, too large, or cannot be encoded.
        HpsearchError: Of any other kind: there is no such network, or it is damaged.
    """
    inputs = [read_input(argument) for argument in arguments]
    model = find_model(name, storage_url, data, verb="predict")
    examples = encode_inputs(model, inputs)
    say("loading the network")
    found = predict_all(model, inputs, examples, top)
    if as_json:
        predictions = [asdict(one) for one in found]
        print_json({"schema": SCHEMA, "study": model.study, "predictions": predictions})
    else:
        texts = (_text(g.title, f, model) for g, f in zip(inputs, found, strict=True))
        print(plain("\n\n".join(texts)))


def predict_examples(
    name: str,
    split: PredictedSplit,
    *,
    storage_url: str,
    data: Path | None,
    form: Format | None,
) -> None:
    """Print what a network predicts for each example of a split.

    Args:
        name: An evaluated study, or an exported folder.
        split: Test too: the evaluation that chose the network opened it.
        storage_url: Where the study is.
        data: The user's data folder.
        form: For programs, all of them; None for people, the first few.

    Raises:
        NothingFinished: The study was not evaluated yet.
        HpsearchError: Of any other kind: there is no such network, or it is damaged.
    """
    model = find_model(name, storage_url, data, verb="predict --split")
    say("loading the network")
    found = guess_all(model, split)
    if split is not PredictedSplit.TEST:
        say(f"training used the {split} split too: its figures there flatter the network")
    if form is Format.JSON:
        predictions = [{"example": i, **asdict(one)} for i, one in enumerate(found)]
        head = {"schema": SPLIT_SCHEMA, "study": model.study, "split": split}
        print_json({**head, "classes": model.classes, "predictions": predictions})
        return
    header, rows = _table(found, model.classes)
    if form is Format.CSV:
        print_csv(header, rows)
        return
    print(plain(f"{model.study}, {split}: {len(found):,} examples{_how_good(found, model)}"))
    print_table(output_console(), header, rows[:N_ROWS], right=1)
    if len(rows) > N_ROWS:
        print(f"the first {N_ROWS}; --csv and --json print all")


def _table(
    found: Sequence[Guessed], classes: Structure[list[str]]
) -> tuple[list[str], list[list[Cell]]]:
    """A row for each example: the probability of each class, or the numbers as they are.

    Each of several outputs has columns of its own, which begin with its name.
    """
    header = ["example"]
    rows: list[list[Cell]] = [[i] for i in range(len(found))]
    for output, names in named(classes).items():
        of_output = [one.by_output()[output] for one in found]
        figures = [_figures(one, names) for one in of_output]
        columns: dict[str, list[Cell]] = {
            "label": [_label_cell(one.label, names) for one in of_output],
            **({} if of_output[0].guess is None else {"predicted": [g.guess for g in of_output]}),
            **{name: [round(one[name], 6) for one in figures] for name in figures[0]},
        }
        header += [f"{output} {column}".lstrip() for column in columns]
        for row, cells in zip(rows, zip(*columns.values(), strict=True), strict=True):
            row += cells
    return header, rows


def _figures(one: Guessed, classes: Sequence[str]) -> dict[str, float]:
    if one.guess is None:
        numbers = np.ravel(one.outputs).tolist()
        if len(numbers) == 1:
            return {"predicted": numbers[0]}
        return {f"output {i}": n for i, n in enumerate(numbers)}
    # in the order of labels
    by_label = {guess.label: guess.probability for guess in interpret(one.outputs, classes)}
    names = classes if set(classes) == set(by_label) else sorted(by_label, key=int)
    return {f"p({name})": by_label[name] for name in names}


def _name_of(label: Any, classes: Sequence[str]) -> str:
    is_class = isinstance(label, int) and 0 <= label < len(classes)
    return classes[label] if is_class else str(label)


def _label_cell(label: Any, classes: Sequence[str]) -> Cell:
    """A label in a table: the name of a class, or a number as it is."""
    if isinstance(label, list) and len(label) == 1:  # labels of shape (n, 1)
        (label,) = label
    return label if isinstance(label, float) else _name_of(label, classes)


def _how_good(found: Sequence[Guessed], model: Model) -> str:
    """The share that is right; of a single number, how close the predictions are."""
    shares = []
    for output, names in named(model.classes).items():
        of_output = [one.by_output()[output] for one in found]
        if all(one.guess is not None for one in of_output):
            n_right = sum(one.guess == _name_of(one.label, names) for one in of_output)
            of_what = f" for {output}" if output else ""
            shares.append(f", {n_right / len(found):.4f} of them right{of_what}")
        elif all(np.size(one.outputs) == np.size(one.label) == 1 for one in of_output):
            true = np.array([one.label for one in of_output], np.float64).reshape(-1)
            rated = rate(true, np.array([one.outputs for one in of_output]).reshape(-1))
            mae = _in_unit(show_figure(rated.mae), model)
            of_what = f" {output}:" if output else ""
            shares.append(f",{of_what} mean absolute error {mae}, R² {show_figure(rated.r2)}")
    return "".join(shares)


def _text(title: str, prediction: Prediction, model: Model) -> str:
    """One prediction for people."""
    if prediction.n_words:
        title += f"  ({prediction.n_words} {model.unit}, {prediction.n_unknown} unknown)"
    lines = [title]
    outputs = named(prediction.outputs)
    for name, guesses in named(prediction.classes).items():
        start = f"{name}: " if name else ""
        found = [f"{one.probability:.4f}  {_label(one.label)}" for one in guesses]
        found = found or [_in_unit(_numbers(outputs[name]), model)]
        lines += [f"  {start}{line}" for line in found]
    return "\n".join(lines)


def _in_unit(number: str, model: Model) -> str:
    return f"{number} {model.study_file.task.unit}".rstrip()


def _numbers(outputs: Any) -> str:
    """Outputs that are not probabilities, as they are."""
    if isinstance(outputs, list):
        return ", ".join(_numbers(output) for output in outputs)
    return show_figure(outputs)


def _label(label: str) -> str:
    """A class's name; in quotes if it is blank, such as a space."""
    return label if label.strip() else repr(label)
