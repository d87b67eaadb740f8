"""The record of an evaluation: candidates, fresh seeds, and what opening test showed.

Only figures are stored. Means, intervals and verdicts are computed when shown, so record
and output cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

from optuna.study import Study

from hpsearch.codec import Schema
from hpsearch.evaluation.candidates import Candidate
from hpsearch.evaluation.intervals import (
    Interval,
    difference,
    interval,
    newcombe,
    prediction,
)
from hpsearch.files import within
from hpsearch.goal import Direction, Goal, Logs, front_of, objectives_of
from hpsearch.messages import TRAIN_AND_VALID
from hpsearch.study.storage import Storage

ATTR = "hpsearch_openings"


@dataclass(frozen=True, kw_only=True)
class Opening:
    """An opening of the test split, and what it was opened for."""

    opened: str
    """When, in ISO 8601, UTC."""
    n_top: int
    """Trials requested as candidates."""
    seeds: list[int]
    metric: str
    direction: Direction
    candidates: list[Candidate]
    """Best first, by the mean of the metric over seeds."""
    n_valid: int
    n_test: int
    """Examples in the splits."""
    versions: dict[str, str]
    model: str
    """Subfolder of the storage's models: the winner's model and curve, first seed."""
    model_sha256: str
    diverged: list[str] = field(default_factory=list)
    """Trials dropped because a fresh seed diverged."""
    fitted_on: str = TRAIN_AND_VALID
    """What the networks measured on test were trained on."""
    trained_on: str = TRAIN_AND_VALID
    """What the published baseline was trained on, as far as the task says."""
    as_published: list[Logs] = field(default_factory=list)
    """The baseline's logs on test, per fresh seed, trained on what the published one was."""

    costs: list[str] = field(default_factory=list)
    """Objectives besides the metric."""
    unit: str = ""
    """Of the numbers that the networks predict."""

    @property
    def winner(self) -> Candidate:
        """The best by the mean of the metric over seeds."""
        return self.candidates[0]

    @property
    def baseline(self) -> Candidate:
        """The task's own params; it may be the winner."""
        return next(candidate for candidate in self.candidates if candidate.is_baseline)

    @property
    def winners(self) -> list[Candidate]:
        """The winner; with several objectives, all that no other candidate beats in each."""
        if not self.costs:
            return [self.winner]
        objectives = objectives_of(self.goal, self.costs)
        return front_of(self.candidates, lambda one: (fmean(one.valid), *one.costs), objectives)

    @property
    def finalists(self) -> list[Candidate]:
        """The networks measured on test: the winners, and the baseline if it is none of them."""
        winners = self.winners
        if any(one.is_baseline for one in winners):
            return winners
        return [*winners, self.baseline]

    @property
    def runner_up(self) -> Candidate:
        """The second best."""
        return self.candidates[1]

    @property
    def goal(self) -> Goal:
        """Metric and direction."""
        return Goal(self.metric, self.direction, self.unit)

    @property
    def test_metric(self) -> str:
        """What Keras calls the metric on the test split."""
        return self.goal.test_metric

    @property
    def test_label(self) -> str:
        """The metric on the test split, with its unit if it has one."""
        return self.goal.label.removeprefix("val_")

    @property
    def is_share(self) -> bool:
        """Whether the metric is a share of examples, as an accuracy is."""
        values = [value for one in self.candidates for value in one.valid]
        values += [value for one in self.finalists for value in self.test_values(one)]
        return self.goal.is_share(values)

    def test_values(self, candidate: Candidate) -> list[float]:
        """The metric on the test split, per seed."""
        return [logs[self.test_metric] for logs in candidate.test]

    def also_on_test(self, candidate: Candidate) -> dict[str, float]:
        """All other logs on the test split, by name: means over seeds."""
        names = (name for name in candidate.test[0] if name != self.test_metric)
        return {name: fmean(logs[name] for logs in candidate.test) for name in names}

    @property
    def reproduction(self) -> list[float]:
        """The baseline's metric on test, per seed, like for like with the published figure."""
        return [logs[self.test_metric] for logs in self.as_published]

    def reproduces(self, figure: float) -> Comparison | None:
        """Our baseline against a published figure of one training.

        The interval is of one more training of ours minus the figure.

        Returns:
            None if nothing was trained as the published baseline was.
        """
        ours = self.reproduction
        if not ours:
            return None
        found = prediction(ours)
        if found is not None:
            found = replace(found, low=found.low - figure, high=found.high - figure)
        elif self.is_share:
            found = newcombe(fmean(ours), figure, self.n_test)
        return Comparison(
            difference=fmean(ours) - figure,
            interval=found,
            is_better=self.goal.is_better(fmean(ours), figure),
        )

    def valid_interval(self, candidate: Candidate) -> Interval | None:
        """The interval of the mean over seeds on validation."""
        n = self.n_valid if self.is_share else None
        return interval(candidate.valid, n, self.goal.limits)

    def test_interval(self, candidate: Candidate) -> Interval | None:
        """The interval of the mean over seeds on test."""
        n = self.n_test if self.is_share else None
        return interval(self.test_values(candidate), n, self.goal.limits)

    def compare_on_valid(self, other: Candidate) -> Comparison:
        """The winner against another candidate, on validation."""
        n = self.n_valid if self.is_share else None
        return judge(self.winner.valid, other.valid, n, self.goal)

    def compare_on_test(self, winner: Candidate) -> Comparison:
        """A winner against the baseline, on test."""
        n = self.n_test if self.is_share else None
        ours, theirs = self.test_values(winner), self.test_values(self.baseline)
        return judge(ours, theirs, n, self.goal)


SCHEMA = Schema("hpsearch.opening", 1, Opening)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How one network compares with another."""

    difference: float
    interval: Interval | None
    is_better: bool
    """Judged by the means."""

    @property
    def is_told_apart(self) -> bool:
        """Whether the interval of the difference excludes zero."""
        return self.interval is not None and not self.interval.holds(0.0)


def judge(
    values: Sequence[float], others: Sequence[float], n_examples: int | None, goal: Goal
) -> Comparison:
    """Compare two networks by their figures per seed.

    Args:
        values: The first network's.
        others: The second network's.
        n_examples: If they are shares, of how many examples; else None.
        goal: Says which is better.
    """
    return Comparison(
        difference=fmean(values) - fmean(others),
        interval=difference(values, others, n_examples),
        is_better=goal.is_better(fmean(values), fmean(others)),
    )


def read_openings(study: Study) -> list[Opening]:
    """The recorded openings of the test split, oldest first."""
    called = f"the evaluation of study {study.study_name!r}"
    return [SCHEMA.decode(content, called) for content in _stored(study)]


def record_opening(study: Study, opening: Opening) -> None:
    """Add an opening to the study; the caller holds the study's lock."""
    study.set_user_attr(ATTR, [*_stored(study), SCHEMA.encode(opening)])


def model_folder(storage: Storage, opening: Opening) -> Path:
    """The folder of the winner's model and curve."""
    return within(storage.models, opening.model)


def _stored(study: Study) -> list[object]:
    contents = study.user_attrs.get(ATTR, [])
    return contents if isinstance(contents, list) else [contents]  # else damaged
