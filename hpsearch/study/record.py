"""What is stored with a study, so that it can continue without its study file."""

from __future__ import annotations

import importlib.metadata
import platform
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import optuna
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpsearch.codec import Schema
from hpsearch.curves.store import network_of
from hpsearch.errors import StudyChanged, StudyNotFound, UsageError
from hpsearch.goal import Direction, Goal, objectives_of
from hpsearch.processes.backend import keras_backend, keras_settings
from hpsearch.study.space import differences
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Attr
from hpsearch.study_file import StudyFile, run_study_file
from hpsearch.task import Params, ParamValue

ATTR = "hpsearch"
NETWORK = "± the network: build, or what it logs"


@dataclass(frozen=True)
class Point:
    """A network to train, and with which seed."""

    params: Params
    """Complete: `epochs` and `batch_size` included."""
    seed: int
    label: str = ""
    """What a table calls it, unless it is the baseline or a level of a factor."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """The stored description of a study."""

    study_file: str
    """The text, as of the last `run`."""
    filename: str
    title: str
    metric: str
    direction: Direction
    space: dict[str, str]
    """Optuna's JSON of each hyperparameter's distribution."""
    data: str
    """The data's fingerprint."""
    seed: int
    sampler: str
    pruner: str
    versions: dict[str, str]
    first_rung: int = 1
    """Epochs after which `halving` first compares trials."""
    replicates: str = "none"
    """Whether the leaders are trained with more seeds."""
    folds: int | None = None
    """Over which a trial's value is a mean; None for a validation split."""
    repeats: int = 1
    """How many seeds a trial's value is a mean over."""
    costs: list[str] = field(default_factory=list)
    """Objectives besides the metric, of `COSTS`."""
    points: list[Point] = field(default_factory=list)
    """What a sweep trains, in this order; a search has none."""
    splits: dict[str, int] = field(default_factory=dict)
    """Examples in each split."""
    unit: str = ""
    """Of the numbers that the network predicts."""
    machine: str = ""
    """Where the study began: processor, cores and system."""

    @property
    def is_ours(self) -> bool:
        """Whether hpsearch made the study; else there is no study file, data or seed."""
        return bool(self.study_file)

    @property
    def goal(self) -> Goal:
        """Metric and direction."""
        return Goal(self.metric, self.direction, self.unit)

    @property
    def objectives(self) -> tuple[Goal, ...]:
        """The goal, then to keep each cost low."""
        return objectives_of(self.goal, self.costs)

    def load(self) -> StudyFile:
        """The study file as it was at the last `run`."""
        return run_study_file(self.study_file, self.filename)


SCHEMA = Schema("hpsearch.study", 1, Record)


def versions() -> dict[str, str]:
    """Versions and Keras settings that affect a trial's value.

    Raises:
        UsageError: Keras's backend is not installed.
    """
    backend = keras_backend()
    names = ["hpsearch", "keras", backend, "numpy", "optuna"]
    return {
        "python": platform.python_version(),
        "backend": backend,
        **{name: importlib.metadata.version(name) for name in names},
        **keras_settings(),
    }


def make_record(
    study_file: StudyFile,
    space: dict[str, str],
    *,
    data: str,
    seed: int,
    sampler: str,
    pruner: str,
    first_rung: int = 1,
    replicates: str = "none",
    repeats: int = 1,
    costs: Sequence[str] = (),
    points: Sequence[Point] = (),
    splits: Mapping[str, int] | None = None,
) -> Record:
    """Describe a study that is about to begin."""
    from joblib import cpu_count  # slow to import, and reading verbs import this module

    task = study_file.task
    return Record(
        study_file=study_file.text,
        filename=str(Path(study_file.filename).resolve()),
        title=study_file.title(),
        metric=task.metric,
        direction=task.direction,
        space=space,
        data=data,
        seed=seed,
        sampler=sampler,
        pruner=pruner,
        versions=versions(),
        first_rung=first_rung,
        replicates=replicates,
        folds=task.folds,
        repeats=repeats,
        costs=list(costs),
        points=list(points),
        splits=dict(splits or {}),
        unit=task.unit,
        machine=f"{platform.machine()}, {cpu_count()} cores, {platform.system()}",
    )


def load_study(storage: Storage, name: str) -> tuple[Study, Record]:
    """A study and its record.

    Raises:
        StudyNotFound: No study has that name, or hpsearch did not create it.
    """
    study = _require_study(storage, name)
    record = read_record(study)
    if record is None:
        raise StudyNotFound(
            f"study {name!r} in {storage} was not made by hpsearch, so this cannot be done with "
            "it: show, best, plot, report and dashboard can read it"
        )
    return study, record


def load_any_study(storage: Storage, name: str) -> tuple[Study, Record]:
    """A study to read, and its record; one that Optuna made without hpsearch too.

    Raises:
        StudyNotFound: No study has that name.
        UsageError: hpsearch did not make it, and cannot show its objectives.
    """
    study = _require_study(storage, name)
    return study, read_record(study) or record_of_others(study)


def record_of_others(study: Study) -> Record:
    """What can be said of a study that Optuna made without hpsearch.

    Raises:
        UsageError: It maximizes more than its first objective.
    """
    directions = [direction.name.lower() for direction in study.directions]
    n = len(directions)
    metric, *costs = study.metric_names or ["value", *(f"value_{i}" for i in range(1, n))]
    if "maximize" in directions[1:]:
        raise UsageError(
            f"study {study.study_name!r} maximizes {costs[directions.index('maximize', 1) - 1]!r} "
            "besides its first objective: hpsearch shows studies that keep all others low"
        )
    return Record(
        study_file="",
        filename="",
        title="made with Optuna, without hpsearch",
        metric=metric,
        direction="maximize" if directions[0] == "maximize" else "minimize",
        space={},
        data="",
        seed=0,
        sampler="",
        pruner="",
        versions={},
        costs=costs,
    )


def _require_study(storage: Storage, name: str) -> Study:
    study = _optuna_study(storage.optuna, name)
    if study is None:
        names = optuna.get_all_study_names(storage.optuna)
        there = ", ".join(repr(other) for other in names) or "none"
        raise StudyNotFound(f"no study {name!r} in {storage}; studies there: {there}")
    return study


def find_record(storage: Storage, name: str) -> Record | None:
    """The record of a named study; None if hpsearch has no such study."""
    study = _optuna_study(storage.optuna, name)
    return None if study is None else read_record(study)


def read_record(study: Study) -> Record | None:
    """What hpsearch stored with a study, or None if it stored nothing.

    Raises:
        StorageError: A newer hpsearch wrote it, or it is damaged.
    """
    content = study.user_attrs.get(ATTR)
    return None if content is None else SCHEMA.decode(content, f"study {study.study_name!r}")


def create_or_continue(
    storage: Storage,
    name: str,
    record: Record,
    first: Mapping[str, ParamValue],
    *,
    is_baseline: bool = True,
) -> tuple[Study, Record, bool]:
    """Create a study, a search with its first trial queued, or continue an existing one.

    An existing study adopts the current study file if trials stay comparable. Its network
    may change until a trial has completed an epoch; the first trial, which the old network
    could not train, is then tried again.

    Args:
        storage: Where studies are kept.
        name: The study's name.
        record: The study's description if it began now.
        first: The params of a search's first trial.
        is_baseline: Whether they are the baseline's.

    Returns:
        The study, its stored record, and whether it existed before.

    Raises:
        StudyChanged: It has another space, network, baseline, objective, direction, data or seed.
        StudyNotFound: It holds trials that hpsearch did not create.
    """
    study = _optuna_study(storage.optuna, name)
    stored = None if study is None else read_record(study)
    if study is not None and stored is not None:
        has_other_network = _require_comparable(name, study, stored, record)
        now = replace(
            stored,
            study_file=record.study_file,
            filename=record.filename,
            title=record.title,
            unit=record.unit,
            points=stored.points + [point for point in record.points if point not in stored.points],
        )
        if now != stored:
            stored = now
            # keep fields that a newer hpsearch added
            study.set_user_attr(ATTR, {**study.user_attrs[ATTR], **SCHEMA.encode(stored)})
        is_search = not stored.points
        if is_search and (has_other_network or not study.get_trials(deepcopy=False)):
            _enqueue_first(study, first, is_baseline=is_baseline)
        return study, stored, True
    if study is not None and not all(map(_is_first, study.get_trials(deepcopy=False))):
        raise StudyNotFound(
            f"study {name!r} in {storage} was not made by hpsearch: choose another with --study"
        )
    study = optuna.create_study(
        study_name=name,
        storage=storage.optuna,
        directions=[goal.direction for goal in record.objectives],
        load_if_exists=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names([goal.metric for goal in record.objectives])
    study.set_user_attr(ATTR, SCHEMA.encode(record))
    if not record.points:
        _enqueue_first(study, first, is_baseline=is_baseline)
    return study, record, False


def _require_comparable(name: str, study: Study, stored: Record, now: Record) -> bool:
    """Refuse changes that make trials incomparable.

    Returns:
        Whether the network changed, which is allowed until a trial has completed an epoch.

    Raises:
        StudyChanged: Old and new trials cannot be compared.
    """
    if bool(stored.points) != bool(now.points):
        kinds = ("a sweep", "a search") if stored.points else ("a search", "a sweep")
        raise StudyChanged(
            f"study {name!r} is {kinds[0]}, not {kinds[1]}: choose another name with --study"
        )
    if stored.costs != now.costs:
        raise StudyChanged(
            f"study {name!r} has --objective {_objective(stored)}, not {_objective(now)}: choose "
            "another name with --study"
        )
    diff = _changes(stored, now)
    has_other_network = diff == [NETWORK] and not _has_logs(study)
    if diff and not has_other_network:
        raise StudyChanged(
            f"study {name!r} has different settings now:\n  "
            + "\n  ".join(diff)
            + f"\nContinue unchanged: hpsearch resume {name}. Start a new study: --study NEW-NAME, "
            'or study="NEW-NAME" in Python.'
        )
    return has_other_network


def _objective(record: Record) -> str:
    return ",".join(goal.metric for goal in record.objectives)


def _enqueue_first(study: Study, first: Mapping[str, ParamValue], *, is_baseline: bool) -> None:
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    if not any(map(_is_first, waiting)):
        attrs = {Attr.BASELINE: True} if is_baseline else {}
        study.enqueue_trial(dict(first), user_attrs=attrs)


def _is_first(trial: FrozenTrial) -> bool:
    """Whether a trial was enqueued as the first one, perhaps by a launcher that then died."""
    return Attr.BASELINE in trial.user_attrs


def _optuna_study(storage: BaseStorage, name: str) -> Study | None:
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except (KeyError, UnicodeEncodeError):  # SQLite names must be UTF-8
        return None


def _changes(stored: Record, now: Record) -> list[str]:
    """Changes that make old and new trials incomparable, as lines of a diff."""
    diff = differences(stored.space, now.space)
    for name in ("metric", "direction", "data", "seed", "folds", "repeats"):
        before, after = getattr(stored, name), getattr(now, name)
        if before != after:
            diff += [f"- {name}: {str(before)[:40]}", f"+ {name}: {str(after)[:40]}"]
    if stored.study_file != now.study_file:
        then_file, now_file = stored.load(), now.load()
        if then_file.task.baseline != now_file.task.baseline:
            diff.append("± the baseline")
        if network_of(then_file) != network_of(now_file):
            diff.append(NETWORK)
    return diff


def _has_logs(study: Study) -> bool:
    """Whether any trial has figures to compare with."""
    trials = study.get_trials(deepcopy=False)
    return any(trial.value is not None or trial.intermediate_values for trial in trials)
