"""A study as the reading verbs show it: rows, counts, the best."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from optuna.study import Study

from hpsearch.goal import Goal
from hpsearch.study.record import Record
from hpsearch.study.trials import Outcome, TrialRow, row


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A study, read once."""

    name: str
    goal: Goal
    title: str
    seed: int
    rows: list[TrialRow]
    """All trials, by number."""
    counts: Counter[Outcome]

    @property
    def best(self) -> TrialRow | None:
        """The best of those that came to an end with a value."""
        return next((row for row in self.ranked() if _has_ended(row)), None)

    @property
    def n_trials(self) -> int:
        """Trials that count towards a budget."""
        return sum(row.is_counted for row in self.rows)

    @property
    def epochs_trained(self) -> int:
        return sum(trial.epochs_trained for trial in self.rows)

    @property
    def epochs_reused(self) -> int:
        """Epochs that trials wanted and stored curves had.

        What a promoted trial takes over from itself saved nothing.
        """
        return sum(row.epochs_reused for row in self.rows if row.promoted_from is None)

    @property
    def epochs_pruned(self) -> int:
        """Epochs that trials wanted and the pruner saved; those of a trial that was promoted
        are its successor's to train or to save.
        """
        promoted = {row.promoted_from for row in self.rows}
        return sum(row.epochs_pruned for row in self.rows if row.number not in promoted)

    @property
    def seconds(self) -> float:
        """Of slots at work, over all trials."""
        return sum(trial.seconds for trial in self.rows)

    def ranked(self) -> list[TrialRow]:
        """Trials that came to an end with a value, best first; then all others."""

        def rank(trial: TrialRow) -> tuple[bool, float, int]:
            if _has_ended(trial):
                assert trial.value is not None
                return False, self.goal.key(trial.value), trial.number
            return True, 0.0, trial.number

        return sorted(self.rows, key=rank)


def summarize(study: Study, record: Record) -> Summary:
    """Read all trials of a study."""
    rows = [row(trial) for trial in study.get_trials(deepcopy=False)]
    return Summary(
        name=study.study_name,
        goal=record.goal,
        title=record.title,
        seed=record.seed,
        rows=rows,
        counts=Counter(trial.outcome for trial in rows),
    )


def _has_ended(trial: TrialRow) -> bool:
    return trial.outcome in {Outcome.FINISHED, Outcome.READ_OFF} and trial.value is not None
