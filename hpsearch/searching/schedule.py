"""The policy of a search: which trial comes next, and whether a trial may continue.

`Search` handles slots and bookkeeping; a schedule decides which trial runs when. The one here
takes new trials from a sampler, lets a pruner stop the worst, and promotes a pruned trial
that later ranks in the best third of its rung: curves are stored, so it continues where its
curve ends. Optuna's SuccessiveHalvingPruner cannot do that, so it must let the first trials
pass, however bad, and they take up all the time at the start of a search.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Protocol

from optuna.pruners import NopPruner
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hpsearch.choices import PrunerName, SamplerName
from hpsearch.searching.rungs import Mark, Rungs
from hpsearch.searching.samplers import CurveRows, make_pruner, make_sampler
from hpsearch.study.optuna_internals import (
    add_running,
    ask,
    attach,
    frozen,
    set_trial_state,
    with_trials,
)
from hpsearch.study.rounds import read_rounds, values_of
from hpsearch.study.trials import Attr, Outcome, row
from hpsearch.study_file import StudyFile, calling
from hpsearch.task import ParamValue

# Kept at each rung once no new trials will come, so `evaluate` has some to choose from.
N_FINALISTS = 3


Values = float | Sequence[float] | None
"""A value for each objective, or for the only one; None for a trial that has none."""


class Schedule(Protocol):
    """Which trial comes next, and how far it may train.

    Called by one slot at a time, but for `judged_below`.

    It learns from the stored study, whoever changed it: other launchers may work on it too.
    Whoever asks for the next trial sees to it that they wait meanwhile.
    """

    n_trials: int
    """The budget: total trials in the study."""

    @property
    def is_exhausted(self) -> bool:
        """Whether there is nothing left to propose."""

    @property
    def reads_off(self) -> bool:
        """Whether a better earlier epoch of a curve becomes a trial."""

    @property
    def n_epochs_left(self) -> float:
        """Epochs until no new trial begins; infinite without such a budget."""

    @property
    def n_counted(self) -> int:
        """Trials begun so far that count toward the budget."""

    def next_trial(self) -> Trial | None:
        """A running trial for a free slot; None if there is none now."""

    def judged_below(self, trial: FrozenTrial) -> Mark:
        """The mark from which a resumed trial is judged."""

    def reached(self, trial: Trial, curve: str, mark: Mark, value: float) -> None:
        """A trial reached a mark: an epoch of its first round, or the end of a round.

        Args:
            trial: Running.
            curve: Of its first round.
            mark: How far it has come.
            value: The metric, as a mean over the rounds that have ended.
        """

    def may_go_on(self, trial: Trial, curve: str, mark: Mark, *, judged_below: Mark) -> bool:
        """Whether a trial may continue beyond `mark`, where its curves end."""

    def queue(self, trial: Trial) -> None:
        """Put a trial back in the queue, to be resumed later."""

    def tell(self, trial: Trial, state: TrialState, values: Values) -> None:
        """Finish a trial, and learn from it."""

    def add(self, trial: FrozenTrial) -> None:
        """Add a finished trial that was read off another one's curve."""


class News:
    """What has happened in a study: each trial once it has finished, and before as it is now.

    Args:
        study: Of any size: a look costs as many trials as are unfinished or new.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._n_seen = 0
        self._unfinished: set[int] = set()

    def trials(self) -> list[FrozenTrial]:
        """Trials that are new or were unfinished when last looked at, by number."""
        trials = self._study.get_trials(deepcopy=False)
        changed = [
            *(trials[number] for number in sorted(self._unfinished)),
            *trials[self._n_seen :],
        ]
        self._n_seen = len(trials)
        self._unfinished = {trial.number for trial in changed if not trial.state.is_finished()}
        return changed


class SampledSchedule:
    """New trials from a sampler, until the budget is spent; the best continue.

    Replicates take part in nothing: they are never pruned, promoted or compared at a rung.

    Args:
        study: With its trials so far; waiting ones are resumed first.
        study_file: Its `space` is asked for params.
        n_trials: The budget: the study's total number of trials.
        seed: The study's.
        sampler: Proposes params.
        pruner: Stops trials early.
        fixed: Hyperparameters that are not searched. Trials with other values stay as they are.
        max_epochs: Length of the longest trials.
        first_rung: Epochs after which `halving` first compares trials.
        n_epochs: Once the study's curves have so many, no new trial begins; None for no limit.
    """

    def __init__(
        self,
        study: Study,
        study_file: StudyFile,
        *,
        n_trials: int,
        seed: int,
        sampler: SamplerName,
        pruner: PrunerName,
        fixed: Mapping[str, ParamValue],
        max_epochs: int,
        first_rung: int = 1,
        n_epochs: int | None = None,
    ) -> None:
        self.study, self.study_file = study, study_file
        self.goal = study_file.task.goal
        self.n_trials, self.seed, self.sampler, self.fixed = n_trials, seed, sampler, fixed
        self.halves = pruner is PrunerName.HALVING
        self.is_exhausted = False
        self.reads_off = "epochs" not in fixed
        study.pruner = make_pruner(pruner, max_epochs)
        self.rungs = Rungs(self.goal, first_rung)
        self.rows = CurveRows(self.goal)
        self.n_epochs = math.inf if n_epochs is None else n_epochs
        self.n_epochs_kept = 0.0
        """Of these, epochs that new trials must leave to others."""
        self._lengths: dict[str, int] = {}
        """Epochs of each curve, by finished trials."""
        self._counted: set[int] = set()
        """Numbers of trials that count toward the budget."""
        self._waiting: dict[int, FrozenTrial] = {}
        self._pruned: dict[str, FrozenTrial] = {}
        """By place on a rung: the trial that was pruned there and may be promoted."""
        self._promoted: set[int] = set()
        """Numbers of promoted trials."""
        self._news = News(study)
        self.look()

    @property
    def n_counted(self) -> int:
        """Trials begun so far that count toward the budget."""
        return len(self._counted)

    @property
    def has_waiting(self) -> bool:
        """Whether trials of an earlier launcher wait to be resumed."""
        return bool(self._waiting)

    @property
    def is_spent(self) -> bool:
        """Whether no more new trials will come."""
        return self.is_exhausted or self.n_counted >= self.n_trials or self.are_epochs_spent

    @property
    def n_epochs_left(self) -> float:
        """Epochs until no new trial begins; infinite without such a budget."""
        return self.n_epochs - sum(self._lengths.values())

    @property
    def are_epochs_spent(self) -> bool:
        """Whether the study's curves have as many epochs as they may before a new trial."""
        return self.n_epochs_left <= self.n_epochs_kept

    def look(self) -> None:
        """Learn what has happened in the study since the last look."""
        for trial in self._news.trials():
            self._note(trial)

    def next_trial(self) -> Trial | None:
        """A trial that was interrupted, else one to promote, else a new one."""
        self.look()
        trial = self._waiting_promoted()
        if trial is None and not (self._waiting and not self.is_spent):
            trial = self._promote()
        is_interrupted = bool(self._waiting) and self.n_counted < self.n_trials
        if trial is None and (is_interrupted or not self.is_spent):
            trial = self._ask()
        return trial

    def judged_below(self, trial: FrozenTrial) -> Mark:
        """A trial passed all rungs below its last mark; a promoted one, its parent's too."""
        parent = trial.user_attrs.get(Attr.PROMOTED_FROM)
        if parent is None:
            return _mark_of(trial)
        rounds, epochs = _mark_of(self.study.get_trials(deepcopy=False)[int(parent)])
        return max(_mark_of(trial), Mark(rounds, epochs + 1))

    def reached(self, trial: Trial | FrozenTrial, curve: str, mark: Mark, value: float) -> None:
        """Place the curve, if `mark` is a rung."""
        if self.halves and not is_replicate(trial):
            self.rungs.place(_place(trial, curve, mark), mark, value)

    def may_go_on(self, trial: Trial, curve: str, mark: Mark, *, judged_below: Mark) -> bool:
        """With `halving`: whether it is among the best of the last rung it reached.

        Other pruners know the first round only.
        """
        if is_replicate(trial):
            return True
        if not self.halves:
            if mark.rounds > 0 or isinstance(self.study.pruner, NopPruner):
                return True
            trials = self.study.get_trials(deepcopy=False)
            seen = [one for one in trials if not is_replicate(one)]
            return not self.study.pruner.prune(with_trials(self.study, seen), frozen(trial))
        rung = self.rungs.last_rung(mark)
        if rung is None or rung < judged_below:
            return True
        place = _place(trial, curve, mark)
        return self.rungs.may_go_on(place, rung, n_at_least=self._n_at_least)

    def queue(self, trial: Trial) -> None:
        """Use Optuna's own queue: `ask` resumes the trial with its number and params."""
        set_trial_state(self.study, trial, TrialState.WAITING)
        self.look()

    def tell(self, trial: Trial, state: TrialState, values: Values) -> None:
        """Finish a trial."""
        try:
            self.study.tell(trial.number, values, state, skip_if_finished=True)
        except RuntimeError as error:
            # an exhaustive sampler says so, after telling, when nothing is left
            if "Study.stop" not in str(error):
                raise
            self.is_exhausted = True
        self.look()

    def add(self, trial: FrozenTrial) -> None:
        """Add a finished trial that was read off another's curve."""
        self.study.add_trial(trial)
        self.look()

    @property
    def _n_at_least(self) -> int:
        return N_FINALISTS if self.is_spent else 0

    def _note(self, trial: FrozenTrial) -> None:
        """Record a trial as it is stored now."""
        number = trial.number
        (self._counted.add if _is_counted(trial) else self._counted.discard)(number)
        if trial.state is TrialState.WAITING:
            self._waiting[number] = trial
        else:
            self._waiting.pop(number, None)
        if Attr.PROMOTED_FROM in trial.user_attrs:
            self._promoted.add(trial.user_attrs[Attr.PROMOTED_FROM])
        curve = trial.user_attrs.get(Attr.CURVE)
        if curve is not None:
            for epoch, value in trial.intermediate_values.items():
                self.reached(trial, curve, Mark(0, epoch), value)
            values = values_of(read_rounds(trial.user_attrs.get(Attr.ROUNDS, ())))
            for n in range(1, len(values) + 1):
                self.reached(trial, curve, Mark(n, 0), fmean(values[:n]))
        if trial.state.is_finished():
            self._learn(trial)

    def _learn(self, trial: FrozenTrial) -> None:
        """Record a finished trial."""
        self.rows.add(trial)
        curve = trial.user_attrs.get(Attr.CURVE)
        if curve is None:
            return
        epochs_done = max(trial.intermediate_values, default=0)
        for name in row(trial).curves:
            self._lengths[name] = max(self._lengths.get(name, 0), epochs_done)
        if not self.halves or is_replicate(trial):
            return
        mark = _mark_of(trial)
        place = _place(trial, curve, mark)
        if trial.user_attrs.get(Attr.OUTCOME) == Outcome.PRUNED:
            known = self._pruned.get(place)
            if self.rungs.is_rung(mark) and (known is None or mark > _mark_of(known)):
                self._pruned[place] = trial
            return
        for ended in {curve, place}:
            known = self._pruned.get(ended)
            if known is not None and _epochs_asked(trial) >= _epochs_asked(known):
                del self._pruned[ended]  # a trial at least as long has ended

    def _waiting_promoted(self) -> Trial | None:
        """A promoted trial that an earlier launcher left unfinished: it costs no budget."""
        for trial in self._waiting.values():
            if Attr.PROMOTED_FROM in trial.user_attrs:
                set_trial_state(self.study, trial, TrialState.RUNNING)
                self.look()
                return attach(self.study, trial)
        return None

    def _promote(self) -> Trial | None:
        """The best of the longest pruned trials, if it may continue after all."""
        if not self.halves:
            return None
        for rung, curve in self.rungs.best_curves(n_at_least=self._n_at_least):
            pruned = self._pruned.get(curve)
            if pruned is None or _mark_of(pruned) != rung:
                continue
            if pruned.number in self._promoted or not self.has_fixed_values(pruned):
                continue
            self._promoted.add(pruned.number)
            template = create_trial(
                state=TrialState.RUNNING,
                params=pruned.params,
                distributions=pruned.distributions,
                user_attrs={Attr.PROMOTED_FROM: pruned.number},
            )
            return self.begin(template)
        return None

    def begin(self, template: FrozenTrial) -> Trial:
        """Add a running trial."""
        trial = add_running(self.study, template)
        self.look()
        return trial

    def has_fixed_values(self, trial: FrozenTrial) -> bool:
        """Whether a trial has the values that are fixed now."""
        return all(trial.params.get(name, value) == value for name, value in self.fixed.items())

    def _ask(self) -> Trial:
        """A trial from Optuna's queue, else from the sampler."""
        n_trials = len(self.study.get_trials(deepcopy=False))
        self.study.sampler = make_sampler(
            self.sampler, seed=self.seed, n_trials=n_trials, fixed=self.fixed, rows=self.rows
        )
        if self._waiting:
            trial = self.study.ask()
            try:
                self._suggest(trial)
            except BaseException:
                set_trial_state(self.study, trial, TrialState.WAITING)  # nothing is left running
                raise
        else:
            trial = ask(self.study, self._suggest)
        self.look()
        return trial

    def _suggest(self, trial: Trial) -> None:
        with calling("space(trial)", self.study_file.filename):
            self.study_file.task.space(trial)


def is_replicate(trial: Trial | FrozenTrial) -> bool:
    """Whether a trial repeats another one with a fresh seed."""
    return Attr.REPLICATE_OF in trial.user_attrs


def _is_counted(trial: FrozenTrial) -> bool:
    is_free = not {Attr.READ_OFF, Attr.PROMOTED_FROM}.isdisjoint(trial.user_attrs)
    return not is_free and trial.state is not TrialState.WAITING


def _mark_of(trial: FrozenTrial) -> Mark:
    """How far a trial has come. Of a round after the first, it counts only whether it has begun."""
    rounds = read_rounds(trial.user_attrs.get(Attr.ROUNDS, ()))
    n_ended = len(values_of(rounds))
    if n_ended == 0:
        return Mark(0, max(trial.intermediate_values, default=0))
    return Mark(n_ended, int(any(one.curve is not None for one in rounds[n_ended:])))


def _place(trial: Trial | FrozenTrial, curve: str, mark: Mark) -> str:
    """What a trial is called on a rung: trials of all lengths share a curve, but not its end."""
    return f"{curve} {trial.params.get('epochs', '')}" if mark.rounds else curve


def _epochs_asked(trial: FrozenTrial) -> int:
    """Requested epochs; equal for all trials if the space has no `epochs`."""
    epochs: int = trial.params.get("epochs", 0)
    return epochs
