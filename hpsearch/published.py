"""What a lab published: its figures, how it got them, and what it concluded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from hpsearch.errors import StudyFileError
from hpsearch.goal import Logs

Claim = Literal["better", "worse", "no different", "best", "overfits"]
"""What a finding says: of levels against another setting, of one level against all others of its
factor, or of the baseline's curve."""

Splits = Literal["train", "train+valid"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a lab concluded, in a form that a sweep can support or contradict."""

    words: str
    """The conclusion, in the lab's own words or close to them."""
    claim: Claim
    factor: str = ""
    """A factor or path of the task; empty if the baseline is said to overfit."""
    levels: Sequence[object] = ()
    """The levels that the claim is about, as the factor declares them; empty for all."""
    than: object = None
    """The level to compare with, as the factor declares it; None for the baseline."""
    margin: float = 0.01
    """For `no different`: the largest difference of the metric that still counts as none."""

    def __post_init__(self) -> None:
        if self.claim not in get_args(Claim):
            claims = ", ".join(map(repr, get_args(Claim)))
            raise StudyFileError(f"claim= takes one of {claims}, not {self.claim!r}")
        if (self.claim == "overfits") == bool(self.factor):
            raise StudyFileError(
                f"the finding {self.words!r} needs factor=, unless it claims 'overfits'"
            )
        if self.claim == "best" and len(self.levels) != 1:
            raise StudyFileError(f"the finding {self.words!r} needs one level: levels=[...]")


@dataclass(frozen=True, kw_only=True)
class Published:
    """A lab's published results, to compare with ours."""

    source: str
    """Where they were published."""
    test_accuracy: float | None = None
    """Of the baseline: a share of the test examples, between 0 and 1; None if none is known."""
    trained_on: Splits = "train+valid"
    """What that network had been trained on."""
    curve: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """The baseline's logs by Keras's names, a figure for each of `epochs`."""
    epochs: Sequence[int] = ()
    """The epochs of `curve`; empty for 1, 2, 3, ..."""
    findings: Sequence[Finding] = ()
    """What the lab concluded."""

    def __post_init__(self) -> None:
        if self.test_accuracy is not None and not 0 <= self.test_accuracy <= 1:
            raise StudyFileError(
                f"test_accuracy is a share between 0 and 1, not {self.test_accuracy!r}"
            )
        if self.trained_on not in get_args(Splits):
            splits = " or ".join(map(repr, get_args(Splits)))
            raise StudyFileError(f"trained_on= takes {splits}, not {self.trained_on!r}")
        lengths = {len(values) for values in self.curve.values()}
        if self.epochs:
            lengths.add(len(self.epochs))
        if len(lengths) > 1:
            raise StudyFileError("the published curve has figures for different numbers of epochs")

    @property
    def logs(self) -> dict[int, Logs]:
        """The published curve as Keras's logs by epoch; empty if there is none."""
        n_epochs = max(map(len, self.curve.values()), default=0)
        epochs = self.epochs or range(1, n_epochs + 1)
        return {
            epoch: {name: values[i] for name, values in self.curve.items()}
            for i, epoch in enumerate(epochs)
        }
