"""Any picture of a stored study: what it needs is read, then it is drawn."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median

import numpy as np
from matplotlib.figure import Figure

from hpsearch.curves.onset import Onset, find_onset
from hpsearch.errors import NothingFinished, UsageError
from hpsearch.lab.table import LevelRow
from hpsearch.pictures import answers, curves, factors, params, trials
from hpsearch.pictures.kinds import ABOUT, Needs, PictureKind
from hpsearch.pictures.subject import TEST, Subject, is_finite, length_of
from hpsearch.study.examples import example_of_task
from hpsearch.study.optuna_internals import with_trials
from hpsearch.study.trials import Outcome, TrialRow
from hpsearch.task import without_epochs

N_MISTAKES = 16  # images
N_MISTAKEN_TEXTS = 8


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What of a study to draw."""

    trial: int | None = None
    """For curves: this trial; None for the best, or for all levels of a sweep."""
    factor: str | None = None
    """Of a sweep; None for all."""


def draw(kind: PictureKind, subject: Subject, choice: Choice = Choice()) -> Figure:
    """Draw a picture of a study.

    Args:
        kind: Which picture.
        subject: The study.
        choice: What of it.

    Raises:
        UsageError: The study is not of the kind that the picture needs, or lacks the chosen
            trial or factor.
        NothingFinished: It has not come far enough.
        HpsearchError: Of other kinds, if the winner's network or its data cannot be used.
    """
    _require(kind, subject, choice)
    return DRAWN[kind](subject, choice)


def _require(kind: PictureKind, subject: Subject, choice: Choice) -> None:
    needs, name = ABOUT[kind].needs, subject.name
    if not subject.record.is_ours and kind not in OF_ANY_STUDY:
        raise UsageError(
            f"{kind} needs what hpsearch records while it trains, and {name!r} was made without "
            f"it: try {', '.join(OF_ANY_STUDY)}"
        )
    if needs is Needs.SEARCH and subject.is_sweep:
        raise UsageError(f"{kind} is a picture of a search, and {name!r} is a sweep: try factors")
    if needs is Needs.SWEEP and not subject.is_sweep:
        raise UsageError(f"{kind} is a picture of a sweep, and {name!r} is a search: try slices")
    if choice.trial is not None and kind not in OF_TRIALS:
        raise UsageError(f"--trial is for {' and '.join(OF_TRIALS)}, not for {kind}")
    if choice.factor is not None and (kind not in OF_FACTORS or not subject.is_sweep):
        raise UsageError(f"--factor is for {', '.join(OF_FACTORS)} of a sweep")
    if choice.factor is not None and choice.trial is not None:
        raise UsageError("--trial and --factor exclude each other")


def _curves(subject: Subject, choice: Choice) -> Figure:
    if subject.is_sweep and choice.trial is None:
        return _level_curves(subject, choice, subject.goal.metric)
    row = _chosen(subject, choice)
    return curves.draw_curves(_curves_of(subject, row), subject.goal)


def _baseline(subject: Subject, choice: Choice) -> Figure:
    if subject.is_sweep:
        found = [_curves_of_level(subject, subject.table.baseline)]
    else:
        found = [_curves_of(subject, row) for row in subject.summary.rows if row.is_baseline]
    own = next((one for one in found if one.n_epochs), None)
    if own is None:
        raise NothingFinished(
            f"the baseline of study {subject.name!r} has completed no epoch: hpsearch resume "
            f"{subject.name}"
        )
    published = subject.published
    title = "Baseline" if not published else "Baseline and published"
    return curves.draw_curves(own, subject.goal, title=title, published=published)


def _gradient(subject: Subject, choice: Choice) -> Figure:
    name = curves.GRADIENT
    if subject.is_sweep and choice.trial is None:
        levels = [level for one in subject.factors(choice.factor) for level in one.rows]
        _require_logged([_curves_of_level(subject, level) for level in levels], subject)
        return _level_curves(subject, choice, name)
    own = _curves_of(subject, _chosen(subject, choice))
    _require_logged([own], subject)
    return curves.draw_gradient(own, title=own.label)


def _require_logged(found: Sequence[curves.Curves], subject: Subject) -> None:
    if not any(one.values(curves.GRADIENT)[0] for one in found):
        raise UsageError(
            f"study {subject.name!r} logs no gradient norm: set gradient_norm=True in its task, "
            "and start a new study"
        )


def _chosen(subject: Subject, choice: Choice) -> TrialRow:
    """The trial to draw: the one that was asked for, else the best, else the furthest."""
    if choice.trial is not None:
        row = subject.summary.trial(choice.trial)
        if not subject.logs(row):
            raise NothingFinished(
                f"trial {row.number} of study {subject.name!r} has completed no epoch to draw"
            )
        return row
    for row in subject.summary.ranked():
        if subject.logs(row):
            return row
    raise NothingFinished(
        f"no trial of study {subject.name!r} has completed an epoch: hpsearch resume {subject.name}"
    )


def _curves_of(subject: Subject, row: TrialRow) -> curves.Curves:
    logs = subject.logs(row)
    values = {i: one.get(subject.goal.metric, math.nan) for i, one in enumerate(logs, 1)}
    finite = {epoch: value for epoch, value in values.items() if math.isfinite(value)}
    return curves.Curves(
        label=f"Trial {row.number}",
        seeds=[logs],
        best_epoch=min(finite, key=lambda epoch: subject.goal.key(finite[epoch]), default=None),
        onset=find_onset(dict(enumerate(logs, 1))),
    )


def _curves_of_level(subject: Subject, level: LevelRow) -> curves.Curves:
    rows = [subject.summary.trial(training.trial) for training in level.trainings]
    seeds = [subject.logs(row)[: row.epochs_done] for row in rows]
    lowest = [one.onset.lowest for one in level.trainings if one.onset and one.onset.lowest]
    onset = None
    if level.fit is not None:
        onset = Onset(
            fit=level.fit,
            n_epochs=max(map(len, seeds), default=0),
            lowest=round(median(lowest)) if lowest else None,
            epoch=level.onset,
        )
    return curves.Curves(label=level.label, seeds=seeds, best_epoch=level.best_epoch, onset=onset)


def _level_curves(subject: Subject, choice: Choice, log: str) -> Figure:
    logs = [log]
    if choice.factor is not None and log.startswith("val_") and log != "val_loss":
        logs = ["val_loss", log]
    panels = []
    for factor in subject.factors(choice.factor):
        levels = [_curves_of_level(subject, level) for level in _longest(factor.rows)]
        panels += [
            curves.LevelPanel(title=factor.name, log=one, levels=levels) for one in logs if levels
        ]
    if not panels:
        raise NothingFinished(f"no level of sweep {subject.name!r} is trained yet")
    return curves.draw_level_curves(panels, title=_about_levels(panels))


def _about_levels(panels: Sequence[curves.LevelPanel]) -> str:
    """How many levels overfit, in words."""
    levels = {id(one): one for panel in panels for one in panel.levels}.values()
    n_overfit = sum(curves.overfits(one) for one in levels)
    return f"{n_overfit} of {len(levels)} levels overfit{'s' if n_overfit == 1 else ''}"


def _longest(rows: Sequence[LevelRow]) -> list[LevelRow]:
    """Trained levels; of those that differ in epochs only, the longest, as they share a curve."""
    found: dict[str, LevelRow] = {}
    for row in rows:
        if row.trainings:
            key = repr(sorted(without_epochs(row.params).items()))
            epochs = [int(one.params["epochs"] or 0) for one in (row, found.get(key, row))]
            if key not in found or epochs[0] > epochs[1]:
                found[key] = row
    return list(found.values())


def _history(subject: Subject, choice: Choice) -> Figure:
    rows = subject.summary.rows
    if not any(is_finite(row.value) for row in rows):
        raise NothingFinished(
            f"no trial of study {subject.name!r} has a value to draw{subject.cure}"
        )
    return trials.draw_history(rows, subject.goal)


def _importances(subject: Subject, choice: Choice) -> Figure:
    found = importances(subject)
    return params.draw_importances(found, len(subject.finished))


def importances(subject: Subject) -> dict[str, float]:
    """Optuna's importance of each hyperparameter, as shares.

    Each configuration counts once, by its mean: seeds of a leader would make its params look
    decisive.

    Raises:
        NothingFinished: Fewer than two configurations have finished.
        UsageError: No hyperparameter takes more than one value.
    """
    from optuna.importance import get_param_importances  # slow

    if len(subject.finished) < 2:
        raise NothingFinished(
            f"study {subject.name!r} has one finished configuration: importances compare several"
        )
    values = {row.number: subject.goal.key(row.value or 0.0) for row in subject.finished}
    stored = subject.study.get_trials(deepcopy=False)
    firsts = with_trials(subject.study, [stored[number] for number in values])
    with warnings.catch_warnings():  # that low is good, as it is here
        warnings.simplefilter("ignore", UserWarning)
        found = get_param_importances(firsts, target=lambda trial: values[trial.number])
    if not found:
        raise UsageError(f"study {subject.name!r} varies no hyperparameter")
    return found


def warning_of(kind: PictureKind, subject: Subject) -> str:
    """Why a picture should not be trusted, in a sentence; empty if it may be."""
    if kind is not PictureKind.IMPORTANCES:
        return ""
    names = {name for row in subject.finished for name in row.params}
    return params.too_few(len(subject.finished), len(names))


def _parallel(subject: Subject, choice: Choice) -> Figure:
    return params.draw_parallel(subject.finished, subject.goal)


def _slices(subject: Subject, choice: Choice) -> Figure:
    return params.draw_slices(subject.finished, subject.goal)


def _time(subject: Subject, choice: Choice) -> Figure:
    points = _points_of_levels(subject) if subject.is_sweep else _points_of_trials(subject)
    return trials.draw_time(points, subject.goal)


def _points_of_trials(subject: Subject) -> list[trials.Point]:
    points = []
    for row in subject.finished:
        assert row.value is not None
        seconds = sum(one.get("seconds", 0.0) for one in subject.logs(row)[: length_of(row)])
        points.append(
            trials.Point(
                name=f"trial {row.number}",
                value=row.value,
                seconds=seconds or row.seconds,
                is_baseline=row.is_baseline,
            )
        )
    return points


def _points_of_levels(subject: Subject) -> list[trials.Point]:
    """Means over seeds; the baseline, which is a level of many factors, once."""
    levels = [("baseline", subject.table.baseline)]
    levels += [
        (f"{factor.name} {level.label}", level)
        for factor in subject.factors(None)
        for level in factor.rows
        if not level.is_baseline
    ]
    return [
        trials.Point(
            name=name,
            value=fmean(level.values),
            seconds=level.total_s,
            is_baseline=level.is_baseline,
        )
        for name, level in levels
        if level.total_s is not None
    ]


def _timeline(subject: Subject, choice: Choice) -> Figure:
    now = datetime.now()  # as Optuna's times, without a zone
    spans = [
        trials.Span(
            number=row.number,
            outcome=row.outcome,
            started=row.started,
            ended=max(row.started, row.ended or now),
            slot=row.slot,
        )
        for row in subject.summary.rows
        if row.started is not None and row.outcome not in {Outcome.READ_OFF, Outcome.WAITING}
    ]
    if not spans:
        raise NothingFinished(f"no trial of study {subject.name!r} has run yet")
    return trials.draw_timeline(spans)


def _factors(subject: Subject, choice: Choice) -> Figure:
    return factors.draw_factors(subject.table, subject.factors(choice.factor))


def _confusion(subject: Subject, choice: Choice) -> Figure:
    judged = subject.judged
    confusion = answers.Confusion.of(judged.labels, judged.answers, judged.classes)
    return answers.draw_confusion(confusion, split=TEST)


def _mistakes(subject: Subject, choice: Choice) -> Figure:
    judged = subject.judged
    if isinstance(judged.split.x, dict | tuple):
        raise UsageError(
            f"study {subject.name!r} has several inputs: this picture is of a network with one"
        )
    sure = judged.probabilities[np.arange(len(judged.answers)), judged.answers]
    wrong = np.flatnonzero(judged.answers != judged.labels)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
    found = []
    for place in wrong[:N_MISTAKES].tolist():
        example = example_of_task(judged.task, judged.split, judged.vocabulary, place)
        found.append(
            answers.Mistake(
                number=place,
                label=judged.classes[judged.labels[place]],
                answer=judged.classes[judged.answers[place]],
                probability=float(sure[place]),
                x=example.x,
                text=example.text,
            )
        )
    if not all(one.image is not None for one in found):
        found = found[:N_MISTAKEN_TEXTS]
    return answers.draw_mistakes(found, len(wrong), split=TEST)


def _predictions(subject: Subject, choice: Choice) -> Figure:
    true, predicted = subject.numbers
    return answers.draw_predictions(true, predicted, unit=subject.record.unit, split=TEST)


DRAWN: Mapping[PictureKind, Callable[[Subject, Choice], Figure]] = {
    PictureKind.CURVES: _curves,
    PictureKind.BASELINE: _baseline,
    PictureKind.GRADIENT: _gradient,
    PictureKind.HISTORY: _history,
    PictureKind.IMPORTANCES: _importances,
    PictureKind.PARALLEL: _parallel,
    PictureKind.SLICES: _slices,
    PictureKind.TIME: _time,
    PictureKind.TIMELINE: _timeline,
    PictureKind.FACTORS: _factors,
    PictureKind.CONFUSION: _confusion,
    PictureKind.MISTAKES: _mistakes,
    PictureKind.PREDICTIONS: _predictions,
}
OF_ANY_STUDY = (
    PictureKind.HISTORY,
    PictureKind.IMPORTANCES,
    PictureKind.PARALLEL,
    PictureKind.SLICES,
    PictureKind.TIME,
    PictureKind.TIMELINE,
)
"""Kinds that need no more than Optuna stores."""
OF_TRIALS = (PictureKind.CURVES, PictureKind.GRADIENT)
OF_FACTORS = (*OF_TRIALS, PictureKind.FACTORS)
