"""`hpsearch predict`: what the evaluated network makes of texts and files from outside."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.data.inputs import Encoded
from hpsearch.errors import DataError, StudyFileError, UsageError
from hpsearch.export.models import find_model
from hpsearch.processes.ask import ask
from hpsearch.questions import Predict
from hpsearch.terminal.printing import plain, print_json, say

SCHEMA = "hpsearch.predict/1"
MAX_INPUT_BYTES = 5_000_000
SHOWN_CLASSES = 3
LONGEST_TITLE = 60


@dataclass(frozen=True)
class Input:
    """A text or a file from outside."""

    called: str
    """What messages call it."""
    content: bytes


@dataclass(frozen=True)
class Guess:
    """A class, and how probable the network takes it to be."""

    label: str
    probability: float


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
        top: How many classes of each, the most probable first; None for the usual number.
        as_json: Print JSON.

    Raises:
        UsageError: An argument is the path of no file.
        DataError: An input is empty, too large, or nothing that the task can encode.
        HpsearchError: Of any other kind: there is no such network, or it is damaged.
    """
    inputs = [read_input(argument) for argument in arguments]
    model = find_model(name, storage_url, data, verb="predict")
    examples = [model.encode(one.content, one.called) for one in inputs]
    for one, example in zip(inputs, examples, strict=True):
        if example.x.shape != examples[0].x.shape:
            raise StudyFileError(
                f"encode() made an example of shape {example.x.shape} of {one.called}, and one "
                f"of shape {examples[0].x.shape} of {inputs[0].called}: all must be alike"
            )
    say("loading the network")
    question = Predict(
        model=str(model.path),
        x=[example.x.tolist() for example in examples],
        dtype=np.result_type(*(example.x.dtype for example in examples)).str,
    )
    answers = ask(question)
    is_linear = next(answers) == "linear"
    found = [
        _result(argument, example, outputs, () if is_linear else model.classes, top)
        for argument, example, outputs in zip(arguments, examples, answers, strict=True)
    ]
    if as_json:
        print_json({"schema": SCHEMA, "study": model.study, "predictions": found})
    else:
        print(plain("\n\n".join(_text(one, model.unit) for one in found)))


def read_input(argument: str) -> Input:
    """What an argument stands for.

    Raises:
        UsageError: It looks like a path, and there is no such file.
        DataError: It is empty, too large, or cannot be read.
    """
    if argument == "-":
        called, content = "standard input", sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
    elif is_file(argument):
        called = argument
        try:
            with Path(argument).open("rb") as file:
                content = file.read(MAX_INPUT_BYTES + 1)
        except OSError as error:
            raise DataError(f"cannot read {argument}: {error.strerror}") from error
    elif os.path.isdir(argument):  # noqa: PTH112  # Path's own raises where a name is too long
        raise UsageError(f"{argument} is a folder: name the files in it, as in {argument}/*")
    elif looks_like_path(argument):
        raise UsageError(
            f"there is no file {argument}; to give that as a text, name - and write it to "
            "standard input"
        )
    else:
        called = _title(argument) or "the text"
        content = argument.encode(errors="surrogateescape")  # as bytes came from the shell
    if len(content) > MAX_INPUT_BYTES:
        raise DataError(f"{called} is larger than {MAX_INPUT_BYTES // 10**6} MB, the most there is")
    if not content.strip():
        raise DataError(f"{called} is empty: there is nothing to predict from")
    return Input(called, content)


def is_file(argument: str) -> bool:
    """Whether a path leads to a file, or to what can be read like one."""
    try:
        path = Path(argument)
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):  # longer than any path, or with a null character
        return False


def looks_like_path(argument: str) -> bool:
    """Whether somebody who types that means a file: `boot.png`, `images/boot`, `../my boot`."""
    if argument.startswith(("/", "./", "../", "~")):
        return True
    has_suffix = re.search(r"\w\.[A-Za-z]\w{0,5}$", argument) is not None
    if re.search(r"\s", argument):
        return has_suffix and "/" in argument
    return has_suffix or "/" in argument


def interpret(outputs: Any, classes: Sequence[str]) -> list[Guess]:
    """A network's outputs for an example as classes, the most probable first.

    Args:
        outputs: Numbers; one that is a probability is that of the second class.
        classes: The name of each label.

    Returns:
        Nothing where the outputs are no probabilities of classes.
    """
    match outputs:
        case [float(p)] if len(classes) == 2 and 0 <= p <= 1:
            probabilities = [1 - p, p]
        case [float(), float(), *_] if min(outputs) >= 0 and abs(sum(outputs) - 1) < 1e-3:
            probabilities = outputs
        case _:
            return []
    names = classes if len(classes) == len(probabilities) else range(len(probabilities))
    guesses = [Guess(str(n), p) for n, p in zip(names, probabilities, strict=True)]
    return sorted(guesses, key=lambda guess: -guess.probability)


def _result(
    argument: str, example: Encoded, outputs: Any, classes: Sequence[str], top: int | None
) -> dict[str, Any]:
    """One prediction as it is printed as JSON."""
    guesses = interpret(outputs, classes)
    usual = 1 if isinstance(outputs, list) and len(outputs) == 1 else SHOWN_CLASSES
    return {
        "input": argument.encode(errors="surrogateescape").decode(errors="replace"),
        "n_words": example.n_words,
        "n_unknown": example.n_unknown,
        "classes": [
            {"label": guess.label, "probability": guess.probability}
            for guess in guesses[: top or usual]
        ],
        "outputs": outputs,
    }


def _text(result: dict[str, Any], unit: str) -> str:
    """One prediction for people."""
    title = _title(result["input"])
    if result["n_words"]:
        title += f"  ({result['n_words']} {unit}, {result['n_unknown']} unknown)"
    lines = [f"  {one['probability']:.4f}  {_label(one['label'])}" for one in result["classes"]]
    if not lines:
        lines = [f"  {_numbers(result['outputs'])}"]
    return "\n".join([title, *lines])


def _numbers(outputs: Any) -> str:
    """Outputs that are no probabilities, as they are."""
    if isinstance(outputs, list):
        return ", ".join(_numbers(output) for output in outputs)
    return f"{outputs:.4g}"


def _label(label: str) -> str:
    """A class's name; one that is blank, such as a space, in quotes."""
    return label if label.strip() else repr(label)


def _title(argument: str) -> str:
    """An input in one line."""
    text = "standard input" if argument == "-" else " ".join(argument.split())
    return text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1]}…"
