"""A schedule of fixed points: given params with given seeds, trained in full."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence

from optuna.distributions import BaseDistribution, IntDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hpsearch.searching.rungs import Mark
from hpsearch.searching.schedule import News, Values
from hpsearch.study.optuna_internals import add_running, attach, set_trial_state
from hpsearch.study.record import Point
from hpsearch.study.trials import Attr
from hpsearch.task import TRAINER_PARAMS, ParamValue, without_epochs


class FixedSchedule:
    """Trains each point once. Nothing is pruned, and nothing is read off a longer trial.

    Points that share a curve run one after the other, the longest first: the others only
    read it. A point whose trial failed is tried again.

    Args:
        study: With its trials so far.
        points: Which to train, in this order.
        distributions: The search space's, by name.
        seed: The study's, of trials that have none of their own.
        baseline: The params of trials that are the baseline.
    """

    reads_off = False
    is_exhausted = False
    n_epochs_left = math.inf

    def __init__(
        self,
        study: Study,
        points: Sequence[Point],
        distributions: Mapping[str, BaseDistribution],
        *,
        seed: int,
        baseline: Mapping[str, ParamValue],
    ) -> None:
        self.study, self.distributions = study, distributions
        self.seed, self.baseline = seed, baseline
        self._pending = {_key(point): point for point in _longest_first(points)}
        self.n_trials = len(self._pending)
        self._waiting: dict[str, FrozenTrial] = {}
        self._running: dict[int, Point] = {}
        """By the number of the trial."""
        self._news = News(study)
        self._look(tries_failed_again=True)

    @property
    def n_counted(self) -> int:
        """Points that have been trained, or are being trained."""
        return self.n_trials - len(self._pending)

    def next_trial(self) -> Trial | None:
        """The next point whose curve no other slot works on, here or elsewhere."""
        self._look()
        busy = {_curve(point) for point in self._running.values()}
        for key, point in self._pending.items():
            if _curve(point) not in busy:
                trial = self._start(key, point)
                self._look()
                return trial
        return None

    def judged_below(self, trial: FrozenTrial) -> Mark:
        """Nothing is judged."""
        return Mark(0, 0)

    def reached(self, trial: Trial, curve: str, mark: Mark, value: float) -> None:
        """Nothing to note."""

    def may_go_on(self, trial: Trial, curve: str, mark: Mark, *, judged_below: Mark) -> bool:
        """Always."""
        return True

    def queue(self, trial: Trial) -> None:
        """Put a trial back: whoever continues the study finds it waiting."""
        set_trial_state(self.study, trial, TrialState.WAITING)
        self._look()

    def tell(self, trial: Trial, state: TrialState, values: Values) -> None:
        """Finish a trial."""
        self.study.tell(trial.number, values, state, skip_if_finished=True)
        self._look()

    def add(self, trial: FrozenTrial) -> None:
        """Add a finished trial."""
        self.study.add_trial(trial)

    def _look(self, *, tries_failed_again: bool = False) -> None:
        """Learn what has happened in the study since the last look."""
        for trial in self._news.trials():
            point = Point(trial.params, trial.user_attrs.get(Attr.SEED, self.seed))
            key = _key(point)
            self._waiting.pop(key, None)
            self._running.pop(trial.number, None)
            if trial.state is TrialState.WAITING:
                self._waiting[key] = trial
                self._pending.setdefault(key, point)
                continue
            if trial.state is TrialState.RUNNING:
                self._running[trial.number] = point
            if not (trial.state is TrialState.FAIL and tries_failed_again):
                self._pending.pop(key, None)

    def _start(self, key: str, point: Point) -> Trial:
        waiting = self._waiting.get(key)
        if waiting is not None:
            set_trial_state(self.study, waiting, TrialState.RUNNING)
            return attach(self.study, waiting)
        attrs: dict[str, object] = {Attr.SEED: point.seed}
        if point.params == self.baseline and point.seed == self.seed:
            attrs[Attr.BASELINE] = True
        template = create_trial(
            state=TrialState.RUNNING,
            params=point.params,
            distributions=dict(self._distributions(point)),
            user_attrs=attrs,
        )
        return add_running(self.study, template)

    def _distributions(self, point: Point) -> Iterator[tuple[str, BaseDistribution]]:
        for name, value in point.params.items():
            if name in self.distributions:
                yield name, self.distributions[name]
            else:  # the space leaves it to the baseline
                assert name in TRAINER_PARAMS
                assert isinstance(value, int)
                yield name, IntDistribution(1, value)


def _key(point: Point) -> str:
    return json.dumps([point.params, point.seed], sort_keys=True)


def _curve(point: Point) -> str:
    return json.dumps([without_epochs(point.params), point.seed], sort_keys=True)


def _longest_first(points: Sequence[Point]) -> list[Point]:
    """Points in the order of their curves; those that share one, the longest first."""
    curves: dict[str, list[Point]] = {}
    for point in points:
        curves.setdefault(_curve(point), []).append(point)
    return [
        point
        for sharing in curves.values()
        for point in sorted(sharing, key=lambda p: -int(p.params["epochs"] or 0))
    ]
