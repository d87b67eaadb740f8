"""The labs' own way: every level measured on test, and how much choosing there flatters.

A lab tries values, notes the accuracy on test, and takes the best. That figure is too good: it
was chosen for being high. With several seeds, it shows by how much: what is chosen with one seed
is measured again with the others.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

from optuna.study import Study

from hpsearch.codec import Schema
from hpsearch.errors import MetricNotFound, NothingFinished
from hpsearch.evaluation.intervals import Interval, student
from hpsearch.figures import show_figure, show_gain
from hpsearch.goal import Goal
from hpsearch.lab.table import LevelRow, SweepTable
from hpsearch.messages import TRAIN
from hpsearch.processes.slots import NSlots, side_by_side
from hpsearch.processes.stop import Stop, StopRequest
from hpsearch.processes.supervisor import How
from hpsearch.processes.trainer import Trainer, UntilDiverged
from hpsearch.task import Params

ATTR = "hpsearch_level_openings"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A network of a sweep on the test split."""

    params: Params
    seed: int
    logs: dict[str, float]
    """Keras's, on test."""


@dataclass(frozen=True, kw_only=True)
class LevelOpening:
    """An opening of the test split for every level of a sweep."""

    opened: str
    """When, in ISO 8601, UTC."""
    measured: list[Measured]


SCHEMA = Schema("hpsearch.level-opening", 1, LevelOpening)


def read_level_openings(study: Study) -> list[LevelOpening]:
    """The recorded openings of test for a sweep's levels, oldest first."""
    called = f"the level openings of study {study.study_name!r}"
    return [SCHEMA.decode(content, called) for content in study.user_attrs.get(ATTR, [])]


def open_test(
    study: Study,
    table: SweepTable,
    trainer: Trainer,
    seeds: Mapping[int, int],
    *,
    n_slots: NSlots,
    stop: StopRequest,
    say: Callable[[str], object],
) -> LevelOpening | None:
    """Measure every network of a sweep on test, and record it before anyone sees a figure.

    Args:
        study: The sweep; the caller holds its lock.
        table: Its levels.
        trainer: Reads their curves; a length in the middle of a curve is trained anew.
        seeds: Each trial's seed, by number.
        n_slots: How many networks at once.
        stop: A request to stop at once.
        say: Called with each line of progress.

    Returns:
        What was recorded; None if stopped before that.

    Raises:
        NothingFinished: A network could not be measured.
    """
    wanted = {
        training.trial: (row.params, seeds[training.trial])
        for row in _rows(table)
        for training in row.trainings
    }
    say(f"opening the test split for {len(wanted)} networks, as the labs do")
    goal = table.goal

    def measure(one: tuple[Params, int]) -> Measured | None:
        params, seed = one
        if stop.is_asked:
            return None
        with tempfile.TemporaryDirectory(prefix="hpsearch-") as scratch:
            taken = trainer.take(
                params,
                seed,
                UntilDiverged(goal),
                name=f"a level with seed {seed}",
                fit_on=TRAIN,
                export=Path(scratch) / "model",
            )
        if taken.ending.how is How.INTERRUPTED:
            return None
        if taken.ending.how is not How.FINISHED:
            stop.at_once(Stop.ERROR)
            raise NothingFinished(
                f"a level cannot be measured on test: {taken.ending.reason}; nothing was recorded"
            )
        if goal.test_metric not in taken.test:
            raise MetricNotFound(
                f"on test Keras logged {sorted(taken.test)}, not {goal.test_metric!r}"
            )
        return Measured(params=params, seed=seed, logs=dict(taken.test))

    measured = side_by_side(n_slots, measure, list(wanted.values()))
    whole = [one for one in measured if one is not None]
    if len(whole) < len(wanted):
        return None
    opening = LevelOpening(opened=datetime.now(UTC).isoformat(timespec="seconds"), measured=whole)
    study.set_user_attr(ATTR, [*study.user_attrs.get(ATTR, []), SCHEMA.encode(opening)])
    return opening


@dataclass(frozen=True, kw_only=True)
class Flattery:
    """What choosing a level on test showed, and what it was worth."""

    chosen: float
    """The mean, over seeds, of the best figure on test that a student with that seed sees."""
    again: float
    """The mean of the same levels with the other seeds."""
    interval: Interval | None
    """Of the difference."""

    @property
    def difference(self) -> float:
        """By how much the chosen figure was too good."""
        return self.chosen - self.again


def flattery(opening: LevelOpening, goal: Goal) -> Flattery | None:
    """How much choosing on test flatters.

    Returns:
        None with fewer than two seeds for each level.
    """
    by_network: dict[str, dict[int, float]] = {}
    for one in opening.measured:
        values = by_network.setdefault(repr(sorted(one.params.items())), {})
        values[one.seed] = one.logs[goal.test_metric]
    seeds = set.intersection(*(set(values) for values in by_network.values()))
    if len(seeds) < 2:
        return None
    chosen, again = [], []
    for seed in sorted(seeds):
        best = min(by_network.values(), key=lambda values: goal.key(values[seed]))
        chosen.append(best[seed])
        again.append(fmean(value for other, value in best.items() if other != seed))
    differences = [a - b for a, b in zip(chosen, again, strict=True)]
    return Flattery(
        chosen=fmean(chosen),
        again=fmean(again),
        interval=student(differences) if len(set(differences)) > 1 else None,
    )


def describe_flattery(opening: LevelOpening, goal: Goal) -> list[str]:
    """What choosing on test did, in sentences."""
    when = f"{datetime.fromisoformat(opening.opened):%Y-%m-%d %H:%M} UTC"
    sentences = [
        f"At {when}, every level was measured on test, as labs do: {len(opening.measured)} "
        "networks. What is chosen by such figures is no longer a fair test."
    ]
    found = flattery(opening, goal)
    if found is None:
        return [*sentences, "With one seed, nothing shows how much that flatters: use --seeds 3."]
    span = ""
    if found.interval is not None:
        low, high = found.interval.low, found.interval.high
        span = f" (95 % interval {show_gain(low)} to {show_gain(high)})"
    return [
        *sentences,
        f"A student who takes the best level on test notes {show_figure(found.chosen)} (mean over "
        f"seeds); the same levels with other seeds reach {show_figure(found.again)}. Choosing on "
        f"test flattered by {show_gain(found.difference)}{span}.",
    ]


def _rows(table: SweepTable) -> Sequence[LevelRow]:
    return [table.baseline, *(row for factor in table.factors for row in factor.rows)]
