"""Samplers and pruners by their command-line names."""

from __future__ import annotations

import copy
import importlib.util
import warnings
from collections import defaultdict
from collections.abc import Mapping
from statistics import fmean
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpsearch.choices import PrunerName, SamplerName
from hpsearch.errors import UsageError
from hpsearch.goal import Goal
from hpsearch.searching.rungs import REDUCTION_FACTOR
from hpsearch.study.configurations import key_of
from hpsearch.study.optuna_internals import with_trials
from hpsearch.study.trials import BROKEN, CONSTRAINT, Attr
from hpsearch.task import ParamValue


class CurveRows:
    """What a sampler learns from: one row per curve.

    Optuna ranks pruned trials by their last step. A network that was pruned, promoted and
    pruned again would be three trials, two of them bad observations of a good point, and a
    trial that broke late would rank above all that were pruned early. So one trial per curve
    counts: its best finished one; else one that broke, as infeasible; else the one pruned
    last. Its value is the mean over seeds if it was repeated.

    Args:
        goal: Says which value is better.
    """

    def __init__(self, goal: Goal) -> None:
        self.goal = goal
        self._rows: dict[str, FrozenTrial] = {}
        self._replicates: dict[str, list[FrozenTrial]] = defaultdict(list)
        """By params."""

    def add(self, trial: FrozenTrial) -> None:
        """Record a finished trial; failed ones are ignored."""
        if trial.state is TrialState.FAIL:
            return
        if Attr.REPLICATE_OF in trial.user_attrs:
            self._replicates[key_of(trial.params)].append(trial)
            return
        curve = trial.user_attrs.get(Attr.CURVE, f"trial {trial.number}")
        known = self._rows.get(curve)
        if known is None or self._says_more(trial) > self._says_more(known):
            self._rows[curve] = _infeasible(trial) if _is_broken(trial) else trial

    def of(self, study: Study) -> list[FrozenTrial]:
        """The rows, and the running trials, to avoid their neighbourhood; by number.

        Running promoted trials and replicates are left out: their params already have a row.
        """
        running = [
            trial
            for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            if {Attr.PROMOTED_FROM, Attr.REPLICATE_OF}.isdisjoint(trial.user_attrs)
        ]
        rows = map(self._over_seeds, self._rows.values())
        return sorted([*rows, *running], key=lambda trial: trial.number)

    def _over_seeds(self, row: FrozenTrial) -> FrozenTrial:
        """A row with the mean over seeds; infeasible if a replicate broke."""
        replicates = self._replicates.get(key_of(row.params)) if self._replicates else None
        if replicates is None or row.state is not TrialState.COMPLETE:
            return row
        if any(map(_is_broken, replicates)):
            return _infeasible(row)
        shown = copy.copy(row)
        shown.value = fmean([row.values[0], *(one.values[0] for one in replicates)])
        return shown

    def _says_more(self, trial: FrozenTrial) -> tuple[int, float]:
        """Sort key: the last trial of a curve is the one that counts."""
        if trial.state is TrialState.COMPLETE:
            return 2, -self.goal.key(trial.values[0])
        epochs_done = max(trial.intermediate_values, default=0)
        return int(_is_broken(trial)), epochs_done


def _is_broken(trial: FrozenTrial) -> bool:
    return trial.user_attrs.get(Attr.OUTCOME) in BROKEN


def _infeasible(trial: FrozenTrial) -> FrozenTrial:
    """Mark a broken trial so that TPE never counts it as good."""
    if trial.constraints:
        return trial
    marked = copy.copy(trial)
    marked.system_attrs = {**trial.system_attrs, f"constraints:{CONSTRAINT}": 1.0}
    return marked


class CurveSampler(BaseSampler):
    """A sampler for one trial that sees one row per curve instead of the trials.

    Args:
        sampler: Proposes params.
        rows: What it learns from.
    """

    def __init__(self, sampler: BaseSampler, rows: CurveRows) -> None:
        self.sampler, self.rows = sampler, rows
        self._shown: Study | None = None

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self.sampler.infer_relative_search_space(self._seen(study), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self.sampler.sample_relative(self._seen(study), trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        seen = self._seen(study)
        return self.sampler.sample_independent(seen, trial, param_name, param_distribution)

    def _seen(self, study: Study) -> Study:
        if self._shown is None:  # read once for all hyperparameters
            self._shown = with_trials(study, self.rows.of(study))
        return self._shown


class _Tpe(optuna.samplers.TPESampler):
    """Optuna's, which splits its space by names alone, and so in a tenth of the time."""

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        finished = (TrialState.COMPLETE, TrialState.PRUNED)
        firsts: dict[frozenset[str], FrozenTrial] = {}
        for one in study.get_trials(deepcopy=False, states=finished):
            firsts.setdefault(frozenset(one.distributions), one)
        return super().infer_relative_search_space(with_trials(study, [*firsts.values()]), trial)


def make_sampler(
    name: SamplerName,
    *,
    seed: int,
    n_trials: int,
    fixed: Mapping[str, ParamValue],
    rows: CurveRows,
) -> BaseSampler:
    """The sampler for one trial.

    Args:
        name: The sampler's name.
        seed: The study's.
        n_trials: Trials the study has so far. It is mixed into the seed, so that a launcher
            that continues a study does not repeat the last one's draws.
        fixed: Hyperparameters that are not searched, and their values.
        rows: What `tpe` and `gp` learn from.
    """
    require_sampler(name)
    drawn = int(np.random.default_rng([seed, n_trials]).integers(2**32))
    with warnings.catch_warnings():  # some are marked experimental; the choice is ours
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler: BaseSampler
        match name:
            case SamplerName.TPE:
                tpe = _Tpe(seed=drawn, multivariate=True, group=True)
                sampler = CurveSampler(tpe, rows)
            case SamplerName.RANDOM:
                sampler = optuna.samplers.RandomSampler(seed=drawn)
            case SamplerName.QMC:  # one sequence for all trials: the study keeps its place in it
                sampler = optuna.samplers.QMCSampler(
                    seed=seed,
                    scramble=True,
                    warn_asynchronous_seeding=False,
                    warn_independent_sampling=False,
                    independent_sampler=optuna.samplers.RandomSampler(seed=drawn),
                )
            case SamplerName.GRID:  # unlike GridSampler, it supports conditional spaces
                sampler = optuna.samplers.BruteForceSampler(seed=seed)
            case SamplerName.GP:
                sampler = CurveSampler(optuna.samplers.GPSampler(seed=drawn), rows)
        if fixed:
            sampler = optuna.samplers.PartialFixedSampler(dict(fixed), sampler)
        return sampler


def require_sampler(name: SamplerName) -> None:
    """Check before a search that its sampler can be used.

    Raises:
        UsageError: It needs a library that is not installed.
    """
    if name is SamplerName.GP and importlib.util.find_spec("torch") is None:
        raise UsageError("--sampler gp needs torch: pip install 'hpsearch[gp]'")


def make_pruner(name: PrunerName, max_epochs: int) -> BasePruner:
    """The pruner of a study whose longest trials take `max_epochs`."""
    match name:
        case PrunerName.MEDIAN:
            return optuna.pruners.MedianPruner()
        case PrunerName.HYPERBAND:
            return optuna.pruners.HyperbandPruner(
                min_resource=1, max_resource=max_epochs, reduction_factor=REDUCTION_FACTOR
            )
        case PrunerName.HALVING | PrunerName.NONE:  # `rungs` does the halving
            return optuna.pruners.NopPruner()
