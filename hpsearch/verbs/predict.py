"""`hpsearch predict`: what the evaluated network makes of your inputs, or of a whole split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.choices import Format, PredictedSplit
from hpsearch.export.inputs import encode_inputs, read_input
from hpsearch.export.models import Model, find_model
from hpsearch.export.predictions import (
    Guessed,
    Prediction,
    guess_all,
    interpret,
    predict_all,
)
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
        texts = (_text(g.title, f, model.unit) for g, f in zip(inputs, found, strict=True))
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
    print(plain(f"{model.study}, {split}: {len(found):,} examples{_share_right(found, model)}"))
    print_table(output_console(), header, rows[:N_ROWS], right=1)
    if len(rows) > N_ROWS:
        print(f"the first {N_ROWS}; --csv and --json print all")


def _table(found: Sequence[Guessed], classes: Sequence[str]) -> tuple[list[str], list[list[Cell]]]:
    """A row for each example: the probability of each class, or the outputs as they are."""
    figures = [_figures(one, classes) for one in found]
    header = ["example", "label", "predicted", *figures[0]]
    rows: list[list[Cell]] = [
        [i, _name_of(one.label, classes), one.guess, *(round(p, 6) for p in by_name.values())]
        for i, (one, by_name) in enumerate(zip(found, figures, strict=True))
    ]
    return header, rows


def _figures(one: Guessed, classes: Sequence[str]) -> dict[str, float]:
    if one.guess is None:
        return {f"output {i}": n for i, n in enumerate(np.ravel(one.outputs).tolist())}
    # in the order of labels
    by_label = {guess.label: guess.probability for guess in interpret(one.outputs, classes)}
    names = classes if set(classes) == set(by_label) else sorted(by_label, key=int)
    return {f"p({name})": by_label[name] for name in names}


def _name_of(label: Any, classes: Sequence[str]) -> str:
    is_class = isinstance(label, int) and 0 <= label < len(classes)
    return classes[label] if is_class else str(label)


def _share_right(found: Sequence[Guessed], model: Model) -> str:
    if any(one.guess is None for one in found):
        return ""
    n_right = sum(one.guess == _name_of(one.label, model.classes) for one in found)
    return f", {n_right / len(found):.4f} of them right"


def _text(title: str, prediction: Prediction, unit: str) -> str:
    """One prediction for people."""
    if prediction.n_words:
        title += f"  ({prediction.n_words} {unit}, {prediction.n_unknown} unknown)"
    lines = [f"  {one.probability:.4f}  {_label(one.label)}" for one in prediction.classes]
    return "\n".join([title, *(lines or [f"  {_numbers(prediction.outputs)}"])])


def _numbers(outputs: Any) -> str:
    """Outputs that are not probabilities, as they are."""
    if isinstance(outputs, list):
        return ", ".join(_numbers(output) for output in outputs)
    return f"{outputs:.4g}"


def _label(label: str) -> str:
    """A class's name; in quotes if it is blank, such as a space."""
    return label if label.strip() else repr(label)
