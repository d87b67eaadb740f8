"""Copy studies between storages, with the files that belong to them.

Files come first, then the study, and last its record: a copy that was cut off is no study of
hpsearch's, and the next one begins it anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import optuna
from optuna.artifacts._upload import ARTIFACTS_ATTR_PREFIX
from optuna.study import Study

from hpsearch.curves.store import CurveStore
from hpsearch.errors import Conflict, DataError
from hpsearch.evaluation.opening import read_openings
from hpsearch.files import atomic_file, atomic_folder, within
from hpsearch.study.lock import study_lock
from hpsearch.study.optuna_internals import study_id, system_attrs
from hpsearch.study.record import ATTR, load_study
from hpsearch.study.storage import Storage
from hpsearch.study.trials import curves_of

UNFINISHED = "hpsearch_copying"


def copy_study(source: Storage, target: Storage, name: str) -> int | None:
    """Copy a study with its curves, models and artifacts.

    What an earlier copy left unfinished is begun anew, and what it finished is left alone.

    Args:
        source: Is only read.
        target: Another storage.
        name: The study.

    Returns:
        How many trials were copied; None if the study was there already, as it is.

    Raises:
        StudyNotFound: The source has no such study of hpsearch's.
        StudyBusy: A launcher is running it.
        Conflict: The target has another study of that name.
        DataError: A file cannot be copied.
    """
    with ExitStack() as locks:
        for storage in {storage.locks: storage for storage in (source, target)}.values():
            locks.enter_context(study_lock(storage, name))
        study, _record = load_study(source, name)
        if _is_there(study, target):
            return None
        _copy_files(source, target, study)
        copied = optuna.create_study(
            study_name=name, storage=target.optuna, directions=study.directions
        )
        copied.set_user_attr(UNFINISHED, value=True)
        for key, value in system_attrs(study).items():
            target.optuna.set_study_system_attr(study_id(copied), key, value)
        trials = study.get_trials(deepcopy=False)
        for trial in trials:
            target.optuna.create_new_trial(study_id(copied), template_trial=trial)
        for key in sorted(study.user_attrs, key=lambda key: key == ATTR):  # the record last
            copied.set_user_attr(key, study.user_attrs[key])
    return len(trials)


def _is_there(study: Study, target: Storage) -> bool:
    """Whether the target has the study; what an earlier copy left unfinished is removed.

    Raises:
        Conflict: It has another study of that name.
    """
    name = study.study_name
    if name not in optuna.get_all_study_names(target.optuna):
        return False
    other = optuna.load_study(study_name=name, storage=target.optuna)
    is_empty = not other.user_attrs and not other.get_trials(deepcopy=False)  # just created
    if is_empty or (UNFINISHED in other.user_attrs and ATTR not in other.user_attrs):
        optuna.delete_study(study_name=name, storage=target.optuna)
        return False
    if _content(other) != _content(study):
        raise Conflict(f"{target} has another study {name!r}: nothing was copied over it")
    return True


def _content(study: Study) -> list[object]:
    trials = study.get_trials(deepcopy=False)
    attrs = {key: value for key, value in study.user_attrs.items() if key != UNFINISHED}
    return [attrs, *((one.state, one.values, one.params, one.user_attrs) for one in trials)]


def _copy_files(source: Storage, target: Storage, study: Study) -> None:
    trials = study.get_trials(deepcopy=False)
    curves = {curve for trial in trials for curve in curves_of(trial)}
    models = {opening.model for opening in read_openings(study)}
    attrs: list[dict[str, Any]] = [system_attrs(study), *(one.system_attrs for one in trials)]
    artifacts = {
        key.removeprefix(ARTIFACTS_ATTR_PREFIX)
        for one in attrs
        for key in one
        if key.startswith(ARTIFACTS_ATTR_PREFIX)
    }
    try:
        for name in sorted(curves):
            curve = CurveStore(source.curves).curve(name)
            if curve.folder.exists():  # another study may be training it
                with CurveStore(source.curves).locked(curve, lambda: False):
                    _copy([name], source.curves, target.curves)
        _copy(models, source.models, target.models)
        _copy(artifacts, source.artifacts, target.artifacts)
    except OSError as error:
        raise DataError(
            f"cannot copy the files of study {study.study_name!r} to {target.folder}: "
            f"{error.strerror or error}"
        ) from error


def _copy(names: Iterable[str], source: Path, target: Path) -> None:
    """Copy files or folders that are there, each whole or not at all; those there stay."""
    for name in sorted(names):
        old, new = within(source, name), within(target, name)
        if new.exists() or not old.exists():  # checkpoints may be evicted, curves removed
            continue
        new.parent.mkdir(parents=True, exist_ok=True)
        if old.is_dir():
            with atomic_folder(new) as scratch:
                shutil.copytree(old, scratch, dirs_exist_ok=True)
        else:
            with atomic_file(new) as scratch:
                shutil.copyfile(old, scratch)
