"""Invariants of a study, which hold at any time, whatever was killed.

Each check looks only at what is stored, so the same checks serve `hpsearch verify` and the
tests that kill processes at random.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpsearch.curves.store import CurveStore
from hpsearch.study.launchers import was_run_here
from hpsearch.study.lock import is_locked, trial_processes
from hpsearch.study.patience import CURE
from hpsearch.study.record import Record
from hpsearch.study.rounds import Round, name_round, read_rounds, values_of
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Attr

LEFT_RUNNING = "nothing left running"

_WRITTEN_BY_OTHERS = "another program has changed the database: hpsearch never does this"
_COUNTED = "the budget was spent on it twice; its figures are true"
_FIGURE = "do not use this trial's figures; its curve's file has what was trained"
MEANS = {
    "the database is whole": CURE,
    "no trial lost": "rows are missing from the database: hpsearch never deletes a trial",
    "counted once": _COUNTED,
    LEFT_RUNNING: "it uses the machine, and nobody takes its results",
    "no zombies": _WRITTEN_BY_OTHERS,
    "no gap in the curve": _WRITTEN_BY_OTHERS,
    "curve and study agree": _FIGURE,
    "resumed at the last epoch": "epochs were trained twice; the logs of the first time count",
    "the value is the last epoch's": _FIGURE,
    "the value is the curve's": _FIGURE,
    "the value is the rounds' mean": _FIGURE,
    "the best is real": _WRITTEN_BY_OTHERS,
}
"""What it means for the user that an invariant is broken."""


@dataclass(frozen=True)
class Violation:
    """A broken invariant."""

    invariant: str
    what: str

    @property
    def means(self) -> str:
        """For the user."""
        return MEANS[self.invariant]


def violations(storage: Storage, study: Study, record: Record) -> list[Violation]:
    """All broken invariants of a study; empty if it is sound."""
    trials = study.get_trials(deepcopy=False)
    is_running = is_locked(storage, study.study_name)
    found = [
        *_whole(storage),
        *_numbers(trials),
        *_counted_once(trials),
        *_best(trials),
        *(() if is_running else _left_over(storage, study, trials)),
    ]
    for trial in trials:
        found += _history(storage, trial, record)
    return found


def _whole(storage: Storage) -> Iterator[Violation]:
    if damage := storage.damage():
        yield Violation("the database is whole", damage)


def _numbers(trials: list[FrozenTrial]) -> Iterator[Violation]:
    if [trial.number for trial in trials] != list(range(len(trials))):
        yield Violation("no trial lost", "trial numbers have gaps")


def _counted_once(trials: list[FrozenTrial]) -> Iterator[Violation]:
    trained = [trial for trial in trials if trial.state is not TrialState.FAIL]
    if sum(Attr.BASELINE in trial.user_attrs for trial in trained) > 1:
        yield Violation("counted once", "duplicate baseline trial")
    repeated = Counter(
        (json.dumps(trial.params, sort_keys=True), trial.user_attrs.get(Attr.SEED))
        for trial in trials
        if Attr.REPLICATE_OF in trial.user_attrs
    )
    for (params, seed), n in repeated.items():
        if n > 1:
            yield Violation("counted once", f"{n} replicates of {params} have seed {seed}")
    for name, what in ((Attr.READ_OFF, "read off"), (Attr.PROMOTED_FROM, "promoted from")):
        parents = Counter(trial.user_attrs.get(name) for trial in trials)
        for parent, n in parents.items():
            if parent is not None and n > 1:
                yield Violation("counted once", f"{n} trials were {what} trial {parent}")


def _left_over(storage: Storage, study: Study, trials: list[FrozenTrial]) -> Iterator[Violation]:
    """Without a launcher, no trial process may be alive. Trials may stay marked as running
    until the next launcher queues them.
    """
    for process in trial_processes(storage, study.study_name):
        yield Violation(LEFT_RUNNING, f"process {process.pid} has no launcher")
    for trial in trials:
        is_finished = trial.state.is_finished()
        if is_finished != (trial.datetime_complete is not None):
            yield Violation("no zombies", f"trial {trial.number} is half finished")


def _history(storage: Storage, trial: FrozenTrial, record: Record) -> Iterator[Violation]:
    """A trial's intermediate values, its value and its stored curve must agree."""
    number, steps = trial.number, trial.intermediate_values
    is_read_off = Attr.READ_OFF in trial.user_attrs
    rounds = read_rounds(trial.user_attrs.get(Attr.ROUNDS, ()))
    if sorted(steps) != list(range(1, len(steps) + 1)):
        yield Violation("no gap in the curve", f"trial {number} has epochs {sorted(steps)}")
    key = trial.user_attrs.get(Attr.CURVE)
    curve = CurveStore(storage.curves).curve(str(key))
    stored = [logs.get(record.metric) for logs in curve.logs]
    is_of_several = Attr.LAUNCHER in trial.user_attrs
    if is_of_several and not (len(stored) >= len(steps) and was_run_here(trial)):
        stored = []  # the curve, or the rest of it, is kept on another machine
    if key is not None and stored:
        for epoch, value in steps.items():
            if epoch > _n_epochs(trial, len(stored)):
                continue  # reported before a library upgrade, on a curve of another name
            if epoch > len(stored) or stored[epoch - 1] != value:
                yield Violation(
                    "curve and study agree", f"trial {number}, epoch {epoch}: {value} is not stored"
                )
    for start, n_stored in curve.starts:
        if start < n_stored and not (curve.is_evicted or curve.had_damage):
            yield Violation(
                "resumed at the last epoch",
                f"trial {number}: training began after epoch {start}, {n_stored} were stored",
            )
    if trial.state is TrialState.COMPLETE:
        epochs = trial.params.get("epochs", len(steps))
        if rounds:
            yield from _rounds(storage, trial, rounds, epochs, record)
        last = rounds[0].value if rounds else trial.values[0]
        if not is_read_off and (len(steps) != epochs or last != steps.get(epochs)):
            yield Violation("the value is the last epoch's", f"trial {number}: {last}")
        if is_read_off and stored and last != stored[epochs - 1]:
            yield Violation("the value is the curve's", f"trial {number}: {last}")


def _rounds(
    storage: Storage, trial: FrozenTrial, rounds: Sequence[Round], epochs: int, record: Record
) -> Iterator[Violation]:
    """A finished trial's value is the mean of all its rounds, each the last epoch's of a curve."""
    values = values_of(rounds)
    if len(values) < len(rounds) or trial.values[0] != fmean(values):
        yield Violation("the value is the rounds' mean", f"trial {trial.number}: {values}")
    for one in rounds:
        logs = CurveStore(storage.curves).curve(str(one.curve)).logs
        if logs and (len(logs) < epochs or logs[epochs - 1].get(record.metric) != one.value):
            yield Violation(
                "curve and study agree",
                f"trial {trial.number}, {name_round(one, rounds)}: {one.value} is not stored",
            )


def _n_epochs(trial: FrozenTrial, n_stored: int) -> int:
    """The epochs of its curve that a trial has reached; if in doubt, all it has reported."""
    attrs = trial.user_attrs
    if not trial.state.is_finished():
        return n_stored
    n_epochs: int = attrs.get(Attr.EPOCHS_REUSED, 0) + attrs.get(Attr.EPOCHS_TRAINED, 0)
    return n_epochs or max(trial.intermediate_values, default=0)


def _best(trials: list[FrozenTrial]) -> Iterator[Violation]:
    for trial in trials:
        if trial.state is TrialState.COMPLETE and not math.isfinite(trial.values[0]):
            yield Violation("the best is real", f"trial {trial.number} has value {trial.values[0]}")
