"""Samplers and pruners by name; light, for the command line to list."""

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


DEFAULT_SAMPLER = SamplerName.TPE
DEFAULT_PRUNER = PrunerName.HALVING

DEFAULT_STORAGE = "sqlite:///runs/studies.db"
