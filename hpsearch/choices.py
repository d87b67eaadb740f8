"""What can be chosen by name; light, for the command line to list."""

from enum import StrEnum


class SamplerName(StrEnum):
    """What proposes the params of the next trial."""

    TPE = "tpe"
    RANDOM = "random"
    QMC = "qmc"
    GRID = "grid"
    GP = "gp"


class PrunerName(StrEnum):
    """What gives trials up from their curve so far."""

    MEDIAN = "median"
    HYPERBAND = "hyperband"
    HALVING = "halving"
    NONE = "none"


class Kind(StrEnum):
    """What an example is, in the study file that `init` writes."""

    IMAGES = "images"
    VECTORS = "vectors"
    TEXT = "text"


DEFAULT_SAMPLER = SamplerName.TPE
DEFAULT_PRUNER = PrunerName.HALVING

DEFAULT_STORAGE = "sqlite:///runs/studies.db"
