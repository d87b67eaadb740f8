"""Choices by name; imports hardly anything, so the command line starts fast."""

import os
from enum import StrEnum


class SamplerName(StrEnum):
    """What proposes the params of the next trial."""

    TPE = "tpe"
    RANDOM = "random"
    QMC = "qmc"
    GRID = "grid"
    GP = "gp"


class PrunerName(StrEnum):
    """What prunes trials by their curve so far."""

    MEDIAN = "median"
    HYPERBAND = "hyperband"
    HALVING = "halving"
    NONE = "none"


class Replicates(StrEnum):
    """Whether a search trains its leaders with more seeds."""

    AUTO = "auto"
    NONE = "none"


class Kind(StrEnum):
    """The kind of example in the study file that `init` writes."""

    IMAGES = "images"
    VECTORS = "vectors"
    TEXT = "text"
    SEQUENCE = "sequence"
    CHARACTERS = "characters"
    REGRESSION = "regression"


class Shell(StrEnum):
    """A shell that can complete commands of hpsearch."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


class Form(StrEnum):
    """A form in which programs other than Keras take a network."""

    SAVED_MODEL = "saved_model"
    ONNX = "onnx"


class TrackerName(StrEnum):
    """A program elsewhere that a search can tell what happens."""

    TENSORBOARD = "tensorboard"
    MLFLOW = "mlflow"


class SplitName(StrEnum):
    """A split that `data show` may show: never test, which is opened once, at the end."""

    TRAIN = "train"
    VALID = "valid"


class PredictedSplit(StrEnum):
    """A split that `predict` takes; only an evaluated network is asked, so test was opened."""

    TRAIN = "train"
    VALID = "valid"
    TEST = "test"


DEFAULT_SAMPLER = SamplerName.TPE
DEFAULT_PRUNER = PrunerName.HALVING
DEFAULT_REPLICATES = Replicates.NONE

DEFAULT_STORAGE = "sqlite:///runs/studies.db"


STORAGE_VARIABLES = ("HPSEARCH_STORAGE", "OPTUNA_STORAGE")
"""Of the environment, the first that is set holds the storage's URL, maybe with a password."""


def storage_url(option: str | None) -> str:
    """The storage URL: from the option, the environment, or the default."""
    urls = [option, *map(os.environ.get, STORAGE_VARIABLES)]
    return next(filter(None, urls), DEFAULT_STORAGE)


class Format(StrEnum):
    """How results are printed for programs."""

    JSON = "json"
    CSV = "csv"
    MD = "md"
