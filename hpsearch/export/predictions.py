"""What a trained network makes of inputs: its outputs, read as classes where they are."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.data.arrays import Array, Prepared, write_split
from hpsearch.data.inputs import Encoded
from hpsearch.errors import DataError, StudyFileError
from hpsearch.export.inputs import Input
from hpsearch.export.models import Model, own_code
from hpsearch.export.winner import Winner
from hpsearch.processes.ask import ask
from hpsearch.questions import OwnCode, Predict, PredictSplit

N_SHOWN = 3  # classes of each input, unless asked for more


@dataclass(frozen=True)
class Guess:
    """A class and the probability that the network gives it."""

    label: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What the network makes of one input."""

    input: str
    """As typed."""
    n_words: int
    """Of a text."""
    n_unknown: int
    """Words, or characters, that the vocabulary lacks."""
    classes: list[Guess]
    """The most probable first; empty where the outputs are not probabilities."""
    outputs: Any
    """The numbers themselves."""


def predict_all(
    model: Model, inputs: Sequence[Input], examples: Sequence[Encoded], top: int | None
) -> list[Prediction]:
    """Run the network on encoded inputs.

    Args:
        model: The network.
        inputs: What the user handed over.
        examples: The same, encoded.
        top: How many classes to name; None for three, or for one where there is one output.

    Raises:
        HpsearchError: The network cannot be loaded, or does not take such examples.
    """
    question = Predict(
        model=str(model.path),
        x=[example.x.tolist() for example in examples],
        dtype=np.result_type(*(example.x.dtype for example in examples)).str,
        code=model.code,
    )
    answers = ask(question)
    is_linear = next(answers) == "linear"
    return [
        Prediction(
            input=one.argument.encode(errors="surrogateescape").decode(errors="replace"),
            n_words=example.n_words,
            n_unknown=example.n_unknown,
            classes=most_probable(outputs, () if is_linear else model.classes, top),
            outputs=outputs,
        )
        for one, example, outputs in zip(inputs, examples, answers, strict=True)
    ]


@dataclass(frozen=True)
class Guessed:
    """What the network makes of an example of a split."""

    label: Any
    """As in the data."""
    guess: str | None
    """The most probable class; None where the outputs are not probabilities."""
    outputs: Any
    """The numbers themselves."""


def guess_all(model: Model, part: str) -> list[Guessed]:
    """Run the network on all examples of a split: `train`, `valid` or `test`.

    Raises:
        DataError: The examples cannot be handed over, as the disk is full.
        HpsearchError: The network cannot be loaded, or does not take such examples.
    """
    split = model.split(part)
    with tempfile.TemporaryDirectory(prefix="hpsearch-") as folder:
        try:
            write_split(split, part, Path(folder))
        except OSError as error:
            raise DataError(f"cannot write into {folder}: {error.strerror or error}") from error
        is_linear, answers = _outputs(model.path, Path(folder), part, model.code)
        classes = () if is_linear else model.classes
        return [
            Guessed(label, _likeliest(outputs, classes), outputs)
            for label, outputs in zip(split.y.tolist(), answers, strict=True)
        ]


def _likeliest(outputs: Any, classes: Sequence[str]) -> str | None:
    guesses = interpret(outputs, classes)
    return guesses[0].label if guesses else None


def predict_split(winner: Winner, prepared: Prepared, split: str) -> Array:
    """The probabilities that a network gives each class, for all examples of a split.

    Args:
        winner: The network.
        prepared: The data.
        split: `train`, `valid` or `test`.

    Returns:
        An array, `(n_examples, n_classes)`.

    Raises:
        StudyFileError: The outputs are not probabilities of classes, or the network cannot
            be used.
    """
    code = own_code(winner.study_file, winner.opening.winner.params)
    is_linear, answers = _outputs(winner.model, prepared.folder, split, code)
    outputs = np.array(list(answers))
    if outputs.ndim == 2 and outputs.shape[1] == 1:  # the probability of the second class
        outputs = np.hstack([1 - outputs, outputs])
    is_sound = outputs.ndim == 2 and outputs.min() >= 0
    if is_linear or not is_sound or np.abs(outputs.sum(axis=1) - 1).max() > 1e-3:
        raise StudyFileError("the outputs of the network are not probabilities of classes")
    return outputs


def _outputs(
    model: Path, data: Path, split: str, code: OwnCode | None
) -> tuple[bool, Iterator[Any]]:
    """Whether a network's last layer is linear, and its outputs for each example of a split."""
    answers = ask(PredictSplit(model=str(model), data=str(data), split=split, code=code))
    return next(answers) == "linear", answers


def most_probable(outputs: Any, classes: Sequence[str], top: int | None) -> list[Guess]:
    """The classes to show for an example, the most probable first."""
    usual = 1 if isinstance(outputs, list) and len(outputs) == 1 else N_SHOWN
    return interpret(outputs, classes)[: top or usual]


def interpret(outputs: Any, classes: Sequence[str]) -> list[Guess]:
    """Read a network's outputs for an example as classes, the most probable first.

    Args:
        outputs: Numbers; a single probability is that of the second class.
        classes: The name of each label.

    Returns:
        Nothing where the outputs are not probabilities of classes.
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
