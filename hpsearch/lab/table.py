"""The table of a sweep: what each level of each factor came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

from optuna.study import Study

from hpsearch.curves.curve import Curve, read_mean_logs
from hpsearch.curves.onset import Fit, Onset, find_onset
from hpsearch.errors import NothingFinished, UsageError
from hpsearch.evaluation.candidates import baseline_of
from hpsearch.evaluation.intervals import Interval, difference
from hpsearch.goal import Goal
from hpsearch.study.record import Record
from hpsearch.study.space import explore, params_of
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Outcome, TrialRow, curve_epochs, row
from hpsearch.task import Params, epochs_of


@dataclass(frozen=True, kw_only=True)
class Training:
    """One network trained in full with one seed."""

    trial: int
    value: float
    """The metric after the last epoch."""
    train_value: float | None
    """The same metric on the training examples, if Keras logs it."""
    best_epoch: int
    """The epoch with the best metric."""
    onset: Onset | None
    seconds: list[float]
    """Of each epoch; empty if the curve is not here."""
    n_weights: int | None


@dataclass(frozen=True, kw_only=True)
class LevelRow:
    """A level of a factor, over its seeds."""

    label: str
    sets: Params
    """What it changes of the baseline; empty for the baseline."""
    params: Params
    is_baseline: bool
    trainings: list[Training]
    """The finished ones."""
    others: list[Outcome]
    """How the unfinished ones stand."""

    @property
    def values(self) -> list[float]:
        """The metric, per seed."""
        return [training.value for training in self.trainings]

    @property
    def train_values(self) -> list[float]:
        """The metric on the training examples, per seed."""
        values = (training.train_value for training in self.trainings)
        return [value for value in values if value is not None]

    @property
    def best_epoch(self) -> int | None:
        """The median over seeds."""
        return _median(training.best_epoch for training in self.trainings)

    @property
    def fit(self) -> Fit | None:
        """What most seeds say."""
        fits = Counter(one.onset.fit for one in self.trainings if one.onset is not None)
        return fits.most_common(1)[0][0] if fits else None

    @property
    def onset(self) -> int | None:
        """The epoch from which most seeds overfit, as their median."""
        if self.fit is not Fit.OVERFITS:
            return None
        onsets = (training.onset for training in self.trainings)
        return _median(
            onset.epoch for onset in onsets if onset is not None and onset.fit is Fit.OVERFITS
        )

    @property
    def epoch_s(self) -> float | None:
        """The median epoch."""
        seconds = [one for training in self.trainings for one in training.seconds]
        return median(seconds) if seconds else None

    @property
    def total_s(self) -> float | None:
        """A whole training, as a mean over seeds."""
        totals = [sum(one.seconds) for one in self.trainings if one.seconds]
        return fmean(totals) if totals else None

    @property
    def n_weights(self) -> int | None:
        """The size of the network; None for curves of an older hpsearch."""
        return next((one.n_weights for one in self.trainings if one.n_weights is not None), None)


@dataclass(frozen=True, kw_only=True)
class FactorTable:
    """A factor's levels."""

    name: str
    rows: list[LevelRow]
    best: LevelRow | None
    """The level with the best mean; None before any level is trained."""


@dataclass(frozen=True, kw_only=True)
class SweepTable:
    """All factors of a sweep."""

    study: str
    goal: Goal
    title: str
    baseline: LevelRow
    factors: list[FactorTable]
    combined: list[LevelRow]
    """Combinations of levels, and winners of searches, in the order in which they were added."""
    n_epochs: int
    """Of all its curves, each counted once."""
    n_epochs_apart: int
    """That training each row by itself would have taken."""

    @property
    def n_seeds(self) -> int:
        """Seeds of the baseline that have finished."""
        return len(self.baseline.trainings)

    @property
    def n_without_curve(self) -> int:
        """Trials whose curves are not here."""
        levels = [self.baseline, *(row for one in self.factors for row in one.rows), *self.combined]
        trainings = [training for level in levels for training in level.trainings]
        return len({training.trial for training in trainings if not training.seconds})


def against(level: LevelRow, baseline: LevelRow) -> Interval | None:
    """The interval of a level's mean minus the baseline's.

    Returns:
        None with fewer than two seeds, which say nothing about chance, and for the baseline.
    """
    if level.is_baseline or min(len(level.values), len(baseline.values)) < 2:
        return None
    return difference(level.values, baseline.values, None)


def spread(values: Sequence[float]) -> float | None:
    """The standard deviation over seeds; None for fewer than two."""
    return stdev(values) if len(values) > 1 else None


def read_table(storage: Storage, study: Study, record: Record) -> SweepTable:
    """The table of a sweep, as far as it has come.

    Raises:
        UsageError: The study is a search.
        NothingFinished: No network has been trained yet.
    """
    name = study.study_name
    if not record.points:
        raise UsageError(
            f"study {name!r} is a search, which has no table of levels: hpsearch show {name}, or "
            "hpsearch sweep with its study file"
        )
    study_file = record.load()
    space = explore(study_file)
    trials = [(row(trial), trial.user_attrs) for trial in study.get_trials(deepcopy=False)]
    rows = [trial for trial, _attrs in trials]
    if not any(trial.outcome is Outcome.FINISHED for trial in rows):
        raise NothingFinished(
            f"no network of sweep {name!r} is trained yet: hpsearch resume {name}"
        )
    planned = [point.params for point in record.points]
    baseline_params = baseline_of(study_file)

    def level(label: str, params: Params, sets: Params) -> LevelRow:
        own = [trial for trial in rows if trial.params == params]
        finished = [trial for trial in own if trial.outcome is Outcome.FINISHED]
        return LevelRow(
            label=label,
            sets=sets,
            params=params,
            is_baseline=params == baseline_params,
            trainings=[_training(storage, record.goal, trial) for trial in finished],
            others=[trial.outcome for trial in own if trial.outcome is not Outcome.FINISHED],
        )

    factors = []
    for factor in study_file.task.all_factors():
        all_params = [params_of(study_file, space, factor, one) for one in factor.levels]
        if not any(params in planned and params != baseline_params for params in all_params):
            continue  # not part of this sweep
        levels = [
            level(factor.describe(one), params, one)
            for one, params in zip(factor.levels, all_params, strict=True)
            if params in planned
        ]
        trained = [one for one in levels if one.trainings]
        best = min(trained, key=lambda one: record.goal.key(fmean(one.values)), default=None)
        factors.append(FactorTable(name=factor.name, rows=levels, best=best))
    baseline = level("the baseline", baseline_params, {})
    labelled = {point.label: point.params for point in record.points if point.label}
    combined = [
        level(label, params, _difference(params, baseline_params))
        for label, params in labelled.items()
    ]
    of_all = [baseline, *(one for factor in factors for one in factor.rows), *combined]
    return SweepTable(
        study=name,
        goal=record.goal,
        title=record.title,
        baseline=baseline,
        factors=factors,
        combined=combined,
        n_epochs=curve_epochs(rows),
        n_epochs_apart=(record.folds or 1)
        * sum(len(one.trainings) * epochs_of(one.params) for one in of_all),
    )


def _training(storage: Storage, goal: Goal, trial: TrialRow) -> Training:
    assert trial.value is not None
    curve = Curve(storage.curves / (trial.curve or "none"))
    logs = read_mean_logs(storage.curves, trial.curves)[: trial.epochs_done]
    values = [one[goal.metric] for one in logs if goal.metric in one]
    values = values or [trial.intermediate[epoch] for epoch in sorted(trial.intermediate)]
    best = min(range(len(values)), key=lambda i: goal.key(values[i]), default=None)
    return Training(
        trial=trial.number,
        value=trial.value,
        train_value=_last(logs, goal.metric.removeprefix("val_")),
        best_epoch=trial.epochs_done if best is None else best + 1,
        onset=find_onset(dict(enumerate(logs, 1))) or trial.onset,
        seconds=[one["seconds"] for one in logs if "seconds" in one],
        n_weights=curve.n_weights,
    )


def _difference(params: Params, baseline: Params) -> Params:
    return {name: value for name, value in params.items() if baseline.get(name) != value}


def _last(logs: Sequence[Mapping[str, float]], name: str) -> float | None:
    return logs[-1].get(name) if logs else None


def _median(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return round(median(known)) if known else None
