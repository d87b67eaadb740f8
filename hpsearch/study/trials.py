"""What is stored with a trial besides Optuna's own fields, and how to read it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from statistics import fmean
from types import UnionType
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hpsearch.curves.onset import Fit, Onset, find_onset
from hpsearch.errors import StorageError
from hpsearch.figures import show_figure
from hpsearch.goal import Logs
from hpsearch.study.rounds import Round, describe_number, read_rounds, spread_of, values_of
from hpsearch.task import Params


class Outcome(StrEnum):
    """How a trial ended, in more detail than Optuna's state."""

    FINISHED = "finished"
    READ_OFF = "read off"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    CRASHED = "crashed"
    FAILED = "failed"
    INFEASIBLE = "infeasible"
    RUNNING = "running"
    WAITING = "waiting"


BROKEN = frozenset({Outcome.DIVERGED, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY, Outcome.CRASHED})
"""Outcomes of params that cannot be trained: the sampler should avoid them."""


CONSTRAINT = "trains"
"""The constraint that such trials violate."""


NODES_APART = ", "
"""Between the names of nodes in one attribute."""


class Attr:
    """Names of a trial's user attributes: scalars but for `ROUNDS`, as the dashboard shows each as
    a column. With several rounds, `CURVE` and the intermediate values are those of the first.
    """

    OUTCOME = "outcome"
    REASON = "reason"
    OUTPUT = "output"
    CURVE = "curve"
    ROUNDS = "rounds"
    EPOCHS_REUSED = "epochs_reused"
    EPOCHS_TRAINED = "epochs_trained"
    EPOCHS_PRUNED = "epochs_pruned"
    SECONDS = "seconds"
    READ_OFF = "read_off"
    PROMOTED_FROM = "promoted_from"
    BASELINE = "baseline"
    SEED = "seed"
    REPLICATE_OF = "replicate_of"
    SLOT = "slot"
    NODE = "node"
    LAUNCHER = "launcher"
    """The claim of the launcher that works on it, where there may be several."""
    FIT = "fit"
    LOWEST = "lowest_val_loss_at"
    ONSET = "overfits_from"


KINDS: Mapping[str, type | UnionType] = {
    **dict.fromkeys([Attr.OUTCOME, Attr.REASON, Attr.OUTPUT, Attr.CURVE, Attr.FIT], str),
    **dict.fromkeys([Attr.EPOCHS_REUSED, Attr.EPOCHS_TRAINED, Attr.EPOCHS_PRUNED], int),
    **dict.fromkeys([Attr.READ_OFF, Attr.PROMOTED_FROM, Attr.REPLICATE_OF, Attr.SEED], int),
    **dict.fromkeys([Attr.SLOT, Attr.LOWEST, Attr.ONSET], int),
    Attr.SECONDS: int | float,
}
"""What the values of user attributes are, but for `ROUNDS`."""


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """A trial as the reading verbs show it."""

    number: int
    outcome: Outcome
    value: float | None
    params: Params
    epochs_done: int
    """The last epoch with an intermediate value: of the first round, if there are several."""
    epochs_trained: int
    epochs_reused: int
    """Epochs that were taken from a stored curve."""
    epochs_pruned: int
    """Epochs that pruning saved."""
    seconds: float
    """Training, and waiting for verdicts, over all attempts."""
    reason: str
    output: str
    read_off: int | None
    """The number of the longer trial that this one was read off."""
    promoted_from: int | None
    """The number of the pruned trial whose curve this one continues."""
    replicate_of: int | None
    """The number of the trial whose params this one trains with another seed."""
    seed: int | None
    """Its own, if it has one: other trials train with the study's."""
    is_baseline: bool
    curve: str | None
    onset: Onset | None
    """When overfitting began; None where nothing is known."""
    intermediate: dict[int, float] = field(default_factory=dict)
    """The metric by epoch, as far as this trial reported it: that of the first round."""
    rounds: tuple[Round, ...] = ()
    """All that it consists of, begun or not; empty for a plain trial."""
    costs: tuple[float, ...] = ()
    """Of a trial with a value, in the order of the study's costs."""
    slot: int | None = None
    """That of its last attempt, counted from 1; None for an older hpsearch, and if read off."""
    nodes: tuple[str, ...] = ()
    """The machines that trained it, in this order, unless it was only the launcher's."""
    started: datetime | None = None
    """When its last attempt began."""
    ended: datetime | None = None

    @property
    def epochs(self) -> int | None:
        """Requested epochs; None for a trial that broke, if the space has no `epochs`."""
        asked = self.params.get("epochs")
        if isinstance(asked, int):
            return asked
        if self.outcome not in {Outcome.FINISHED, Outcome.PRUNED}:
            return None
        if values_of(self.rounds):
            return self.epochs_done
        return (self.epochs_done + self.epochs_pruned) // max(1, len(self.rounds))

    @property
    def curves(self) -> list[str]:
        """The curves of the rounds that ended, or else of the first; empty where none began."""
        ended = [one.curve for one in self.rounds if one.value is not None]
        return [name for name in ended or [self.curve] if name is not None]

    @property
    def spread(self) -> str:
        """`±0.0021 over 5 folds`: the standard deviation; empty before two rounds have ended."""
        spread = spread_of(self.rounds)
        if spread is None:
            return ""
        shown = show_figure(spread, like=self.value)
        return f"±{shown} over {describe_number(len(values_of(self.rounds)), self.rounds)}"

    @property
    def progress(self) -> str:
        """`2 of 5 folds`, those that have ended; empty where none has, or all have."""
        n = len(values_of(self.rounds))
        if not 0 < n < len(self.rounds):
            return ""
        return f"{n} of {describe_number(len(self.rounds), self.rounds)}"

    @property
    def has_ended(self) -> bool:
        """Whether it has a value: the metric after its last epoch."""
        return self.outcome in {Outcome.FINISHED, Outcome.READ_OFF} and self.value is not None

    @property
    def is_unfinished(self) -> bool:
        """Whether it runs, or waits to be resumed."""
        return self.outcome in {Outcome.RUNNING, Outcome.WAITING}

    @property
    def is_free(self) -> bool:
        """Whether it costs no budget: another trial already counts for it."""
        return self.read_off is not None or self.promoted_from is not None

    @property
    def is_counted(self) -> bool:
        """Whether it counts towards the budget: started, and not free."""
        return not self.is_free and self.outcome is not Outcome.WAITING


def row_of_others(trial: FrozenTrial) -> TrialRow:
    """Read a trial of a study that Optuna made without hpsearch.

    Its user attributes mean whatever their author meant. Intermediate values count as epochs. A
    trial that violates a constraint has no value to be the best by, whatever it reached.
    """
    steps = dict(enumerate((value for _, value in sorted(trial.intermediate_values.items())), 1))
    started, ended = trial.datetime_start, trial.datetime_complete
    read = _read(trial, {})
    violates = any(violation > 0 for violation in trial.constraints.values())
    is_infeasible = read.outcome is Outcome.FINISHED and violates
    return replace(
        read,
        outcome=Outcome.INFEASIBLE if is_infeasible else read.outcome,
        epochs_done=len(steps),
        seconds=(ended - started).total_seconds() if started and ended else 0.0,
        intermediate=steps,
    )


def row(trial: FrozenTrial) -> TrialRow:
    """Read a trial of a study.

    Raises:
        StorageError: Its attributes are not what hpsearch stored.
    """
    attrs = {name: value for name, value in trial.user_attrs.items() if value is not None}
    for name in attrs.keys() & KINDS.keys():
        if not isinstance(attrs[name], KINDS[name]):
            raise StorageError(
                f"trial {trial.number} is damaged in the storage: its {name} is {attrs[name]!r}; "
                "restore the storage from a backup; nothing was changed"
            )
    return _read(trial, attrs)


def _read(trial: FrozenTrial, attrs: Mapping[str, Any]) -> TrialRow:
    rounds = read_rounds(attrs.get(Attr.ROUNDS, ()))
    return TrialRow(
        number=trial.number,
        outcome=_outcome(trial, attrs),
        value=_value(trial, rounds),
        rounds=rounds,
        costs=tuple(trial.values[1:]) if trial.values else (),
        params=trial.params,
        epochs_done=max(trial.intermediate_values, default=0),
        epochs_trained=attrs.get(Attr.EPOCHS_TRAINED, 0),
        epochs_reused=attrs.get(Attr.EPOCHS_REUSED, 0) if Attr.READ_OFF not in attrs else 0,
        epochs_pruned=attrs.get(Attr.EPOCHS_PRUNED, 0),
        seconds=attrs.get(Attr.SECONDS, 0.0),
        reason=attrs.get(Attr.REASON, ""),
        output=attrs.get(Attr.OUTPUT, ""),
        read_off=attrs.get(Attr.READ_OFF),
        promoted_from=attrs.get(Attr.PROMOTED_FROM),
        replicate_of=attrs.get(Attr.REPLICATE_OF),
        seed=attrs.get(Attr.SEED),
        is_baseline=Attr.BASELINE in attrs,
        curve=attrs.get(Attr.CURVE),
        onset=_onset(trial, attrs),
        intermediate=trial.intermediate_values,
        slot=attrs.get(Attr.SLOT),
        nodes=tuple(filter(None, attrs.get(Attr.NODE, "").split(NODES_APART))),
        started=trial.datetime_start,
        ended=trial.datetime_complete,
    )


def curves_of(trial: FrozenTrial) -> set[str]:
    """The curves of all rounds of a trial that have begun."""
    names = [one.curve for one in read_rounds(trial.user_attrs.get(Attr.ROUNDS, ()))]
    return {name for name in [trial.user_attrs.get(Attr.CURVE), *names] if name is not None}


def onset_attrs(curve: Mapping[int, Logs]) -> dict[str, str | int]:
    """The user attributes that say when overfitting began on a trial's curve."""
    onset = find_onset(curve)
    if onset is None:
        return {}
    attrs = {Attr.FIT: onset.fit.value, Attr.LOWEST: onset.lowest, Attr.ONSET: onset.epoch}
    return {name: value for name, value in attrs.items() if value is not None}


def _value(trial: FrozenTrial, rounds: Sequence[Round]) -> float | None:
    """The metric: after the last epoch, or where a trial was pruned, as a mean over rounds."""
    if trial.state is TrialState.PRUNED and (values := values_of(rounds)):
        return fmean(values)
    if trial.values:
        return float(trial.values[0])
    steps: dict[int, float] = trial.intermediate_values
    return steps[max(steps)] if steps and trial.state is TrialState.PRUNED else None


def _onset(trial: FrozenTrial, attrs: Mapping[str, Any]) -> Onset | None:
    if attrs.get(Attr.FIT) not in set(Fit):  # an older hpsearch stored none
        return None
    n_epochs = max(trial.intermediate_values, default=trial.params.get("epochs", 0))
    return Onset(
        fit=Fit(attrs[Attr.FIT]),
        n_epochs=n_epochs,
        lowest=attrs.get(Attr.LOWEST),
        epoch=attrs.get(Attr.ONSET),
    )


def _outcome(trial: FrozenTrial, attrs: Mapping[str, Any]) -> Outcome:
    match trial.state:
        case TrialState.RUNNING:
            return Outcome.RUNNING
        case TrialState.WAITING:
            return Outcome.WAITING
    if Attr.READ_OFF in attrs:
        return Outcome.READ_OFF
    stored = attrs.get(Attr.OUTCOME)
    if stored in set(Outcome):  # a newer hpsearch may know others
        return Outcome(stored)
    by_state = {TrialState.COMPLETE: Outcome.FINISHED, TrialState.PRUNED: Outcome.PRUNED}
    return by_state.get(trial.state, Outcome.FAILED)


def curve_epochs(rows: Iterable[TrialRow]) -> int:
    """The epochs of trials' curves, each counted once, whoever trained them."""
    lengths: dict[str, int] = {}
    for trial in rows:
        for curve in trial.curves:
            lengths[curve] = max(lengths.get(curve, 0), trial.epochs_done)
    return sum(lengths.values())
