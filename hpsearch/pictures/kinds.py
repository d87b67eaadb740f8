"""The kinds of pictures, by name; imports nothing, so the command line starts fast."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PictureKind(StrEnum):
    """A picture that `plot` can draw."""

    CURVES = "curves"
    BASELINE = "baseline"
    GRADIENT = "gradient"
    HISTORY = "history"
    IMPORTANCES = "importances"
    PARALLEL = "parallel"
    SLICES = "slices"
    TIME = "time"
    TIMELINE = "timeline"
    FACTORS = "factors"
    CONFUSION = "confusion"
    MISTAKES = "mistakes"
    PREDICTIONS = "predictions"


class Needs(StrEnum):
    """What a study must be, or have, for a picture."""

    ANY = "any study"
    SEARCH = "a search"
    SWEEP = "a sweep"
    EVALUATION = "an evaluated study"


@dataclass(frozen=True)
class About:
    """What a picture shows."""

    shows: str
    needs: Needs


ABOUT = {
    PictureKind.CURVES: About("loss and metric by epoch, and where overfitting begins", Needs.ANY),
    PictureKind.BASELINE: About("the baseline's curves, over those that were published", Needs.ANY),
    PictureKind.GRADIENT: About("norm of the gradient by epoch, if logged", Needs.ANY),
    PictureKind.HISTORY: About("the value of each trial, and the best so far", Needs.SEARCH),
    PictureKind.IMPORTANCES: About("which hyperparameters decide the value", Needs.SEARCH),
    PictureKind.PARALLEL: About("the params of all trials, coloured by value", Needs.SEARCH),
    PictureKind.SLICES: About("value against each hyperparameter", Needs.SEARCH),
    PictureKind.TIME: About("value against training time, with its Pareto line", Needs.ANY),
    PictureKind.TIMELINE: About("which trial ran when, in which slot", Needs.ANY),
    PictureKind.FACTORS: About("value and time of each level of each factor", Needs.SWEEP),
    PictureKind.CONFUSION: About("which class the winner takes for which", Needs.EVALUATION),
    PictureKind.MISTAKES: About("the winner's most confident mistakes", Needs.EVALUATION),
    PictureKind.PREDICTIONS: About("the numbers that the winner predicts", Needs.EVALUATION),
}
