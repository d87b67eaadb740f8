"""Evaluating a study: candidates, fresh seeds, what is recorded when test is opened.

Only figures are stored. Means, intervals and verdicts follow from them wherever they are
shown, so a record and what is printed cannot disagree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from optuna.study import Study
from optuna.trial import FixedTrial, TrialState

from hpsearch.engine.intervals import Interval, difference, interval
from hpsearch.engine.record import is_better
from hpsearch.engine.storage import Storage, patiently
from hpsearch.errors import NothingFinished, StudyFileError
from hpsearch.study_file import StudyFile, describe
from hpsearch.task import Logs, Params, Task, without_epochs

ATTR = "hpsearch_openings"
SCHEMA = "hpsearch.opening/1"
BASELINE = "baseline"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A network that is evaluated."""

    name: str
    """`trial 7`, or `baseline`."""
    number: int | None
    """The trial's; None of a baseline that no finished trial had."""
    params: Params
    """Complete: `epochs` and `batch_size` included."""
    is_baseline: bool
    searched: float | None
    """Its value in the search, which chose it for being high or low."""
    valid: list[float] = field(default_factory=list)
    """The metric after the last epoch, per fresh seed."""
    test: list[Logs] = field(default_factory=list)
    """Keras's logs on the test split, per fresh seed; of winner and baseline only."""


@dataclass(frozen=True, kw_only=True)
class Opening:
    """An opening of the test split, and what it was opened for."""

    opened: str
    """When, in ISO 8601, UTC."""
    n_top: int
    """Trials that were asked for as candidates."""
    seeds: list[int]
    metric: str
    direction: str
    candidates: list[Candidate]
    """Best first, by the mean of the metric over seeds."""
    n_valid: int
    n_test: int
    """Examples in the splits."""
    versions: dict[str, str]
    model: str
    """The folder of the winner's model and curve of the first seed, in the storage's."""
    model_sha256: str
    diverged: list[str] = field(default_factory=list)
    """Trials that were candidates until a fresh seed ended in NaN."""
    schema: str = SCHEMA

    @property
    def winner(self) -> Candidate:
        """The best by the mean of the metric over seeds."""
        return self.candidates[0]

    @property
    def baseline(self) -> Candidate:
        """The task's own params; it may be the winner."""
        return next(candidate for candidate in self.candidates if candidate.is_baseline)

    @property
    def finalists(self) -> list[Candidate]:
        """Who is measured on test: the winner, and the baseline if it is another."""
        return [self.winner] if self.winner.is_baseline else [self.winner, self.baseline]

    @property
    def runner_up(self) -> Candidate:
        """The second best."""
        return self.candidates[1]

    @property
    def test_metric(self) -> str:
        """What Keras calls the metric on the test split."""
        return self.metric.removeprefix("val_")

    @property
    def is_share(self) -> bool:
        """Whether the metric is a share of examples, as an accuracy is."""
        values = [value for one in self.candidates for value in one.valid]
        values += [value for one in self.finalists for value in self.test_values(one)]
        named = {"acc", "accuracy"} & set(self.metric.split("_"))
        return bool(named) and all(0 <= value <= 1 for value in values)

    def test_values(self, candidate: Candidate) -> list[float]:
        """The metric on the test split, per seed."""
        return [logs[self.test_metric] for logs in candidate.test]

    def also_on_test(self, candidate: Candidate) -> dict[str, float]:
        """All other logs on the test split, by name: means over seeds."""
        names = (name for name in candidate.test[0] if name != self.test_metric)
        return {name: fmean(logs[name] for logs in candidate.test) for name in names}

    def valid_interval(self, candidate: Candidate) -> Interval | None:
        """Of the mean over seeds on validation."""
        return interval(candidate.valid, self.n_valid if self.is_share else None)

    def test_interval(self, candidate: Candidate) -> Interval | None:
        """Of the mean over seeds on test."""
        return interval(self.test_values(candidate), self.n_test if self.is_share else None)

    def valid_verdict(self, other: Candidate) -> Verdict:
        """The winner against another candidate, on validation."""
        n = self.n_valid if self.is_share else None
        return judge(self.winner.valid, other.valid, n, self.direction)

    def test_verdict(self) -> Verdict:
        """The winner against the baseline, on test."""
        n = self.n_test if self.is_share else None
        ours, theirs = self.test_values(self.winner), self.test_values(self.baseline)
        return judge(ours, theirs, n, self.direction)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What can be said of one network against another."""

    difference: float
    interval: Interval | None
    is_better: bool
    """By the means."""

    @property
    def is_told_apart(self) -> bool:
        """Whether the interval of the difference excludes zero."""
        return self.interval is not None and not self.interval.holds(0.0)


def judge(
    values: Sequence[float], others: Sequence[float], n_examples: int | None, direction: str
) -> Verdict:
    """Compare figures per seed of two networks.

    Args:
        values: Of the one.
        others: Of the other.
        n_examples: Where they are shares of that many examples; else None.
        direction: `maximize` or `minimize`.
    """
    return Verdict(
        difference=fmean(values) - fmean(others),
        interval=difference(values, others, n_examples),
        is_better=is_better(direction, fmean(values), fmean(others)),
    )


def fresh_seeds(seed: int, n: int) -> list[int]:
    """Seeds that follow from a study's and differ from it and from each other.

    More of them begin with the same ones, so that what was trained is found again.
    """
    drawn = np.random.SeedSequence(seed).generate_state(n + 100).tolist()
    return [other for other in dict.fromkeys(drawn) if other != seed][:n]


def choose_candidates(study: Study, study_file: StudyFile, n_top: int) -> list[Candidate]:
    """The best finished trials, and the baseline.

    Of trials that differ in epochs alone the best is taken: they are one curve, and the same
    network a second time would tell nothing new.

    Raises:
        NothingFinished: No trial has finished.
        StudyFileError: The baseline is not a point of the search space.
    """
    task = study_file.task
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not finished:
        raise NothingFinished(
            f"study {study.study_name!r} has no finished trial: go on with "
            f"hpsearch resume {study.study_name}"
        )
    sign = -1 if task.direction == "maximize" else 1
    finished.sort(key=lambda trial: (sign * trial.values[0], trial.number))
    baseline = baseline_of(study_file)
    candidates: list[Candidate] = []
    known: list[Params] = []
    for trial in finished:
        params = task.complete(trial.params)
        is_baseline = params == baseline
        # the baseline is compared at its own length, also if a shorter one was better
        identity = params if is_baseline else without_epochs(params)
        if identity not in known:
            known.append(identity)
            candidates.append(
                Candidate(
                    name=f"trial {trial.number}",
                    number=trial.number,
                    params=params,
                    is_baseline=is_baseline,
                    searched=trial.values[0],
                )
            )
    top = candidates[:n_top]
    if any(candidate.is_baseline for candidate in top):
        return top
    below = next((candidate for candidate in candidates if candidate.is_baseline), None)
    return [
        *top,
        Candidate(
            name=BASELINE,
            number=below.number if below else None,
            params=baseline,
            is_baseline=True,
            searched=below.searched if below else None,
        ),
    ]


def ranked(candidates: Sequence[Candidate], task: Task) -> list[Candidate]:
    """Best first, by the mean of the metric over seeds."""
    sign = -1 if task.direction == "maximize" else 1
    return sorted(candidates, key=lambda candidate: sign * fmean(candidate.valid))


def read_openings(study: Study) -> list[Opening]:
    """The recorded openings of the test split, oldest first."""
    return [_opening(content) for content in study.user_attrs.get(ATTR, [])]


def record_opening(study: Study, opening: Opening) -> None:
    """Add an opening to the study; the caller holds the study's lock."""
    stored = study.user_attrs.get(ATTR, [])
    patiently(lambda: study.set_user_attr(ATTR, [*stored, asdict(opening)]))


def model_folder(storage: Storage, opening: Opening) -> Path:
    """Where the winner's model and curve of an opening are kept."""
    return storage.folder / "models" / opening.model


def sha256_of(path: Path) -> str:
    """Of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opening(content: dict[str, Any]) -> Opening:
    candidates = [Candidate(**candidate) for candidate in content["candidates"]]
    return Opening(**{**content, "candidates": candidates})


def baseline_of(study_file: StudyFile) -> Params:
    """The baseline as a trial would have it: what `space` suggests, no more.

    Raises:
        StudyFileError: The baseline is not a point of the search space.
    """
    task = study_file.task
    trial = FixedTrial(dict(task.baseline))
    try:
        task.space(trial)  # type: ignore[arg-type]  # suggests as a Trial does
    except Exception as error:
        raise StudyFileError(
            f"{study_file.filename}: the baseline is not a point of the search space: "
            f"{describe(error)}"
        ) from error
    return task.complete(trial.params)
