"""A race: the leading configurations are trained with fresh seeds until they can be told apart.

The highest of many values is high by luck, too. So the best and its closest rival are
repeated, one seed at a time, until the 95 % interval of the difference of their means excludes
zero, or each has five seeds. What the race knows, it reads from the stored trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hpsearch.evaluation.candidates import fresh_seeds
from hpsearch.evaluation.intervals import difference
from hpsearch.goal import Goal
from hpsearch.searching.rungs import Mark
from hpsearch.searching.schedule import SampledSchedule, Values, is_replicate
from hpsearch.study.configurations import Configuration, configurations_of, find_incumbent
from hpsearch.study.trials import Attr, curve_epochs, row

N_SEEDS = 5  # of a configuration, its first trial's included
EVERY = 3  # at most every third trial is a replicate


def to_repeat(configurations: Sequence[Configuration], goal: Goal) -> Configuration | None:
    """The configuration that a replicate would tell most about; None if the race is settled.

    The best by mean is the leader. A single value takes part only if it beats the best mean of
    those that were repeated, and then it is repeated before anything is compared with it.

    Args:
        configurations: A study's.
        goal: Says which value is better.
    """

    def rank(one: Configuration) -> tuple[float, int]:
        return goal.key(one.mean), one.number

    sound = [one for one in configurations if not one.is_out]
    incumbent = find_incumbent(sound, goal)
    if incumbent is None:
        return None
    runners = [one for one in sound if one.is_repeated or rank(one) <= rank(incumbent)]
    leader = min(runners, key=rank)
    # lengths of one network are no rivals: they share their curves
    rivals = [one for one in runners if one.network != leader.network]
    rival = min(rivals, key=rank, default=None)
    pair = [leader]
    if leader.is_repeated:
        if rival is None or _are_told_apart(leader, rival):
            return None
        pair.append(rival)
    open_ones = [one for one in pair if not one.is_pending and len(one.replicates) < N_SEEDS - 1]
    return min(open_ones, key=lambda one: (len(one.replicates), rank(one)), default=None)


def _are_told_apart(leader: Configuration, rival: Configuration) -> bool:
    """Whether more seeds would show nothing new."""
    if not (leader.is_repeated and rival.is_repeated):
        return False
    found = difference(leader.values, rival.values, None)
    return found is None or not found.holds(0.0)  # None: the values of each are all equal


class RacingSchedule:
    """New trials from another schedule, and replicates of the leaders between them.

    A third of the budget, in trials and in epochs, is kept for replicates; what the race leaves
    of it goes to new trials in the end. A replicate is a trial of its own, is not pruned, and
    teaches the sampler only what the mean of its configuration is.

    Args:
        study: With its trials so far.
        searched: Proposes new trials; its budget is the number of them there can be.
        n_trials: The budget: total trials in the study, replicates included.
    """

    def __init__(self, study: Study, searched: SampledSchedule, *, n_trials: int) -> None:
        self.study, self.searched, self.n_trials = study, searched, n_trials
        self._n_new_possible = searched.n_trials
        self._share = 1 / EVERY
        """Of the budget, what is kept for replicates."""

    @property
    def n_counted(self) -> int:
        """Trials begun so far that count toward the budget."""
        return self.searched.n_counted

    @property
    def is_exhausted(self) -> bool:
        """Whether there is nothing left to propose."""
        return self.searched.is_exhausted

    @property
    def reads_off(self) -> bool:
        """As in the other schedule; nothing is ever read off a replicate."""
        return self.searched.reads_off

    @property
    def n_epochs_left(self) -> float:
        """Epochs until no new trial begins; infinite without such a budget."""
        return self.searched.n_epochs_left

    def next_trial(self) -> Trial | None:
        """A trial that was interrupted, else a replicate that is due, else a new trial."""
        self.searched.look()
        trials = self.study.get_trials(deepcopy=False)
        replicates = [trial for trial in trials if is_replicate(trial)]
        is_turn = (len(replicates) + 1) * EVERY <= self.n_counted + 1 <= self.n_trials
        is_open = not self.searched.has_waiting and self.n_epochs_left > 0
        if is_turn and is_open and (replicate := self._replicate(trials)):
            return replicate
        self._limit(replicates)
        trial = self.searched.next_trial()
        is_idle = not any(one.state is TrialState.RUNNING for one in trials)
        if trial is None and is_idle and self._share:  # the race is settled
            self._share = 0
            self._limit(replicates)
            trial = self.searched.next_trial()
        return trial

    def judged_below(self, trial: FrozenTrial) -> Mark:
        return self.searched.judged_below(trial)

    def reached(self, trial: Trial, curve: str, mark: Mark, value: float) -> None:
        self.searched.reached(trial, curve, mark, value)

    def may_go_on(self, trial: Trial, curve: str, mark: Mark, *, judged_below: Mark) -> bool:
        return self.searched.may_go_on(trial, curve, mark, judged_below=judged_below)

    def queue(self, trial: Trial) -> None:
        self.searched.queue(trial)

    def tell(self, trial: Trial, state: TrialState, values: Values) -> None:
        self.searched.tell(trial, state, values)

    def add(self, trial: FrozenTrial) -> None:
        self.searched.add(trial)

    def _limit(self, replicates: Sequence[FrozenTrial]) -> None:
        """Let the other schedule have what is not kept for replicates."""
        n_new = min(self.n_trials - int(self.n_trials * self._share), self._n_new_possible)
        self.searched.n_trials = min(n_new + len(replicates), self.n_trials)
        if self.searched.n_epochs < math.inf:
            n_used = curve_epochs(map(row, replicates))
            self.searched.n_epochs_kept = max(0, self.searched.n_epochs * self._share - n_used)

    def _replicate(self, trials: Sequence[FrozenTrial]) -> Trial | None:
        fitting = [row(trial) for trial in trials if self.searched.has_fixed_values(trial)]
        configuration = to_repeat(configurations_of(fitting), self.searched.goal)
        if configuration is None:
            return None
        used = {replicate.seed for replicate in configuration.replicates}
        # evaluate's seeds, in its order: it finds these curves
        seeds = fresh_seeds(self.searched.seed, N_SEEDS)
        first = trials[configuration.number]
        return self.searched.begin(
            create_trial(
                state=TrialState.RUNNING,
                params=first.params,
                distributions=first.distributions,
                user_attrs={
                    Attr.REPLICATE_OF: first.number,
                    Attr.SEED: next(seed for seed in seeds if seed not in used),
                },
            )
        )
