"""What a trained network makes of inputs: its outputs, read as classes where they are."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.data.arrays import Array, Prepared, write_split
from hpsearch.data.inputs import Encoded
from hpsearch.data.structure import Structure, mapped, named, of_named
from hpsearch.errors import DataError, StudyFileError
from hpsearch.export.inputs import Input
from hpsearch.export.models import Model
from hpsearch.export.winner import Winner
from hpsearch.processes.ask import ask
from hpsearch.questions import Predict, PredictSplit

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
    classes: Structure[list[Guess]]
    """The most probable first; empty where the outputs are not probabilities. Several outputs
    have several lists, as the labels have."""
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
    by_input = [named(example.x) for example in examples]
    question = Predict(
        model=str(model.path),
        x={name: [one[name].tolist() for one in by_input] for name in by_input[0]},
        dtype={
            name: np.result_type(*(one[name].dtype for one in by_input)).str for name in by_input[0]
        },
        code=model.code,
    )
    classes, answers = _answers(question, model.classes)
    return [
        Prediction(
            input=one.argument.encode(errors="surrogateescape").decode(errors="replace"),
            n_words=example.n_words,
            n_unknown=example.n_unknown,
            classes=mapped(lambda one, names: most_probable(one, names, top), outputs, classes),
            outputs=outputs,
        )
        for one, example, outputs in zip(inputs, examples, answers, strict=True)
    ]


@dataclass(frozen=True)
class Guessed:
    """What the network makes of an example of a split."""

    label: Any
    """As in the data."""
    guess: Any
    """The most probable class; None where the outputs are not probabilities."""
    outputs: Any
    """The numbers themselves."""

    def by_output(self) -> dict[str, Guessed]:
        """What it makes of each output by its name; of a single one, whose name is empty, all."""
        outputs = named(self.outputs)
        # nothing is a structure too
        guesses = {"": self.guess} if "" in outputs else named(self.guess)
        labels = {"": self.label} if "" in outputs else named(self.label)
        return {name: Guessed(labels[name], guesses[name], outputs[name]) for name in outputs}


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
        question = PredictSplit(model=str(model.path), data=folder, split=part, code=model.code)
        classes, answers = _answers(question, model.classes)
        return [
            Guessed(
                mapped(lambda labels, i=i: labels[i].tolist(), split.y),
                mapped(_likeliest, outputs, classes),
                outputs,
            )
            for i, outputs in enumerate(answers)
        ]


def _answers(
    question: Predict | PredictSplit, classes: Structure[list[str]]
) -> tuple[Structure[list[str]], Iterator[Any]]:
    """Ask a network; its outputs are named as the labels of the data are.

    Args:
        question: What to predict.
        classes: Of each output, as `name_classes` returns them.

    Returns:
        The classes, none for an output of a linear layer; then the outputs for each example.
    """
    answers, names = ask(question), named(classes)
    activations = next(answers)
    # the data may have them in a tuple: then both are in the network's order
    own = names if activations.keys() == names.keys() else list(activations)
    if len(own) != len(names):
        raise StudyFileError(
            f"the network has {len(own)} outputs, and the labels are those of {len(names)}"
        )
    kept = {
        name: [] if activations[its_own] == "linear" else names[name]
        for name, its_own in zip(names, own, strict=True)
    }
    return of_named(kept), (
        of_named({name: one[its_own] for name, its_own in zip(names, own, strict=True)})
        for one in answers
    )


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
    outputs, activation = _outputs(winner, prepared, split)
    is_linear = activation == "linear"
    if outputs.ndim == 2 and outputs.shape[1] == 1:  # the probability of the second class
        outputs = np.hstack([1 - outputs, outputs])
    is_sound = outputs.ndim == 2 and outputs.min() >= 0
    if is_linear or not is_sound or np.abs(outputs.sum(axis=1) - 1).max() > 1e-3:
        raise StudyFileError("the outputs of the network are not probabilities of classes")
    return outputs


def predict_numbers(winner: Winner, prepared: Prepared, split: str) -> Array:
    """The number that a network predicts for each example of a split.

    Returns:
        An array, `(n_examples,)`.

    Raises:
        StudyFileError: It predicts several numbers, or the network cannot be used.
    """
    outputs, _activation = _outputs(winner, prepared, split)
    if outputs.size != len(outputs):
        raise StudyFileError(
            f"the network predicts {outputs[0].size} numbers for each example, and this takes one"
        )
    return outputs.reshape(-1)


@dataclass(frozen=True)
class Rating:
    """How close predicted numbers are to the true ones."""

    mae: float
    """The mean absolute error."""
    r2: float
    """The share of the variance that is explained; NaN where nothing varies."""


def rate(true: Array, predicted: Array) -> Rating:
    """Compare predicted numbers with the true ones, both of shape (n_examples,)."""
    errors = predicted - true
    variance = float(np.var(true))
    r2 = 1 - float(np.mean(errors**2)) / variance if variance else math.nan
    return Rating(float(np.mean(np.abs(errors))), r2)


def _outputs(winner: Winner, prepared: Prepared, split: str) -> tuple[Array, str]:
    """What a network with one output says to each example, and its last activation."""
    question = PredictSplit(
        model=str(winner.model), data=str(prepared.folder), split=split, code=winner.code
    )
    activations, *answers = ask(question)
    if len(activations) > 1:
        raise StudyFileError("the network has several outputs, and this takes one")
    ((output, activation),) = activations.items()
    return np.array([one[output] for one in answers]), activation


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
