"""Samplers and pruners by the names the command line gives them."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from hpsearch.choices import PrunerName, SamplerName
from hpsearch.errors import UsageError
from hpsearch.searching.rungs import REDUCTION_FACTOR
from hpsearch.task import ParamValue


def make_sampler(
    name: SamplerName, *, seed: int, n_trials: int, fixed: Mapping[str, ParamValue]
) -> BaseSampler:
    """The sampler for one trial.

    Args:
        name: Which.
        seed: The study's.
        n_trials: Trials the study has so far. With the seed it decides what is drawn:
            a launcher that continues a study must not draw what the last one drew.
        fixed: Hyperparameters that are not searched, and their values.

    Raises:
        UsageError: The sampler needs a library that is not installed.
    """
    drawn = int(np.random.default_rng([seed, n_trials]).integers(2**32))
    with warnings.catch_warnings():  # some are marked experimental; the choice is ours
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler: BaseSampler
        match name:
            case SamplerName.TPE:
                sampler = optuna.samplers.TPESampler(seed=drawn, group=True)
            case SamplerName.RANDOM:
                sampler = optuna.samplers.RandomSampler(seed=drawn)
            case SamplerName.QMC:  # one sequence for all trials: the study counts along it
                sampler = optuna.samplers.QMCSampler(
                    seed=seed,
                    scramble=True,
                    warn_asynchronous_seeding=False,
                    warn_independent_sampling=False,
                    independent_sampler=optuna.samplers.RandomSampler(seed=drawn),
                )
            case SamplerName.GRID:  # unlike GridSampler it knows conditional spaces
                sampler = optuna.samplers.BruteForceSampler(seed=seed)
            case SamplerName.GP:
                if importlib.util.find_spec("torch") is None:
                    raise UsageError("--sampler gp needs torch: pip install 'hpsearch[gp]'")
                sampler = optuna.samplers.GPSampler(seed=drawn)
        if fixed:
            sampler = optuna.samplers.PartialFixedSampler(dict(fixed), sampler)
        return sampler


def make_pruner(name: PrunerName, max_epochs: int) -> BasePruner:
    """The pruner of a study whose longest trials take `max_epochs`."""
    match name:
        case PrunerName.MEDIAN:
            return optuna.pruners.MedianPruner()
        case PrunerName.HYPERBAND:
            return optuna.pruners.HyperbandPruner(
                min_resource=1, max_resource=max_epochs, reduction_factor=REDUCTION_FACTOR
            )
        case PrunerName.HALVING | PrunerName.NONE:  # halving is the business of `rungs`
            return optuna.pruners.NopPruner()
