"""What is asked of a trained network, and what it answers: one JSON object a line.

launcher ── Predict or Write ──▶ python -m hpsearch.training.use
         ◀──── Answer ─────────  one after the other, as they come
         ◀──── Ended ──────────  end of file without it means that the process died
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Predict:
    """What does the network make of some examples?

    First comes the name of its last layer's activation, empty if it has none; then the
    outputs for each example.
    """

    kind: ClassVar[str] = "predict"
    model: str
    """A file that `model.save` wrote."""
    x: list[Any]
    """The examples, as nested lists."""
    dtype: str
    """NumPy's name for their kind of number."""


@dataclass(frozen=True, kw_only=True)
class Write:
    """How does the text go on? One character after the other comes."""

    kind: ClassVar[str] = "write"
    model: str
    """A file that `model.save` wrote."""
    window: list[int]
    """The end of the text so far: places in the vocabulary."""
    vocabulary: list[str]
    n_chars: int
    temperature: float
    """0 takes the most likely character, 1 draws as the network predicts."""
    seed: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Part of the answer."""

    kind: ClassVar[str] = "answer"
    content: Any


@dataclass(frozen=True, kw_only=True)
class Ended:
    """All answers were given, or an exception kept them back."""

    kind: ClassVar[str] = "ended"
    error: str = ""
    """One line: the kind of exception and what it says."""


Question = Predict | Write
Line = Predict | Write | Answer | Ended


def encode_line(line: Line) -> str:
    return json.dumps({"kind": line.kind, **asdict(line)})


def decode_line(text: str) -> Line:
    """What a line says.

    Raises:
        ValueError: It is nothing that is said here.
    """
    content: dict[str, Any] = json.loads(text)
    kind = content.pop("kind", None)
    for line_type in (Predict, Write, Answer, Ended):
        if kind == line_type.kind:
            return line_type(**content)
    raise ValueError(f"nothing has the kind {kind!r}")
