"""`hpsearch predict`: what the evaluated network makes of your own texts and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hpsearch.export.inputs import encode_inputs, read_input
from hpsearch.export.models import find_model
from hpsearch.export.predictions import Prediction, predict_all
from hpsearch.terminal.printing import plain, print_json, say

SCHEMA = "hpsearch.predict/1"


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
