"""Who is told what happens during a search."""

from __future__ import annotations

from hpsearch.goal import Logs
from hpsearch.study.trials import TrialRow
from hpsearch.task import Params


class View:
    """Shows nothing. Called from the slots, one call at a time."""

    def search_started(self, title: str, n_trials: int, n_before: int, n_slots: int) -> None:
        """A launcher begins; `n_before` of the `n_trials` are done already."""

    def trial_started(self, number: int, params: Params, epochs: int) -> None:
        """A slot has taken up a trial."""

    def epoch_done(self, number: int, epoch: int, value: float, logs: Logs) -> None:
        """A trial's epoch was trained."""

    def trial_ended(self, row: TrialRow, best: TrialRow | None) -> None:
        """A trial is told; `best` is the best one then."""

    def trial_paused(self, number: int) -> None:
        """A trial waits to be taken up again."""

    def say(self, text: str) -> None:
        """Something worth a line."""
