"""The parts of Optuna's private API that hpsearch needs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, cast

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._rdb.models import TrialUserAttributeModel
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

DRAFT = -1
"""The ID of a trial that is not stored yet."""


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


def ask(study: Study, suggest: Callable[[Trial], object]) -> Trial:
    """Begin a trial once it has all its params: in one step, and not at all if one is refused.

    Optuna itself stores the trial first and then one param after another, each on its own.

    Args:
        study: Nobody else may add trials meanwhile.
        suggest: Asks the trial for its params.
    """
    draft = create_trial(state=TrialState.RUNNING)
    draft.number, draft._trial_id = len(study.get_trials(deepcopy=False)), DRAFT
    suggest(Trial(_DraftStudy(study, draft), DRAFT))
    return add_running(study, draft)


def set_user_attrs(trial: Trial, attrs: Mapping[str, Any]) -> None:
    """Store several attributes of a trial: all or none, where the storage has transactions."""
    write_user_attrs(storage_of(trial.study), trial_id(trial), attrs)
    trial._cached_frozen_trial.user_attrs.update(attrs)  # which `Trial.user_attrs` reads


def write_user_attrs(storage: BaseStorage, trial_id: int, attrs: Mapping[str, Any]) -> None:
    """As `set_user_attrs`, by the trial's ID."""
    if hasattr(storage, "set_trial_user_attrs"):  # ours
        storage.set_trial_user_attrs(trial_id, attrs)
        return
    inner = getattr(storage, "_backend", storage)  # below Optuna's cache
    if not isinstance(inner, RDBStorage):
        for name, value in attrs.items():
            storage.set_trial_user_attr(trial_id, name, value)
        return
    with _create_scoped_session(inner.scoped_session, True) as session:
        for name, value in attrs.items():
            inner._set_trial_attr_without_commit(
                session, TrialUserAttributeModel, trial_id, name, value
            )


def read_trials(
    storage: BaseStorage, study_id: int, trial_ids: set[int], *, after: int
) -> list[FrozenTrial]:
    """Read trials of a study, past Optuna's cache: at least these, and those with later IDs."""
    inner = getattr(storage, "_backend", storage)
    if not isinstance(inner, RDBStorage):
        return storage.get_all_trials(study_id, deepcopy=False)
    return inner._get_trials(study_id, None, trial_ids, after)


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


class _DraftStudy(Study):
    """A study whose storage keeps one trial to itself.

    Args:
        study: The study.
        draft: The trial.
    """

    def __init__(self, study: Study, draft: FrozenTrial) -> None:
        vars(self).update(vars(study))
        self._storage = cast(BaseStorage, _DraftStorage(study._storage, draft))


class _DraftStorage:
    def __init__(self, storage: BaseStorage, draft: FrozenTrial) -> None:
        self._storage, self._draft = storage, draft

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self._draft if trial_id == DRAFT else self._storage.get_trial(trial_id)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        trials = self._storage.get_all_trials(study_id, deepcopy=deepcopy, states=states)
        if states is not None and TrialState.RUNNING not in states:
            return trials
        return [*trials, copy.deepcopy(self._draft) if deepcopy else self._draft]

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
        return self.get_trial(trial_id).system_attrs

    def set_trial_param(self, trial_id: int, *_param: object) -> None:
        assert trial_id == DRAFT  # `Trial` itself notes it in what `get_trial` returned

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        assert trial_id == DRAFT
        self._draft.user_attrs[key] = value

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        assert trial_id == DRAFT
        self._draft.system_attrs[key] = value


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
