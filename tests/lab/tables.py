"""Tables of sweeps, made up."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.curves.onset import Fit, Onset
from hpsearch.goal import Goal
from hpsearch.lab.table import FactorTable, LevelRow, SweepTable, Training
from hpsearch.study.trials import Outcome
from hpsearch.task import ParamValue

GOAL = Goal("val_accuracy", "maximize")


def training(value: float, onset: Onset | None = None, best_epoch: int = 3) -> Training:
    return Training(
        trial=0,
        value=value,
        train_value=value + 0.1,
        best_epoch=best_epoch,
        onset=onset,
        seconds=[2.0, 1.0, 1.0],
        n_weights=1234,
    )


def level(
    label: str,
    values: Sequence[float],
    *,
    units: ParamValue = 4,
    onset: Onset | None = None,
    others: Sequence[Outcome] = (),
) -> LevelRow:
    """Of a baseline with 4 units."""
    return LevelRow(
        label=label,
        sets={} if units == 4 else {"units": units},
        params={"units": units, "epochs": 3},
        is_baseline=units == 4,
        trainings=[training(value, onset) for value in values],
        others=list(others),
    )


def table_of(baseline: LevelRow, *rows: LevelRow, best: LevelRow | None = None) -> SweepTable:
    """With one factor, `units`."""
    return SweepTable(
        study="toy-sweep",
        goal=GOAL,
        title="A toy.",
        baseline=baseline,
        factors=[FactorTable(name="units", rows=list(rows), best=best)],
        combined=[],
        n_epochs=12,
        n_epochs_apart=30,
    )


OVERFITS = Onset(fit=Fit.OVERFITS, n_epochs=3, lowest=1, epoch=2)
UNDERFITS = Onset(fit=Fit.UNDERFITS, n_epochs=3, lowest=3)
