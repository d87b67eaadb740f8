"""The parts of Optuna's private API that hpsearch needs."""

from __future__ import annotations

import copy
from collections.abc import Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState


def storage_of(study: Study) -> BaseStorage:
    """The storage of a study."""
    return study._storage


def study_id(study: Study) -> int:
    """A study's ID in its storage."""
    return study._study_id


def system_attrs(study: Study) -> dict[str, Any]:
    """What Optuna itself stores with a study, such as the names of its metrics."""
    return storage_of(study).get_study_system_attrs(study_id(study))


def trial_id(trial: Trial | FrozenTrial) -> int:
    """A trial's ID in its storage."""
    return trial._trial_id


def frozen(trial: Trial) -> FrozenTrial:
    """A trial as currently stored."""
    return storage_of(trial.study).get_trial(trial_id(trial))


def attach(study: Study, trial: FrozenTrial) -> Trial:
    """Continue a stored trial."""
    return Trial(study, trial_id(trial))


def add_running(study: Study, template: FrozenTrial) -> Trial:
    """Add a running trial to a study."""
    return Trial(study, storage_of(study).create_new_trial(study_id(study), template))


def set_trial_state(study: Study, trial: Trial | FrozenTrial, state: TrialState) -> None:
    """Change the state of an unfinished trial."""
    storage_of(study).set_trial_state_values(trial_id(trial), state)


def report(trial: Trial, value: float, epoch: int) -> None:
    """Store an intermediate value, replacing an earlier one, which `Trial.report` would keep."""
    storage_of(trial.study).set_trial_intermediate_value(trial_id(trial), epoch, value)
    trial._cached_frozen_trial.intermediate_values[epoch] = value  # which `should_prune` reads


def contains(distribution: BaseDistribution, value: object) -> bool:
    """Whether a value lies in a range, or is one of the choices."""
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except (ValueError, TypeError):
        return False


def with_trials(study: Study, trials: Sequence[FrozenTrial]) -> Study:
    """A view of a study that shows samplers these trials instead of its own."""
    return _StudyView(study, trials)


class _StudyView(Study):
    def __init__(self, study: Study, trials: Sequence[FrozenTrial]) -> None:
        vars(self).update(vars(study))
        self._shown = trials

    @property
    def direction(self) -> StudyDirection:
        """The first objective's: intermediate values, by which samplers rank pruned trials and
        pruners prune, are its values.
        """
        return self.directions[0]

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        shown = [trial for trial in self._shown if states is None or trial.state in states]
        return copy.deepcopy(shown) if deepcopy else shown

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        return self.get_trials(deepcopy, states)
