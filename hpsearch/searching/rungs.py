"""Successive halving with promotion: who goes on from a rung, at once or later.

Trials are compared after 1, 3, 9, 27, ... epochs. Of those that came to a rung the best
third goes on; the others are pruned. But curves are stored: when more trials have come to
a rung, and one that was pruned there is among the best third after all, it is promoted. It
goes on as a trial of its own, from where its curve ends, since Optuna finishes a trial once.
Optuna's SuccessiveHalvingPruner cannot do that, so it must let the first trials pass, however
bad, and they take all the time of a search's beginning.

Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020,
algorithm 2 (asynchronous successive halving).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial

from hpsearch.study import trials as attr
from hpsearch.study.trials import Outcome
from hpsearch.task import ParamValue

REDUCTION_FACTOR = 3
# Of each rung, once no new trials will come: `evaluate` wants some to choose from.
N_FINALISTS = 3


@dataclass(frozen=True)
class Rungs:
    """Where all trials of a study stand."""

    trials: Sequence[FrozenTrial]
    maximize: bool
    is_last: bool
    """Whether the budget holds no more new trials."""

    def may_go_on(self, curve: str, epoch: int) -> bool:
        """Whether a trial may train on after `epoch`, which its curve has reached."""
        if not _is_rung(epoch):
            return True
        ranked = self._ranked(epoch)
        n_kept = max(len(ranked) // REDUCTION_FACTOR, N_FINALISTS if self.is_last else 0)
        return curve in ranked[:n_kept]

    def promotable(self, fixed: Mapping[str, ParamValue]) -> FrozenTrial | None:
        """A pruned trial that may go on after all: of those that came furthest, the best.

        Args:
            fixed: Values by hyperparameter; trials with others do not go on.
        """
        promoted = {trial.user_attrs.get(attr.PROMOTED_FROM) for trial in self.trials}
        waiting = [
            trial
            for trial in self.trials
            if trial.user_attrs.get(attr.OUTCOME) == Outcome.PRUNED
            and trial.number not in promoted
            and all(trial.params.get(name, value) == value for name, value in fixed.items())
            and _is_rung(_epochs_done(trial))
            and self.may_go_on(trial.user_attrs[attr.CURVE], _epochs_done(trial))
        ]
        sign = 1 if self.maximize else -1

        def standing(trial: FrozenTrial) -> tuple[int, float]:
            epochs_done = _epochs_done(trial)
            return epochs_done, sign * trial.intermediate_values[epochs_done]

        return max(waiting, key=standing, default=None)

    def _ranked(self, rung: int) -> list[str]:
        """The curves that came to a rung, best first; a promoted trial shares its parent's."""
        values = {
            trial.user_attrs[attr.CURVE]: trial.intermediate_values[rung]
            for trial in self.trials
            if rung in trial.intermediate_values
        }
        return sorted(values, key=values.__getitem__, reverse=self.maximize)


def _is_rung(epoch: int) -> bool:
    while epoch % REDUCTION_FACTOR == 0 and epoch > 0:
        epoch //= REDUCTION_FACTOR
    return epoch == 1


def _epochs_done(trial: FrozenTrial) -> int:
    return max(trial.intermediate_values)
