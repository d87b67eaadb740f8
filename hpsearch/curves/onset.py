"""Overfitting: from which epoch on, if any, a network only learns its training examples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from hpsearch.goal import Logs

RISE = 0.02  # of the lowest validation loss: less is noise
N_AT_LEAST = 2  # epochs with a higher loss until it counts as risen for good
STILL_FALLS = 0.75  # of the epochs: validation loss that falls after that is still falling


class Fit(StrEnum):
    """What a curve says about how well a network fits its training examples."""

    OVERFITS = "overfits"
    NO_OVERFITTING = "no overfitting"
    UNDERFITS = "underfits"
    DIVERGED = "diverged"
    TOO_SHORT = "too short to tell"


@dataclass(frozen=True, kw_only=True)
class Onset:
    """When overfitting began on a curve."""

    fit: Fit
    n_epochs: int
    """The last epoch of the curve."""
    lowest: int | None = None
    """The epoch with the lowest validation loss."""
    epoch: int | None = None
    """The first epoch of overfitting, or the first that diverged."""

    @property
    def brief(self) -> str:
        """What a table says: `overfits from epoch 6`, or the name of the fit."""
        return f"overfits from epoch {self.epoch}" if self.fit is Fit.OVERFITS else self.fit.value

    def __str__(self) -> str:
        """A sentence about the curve, without its full stop."""
        match self.fit:
            case Fit.OVERFITS:
                return (
                    f"validation loss is lowest at epoch {self.lowest}; "
                    f"from epoch {self.epoch} on the network overfits"
                )
            case Fit.NO_OVERFITTING:
                return f"no overfitting within {self.n_epochs} epochs"
            case Fit.UNDERFITS:
                return f"still underfitting: both losses fall until epoch {self.n_epochs}"
            case Fit.DIVERGED:
                return f"diverged in epoch {self.epoch}"
            case Fit.TOO_SHORT:
                return "too short to tell whether the network overfits"


def find_onset(curve: Mapping[int, Logs]) -> Onset | None:
    """Find where validation loss rises for good while training loss still falls.

    Validation loss, smoothed by a median over three epochs, has its minimum at one epoch.
    Overfitting begins at the first later epoch from which on it stays more than 2 % above
    that minimum, for at least two epochs, if training loss ends lower than it was there. If
    validation loss still fell by more than 2 % in the last quarter, the network underfits.

    Args:
        curve: Keras's logs by epoch, counted from 1; epochs may be missing.

    Returns:
        None if the curve has no epochs, or was trained without validation.
    """
    epochs = sorted(curve)
    if not epochs or not all({"loss", "val_loss"} <= logs.keys() for logs in curve.values()):
        return None
    loss = [curve[epoch]["loss"] for epoch in epochs]
    raw = [curve[epoch]["val_loss"] for epoch in epochs]
    n_epochs = epochs[-1]
    for epoch, *losses in zip(epochs, loss, raw, strict=True):
        if not all(map(math.isfinite, losses)):
            return Onset(fit=Fit.DIVERGED, n_epochs=n_epochs, epoch=epoch)
    lowest = epochs[raw.index(min(raw))]
    if len(epochs) == 1:
        return Onset(fit=Fit.TOO_SHORT, n_epochs=n_epochs, lowest=lowest)

    smooth = _smoothed(raw)
    at_minimum = smooth.index(min(smooth))
    bound = smooth[at_minimum] + RISE * abs(smooth[at_minimum])
    onset = len(epochs)
    while onset > at_minimum + 1 and smooth[onset - 1] > bound:
        onset -= 1
    if len(epochs) - onset >= N_AT_LEAST and loss[-1] < loss[at_minimum]:
        return Onset(fit=Fit.OVERFITS, n_epochs=n_epochs, lowest=lowest, epoch=epochs[onset])
    late = [i for i, epoch in enumerate(epochs) if epoch > STILL_FALLS * n_epochs]
    before = max(late[0] - 1, 0)
    still_falls = at_minimum in late and smooth[before] > bound and loss[-1] < loss[before]
    fit = Fit.UNDERFITS if still_falls else Fit.NO_OVERFITTING
    return Onset(fit=fit, n_epochs=n_epochs, lowest=lowest)


def _smoothed(values: Sequence[float]) -> list[float]:
    """The median of each value and its neighbours; the ends are repeated."""
    padded = [values[0], *values, values[-1]]
    return [median(padded[i : i + 3]) for i in range(len(values))]
