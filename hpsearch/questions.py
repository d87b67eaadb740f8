"""What is asked of a network, and what it answers: one JSON object a line.

launcher ── a question ─────▶ python -m hpsearch.training
         ◀──── Answer ──────  one after the other, as they come
         ◀──── Ended ───────  end of file without it means that the process died

`hpsearch.codec` encodes and decodes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hpsearch.task import Params


@dataclass(frozen=True, kw_only=True)
class OwnCode:
    """Where the classes and functions of a network come from, if they are not Keras's."""

    study_file: str
    """The text of the study file, whose `build` registers them with Keras."""
    study_file_name: str
    params: Params
    """Of the network."""


@dataclass(frozen=True, kw_only=True)
class Predict:
    """What does the network make of some examples?

    Each answer is a dict by the names of its outputs; a single output's is empty. First come the
    names of the activations of their layers, empty for a layer without; then the outputs for
    each example.
    """

    model: str
    """A file that `model.save` wrote."""
    x: dict[str, list[Any]]
    """The examples, as nested lists, of each input by its name; a single input's is empty."""
    dtype: dict[str, str]
    """NumPy's name for their kind of number, for each input."""
    code: OwnCode | None = None


@dataclass(frozen=True, kw_only=True)
class PredictSplit:
    """What does the network make of all examples of a split? The answers are as for `Predict`."""

    model: str
    """A file that `model.save` wrote."""
    data: str
    """The folder of the prepared arrays."""
    split: str
    """`train`, `valid` or `test`."""
    code: OwnCode | None = None


@dataclass(frozen=True, kw_only=True)
class Write:
    """How does the text go on? One character after the other comes."""

    model: str
    """A file that `model.save` wrote."""
    window: list[int]
    """The end of the text so far: places in the vocabulary."""
    vocabulary: list[str]
    n_chars: int
    temperature: float
    """0 takes the most likely character, 1 draws as the network predicts."""
    seed: int
    code: OwnCode | None = None


@dataclass(frozen=True, kw_only=True)
class Convert:
    """Write the network in other forms, and see that it predicts there what it predicts here.

    Nothing comes.
    """

    model: str
    """A file that `model.save` wrote."""
    to: dict[str, str]
    """The path to write to, for each form of `choices.Form`."""
    data: str
    """The folder of the prepared arrays."""
    split: str
    """The examples to predict: `train`, `valid` or `test`."""
    code: OwnCode | None = None


@dataclass(frozen=True, kw_only=True)
class MeasureGradients:
    """How much of the gradient reaches each time step of a recurrent network?

    The network is built there, and trained. One list comes, with a norm for each step.
    """

    study_file: str
    """Its text."""
    study_file_name: str
    params: Params
    """Complete: `epochs` and `batch_size` included."""
    epochs: int
    """How long to train first; 0 for the first weights."""
    seed: int
    data: str
    """The folder of the prepared arrays."""
    n_examples: int
    """Of the validation split, to average over."""


@dataclass(frozen=True, kw_only=True)
class Inspect:
    """Which Keras is here, and on what does it train?

    One dict comes, with `keras` and `version` (of the backend), `backend`, and `devices`.
    """


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Part of the answer."""

    content: Any


@dataclass(frozen=True, kw_only=True)
class Ended:
    """All answers were given, or an exception kept them back."""

    error: str = ""
    """One line: the kind of exception and what it says."""


Question = Predict | PredictSplit | Write | Convert | MeasureGradients | Inspect
