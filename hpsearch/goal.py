"""The goal of a search: a metric and the direction in which it gets better."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal, TypeVar, get_args

from hpsearch.errors import MetricNotFound, StudyFileError

Direction = Literal["maximize", "minimize"]
Logs = dict[str, float]
"""Keras's logs after an epoch, `{"loss": 0.31, "val_accuracy": 0.88, ...}`."""


COSTS = ("seconds_per_epoch", "n_weights")
"""What a search may minimize besides its metric."""

ERRORS = ("mae", "mean_absolute_error", "rmse", "root_mean_squared_error")
"""Metrics that have the unit of the numbers that a network predicts."""
SQUARES = ("mse", "mean_squared_error")

Item = TypeVar("Item")


@dataclass(frozen=True)
class Goal:
    """What makes one network better than another."""

    metric: str
    """A key of Keras's logs on validation."""
    direction: Direction
    unit: str = field(default="", compare=False)
    """Of the numbers that the network predicts."""

    def __str__(self) -> str:
        return f"{self.direction} {self.label}"

    @property
    def maximize(self) -> bool:
        """Whether higher is better."""
        return self.direction == "maximize"

    @property
    def label(self) -> str:
        """The metric as a heading has it: with the unit, if the metric is an error in it."""
        is_error = any(self.metric.endswith(f"_{name}") for name in ERRORS)
        return f"{self.metric} ({self.unit})" if self.unit and is_error else self.metric

    @property
    def limits(self) -> tuple[float, float]:
        """The values that the metric can take, as far as its name tells."""
        if self.metric.endswith(("_r2", "_r2_score")):
            return -math.inf, 1.0
        if self.metric.endswith(tuple(f"_{name}" for name in (*ERRORS, *SQUARES))):
            return 0.0, math.inf
        return -math.inf, math.inf

    @property
    def test_metric(self) -> str:
        """What Keras calls the metric on the test split."""
        return self.metric.removeprefix("val_")

    def value(self, logs: Mapping[str, float]) -> float:
        """The metric after an epoch.

        Raises:
            MetricNotFound: It was not logged. Continuing would look like a search that finds
                nothing good.
        """
        if self.metric not in logs:
            logged = sorted(set(logs) - {"seconds"})
            raise MetricNotFound(
                f"Keras logged {logged}, not {self.metric!r}: correct metric= in the task"
            )
        return logs[self.metric]

    def key(self, value: float) -> float:
        """A sort key: the best value sorts first."""
        return -value if self.maximize else value

    def best(self, values: Iterable[float]) -> float:
        """The best of one or more values."""
        return min(values, key=self.key)

    def is_better(self, value: float, than: float | None) -> bool:
        """Whether a value beats another one; any value beats none."""
        return than is None or self.key(value) < self.key(than)

    def is_finite(self, logs: Mapping[str, float]) -> bool:
        """Whether loss and metric are finite, so training has not diverged."""
        return all(math.isfinite(logs.get(name, 0.0)) for name in ("loss", self.metric))

    def is_share(self, values: Iterable[float]) -> bool:
        """Whether the metric, with these values, is a share of examples as an accuracy is."""
        named = {"acc", "accuracy"} & set(self.metric.split("_"))
        return bool(named) and all(0 <= value <= 1 for value in values)

    def check(self) -> None:
        """Check that a study file can search for this goal.

        Raises:
            StudyFileError: The direction is unknown, or the metric is not a validation metric.
        """
        directions = get_args(Direction)
        if self.direction not in directions:
            close = get_close_matches(str(self.direction), directions, 1)
            hint = f": did you mean {close[0]!r}?" if close else ""
            raise StudyFileError(
                f"direction must be 'maximize' or 'minimize', not {self.direction!r}{hint}"
            )
        if not isinstance(self.metric, str) or not self.metric:
            raise StudyFileError(f"metric= takes a key of Keras's logs, not {self.metric!r}")
        if self.metric == "val_loss" and self.maximize:
            raise StudyFileError("lower val_loss is better: use direction='minimize'")
        if "test" in self.metric.lower().split("_"):
            raise StudyFileError(
                f"the metric {self.metric!r} belongs to the test split, which is opened once, at "
                "the end: search on validation, such as 'val_accuracy'"
            )
        if not self.metric.startswith("val_"):
            raise StudyFileError(
                f"the metric {self.metric!r} is measured on the training examples: "
                f"search on validation, with 'val_{self.metric}'"
            )


def objectives_of(goal: Goal, costs: Sequence[str]) -> tuple[Goal, ...]:
    """All goals of a search: its metric's, then to keep each cost low."""
    return (goal, *(Goal(name, "minimize") for name in costs))


def front_of(
    items: Iterable[Item], values_of: Callable[[Item], Sequence[float]], goals: Sequence[Goal]
) -> list[Item]:
    """The items that no other one equals or beats in all goals, the best in the first goal first.

    Args:
        items: Of equals, the first one stays.
        values_of: An item -> its value for each goal.
        goals: Say which value is better.
    """

    def keys(item: Item) -> list[float]:
        return [goal.key(value) for goal, value in zip(goals, values_of(item), strict=True)]

    front: list[tuple[list[float], Item]] = []
    for own, item in sorted(((keys(item), item) for item in items), key=lambda pair: pair[0]):
        # whoever beats it comes before it in this order
        if not any(all(a <= b for a, b in zip(other, own, strict=True)) for other, _ in front):
            front.append((own, item))
    return [item for _, item in front]
