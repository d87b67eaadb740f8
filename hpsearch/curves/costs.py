"""What a network costs, which a search may minimize besides its metric."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from hpsearch.curves.curve import Curve
from hpsearch.errors import DataError
from hpsearch.goal import Logs


def describe_cost(name: str, cost: float) -> str:
    """A cost as a table shows it: `12,345` weights, `0.123` seconds."""
    return f"{cost:,.0f}" if name == "n_weights" else f"{cost:.3g}"


def measure_costs(names: Sequence[str], curve: Curve, logs: Sequence[Logs]) -> list[float]:
    """The costs of a network.

    Args:
        names: Of `COSTS`.
        curve: The network's; it has at least one epoch.
        logs: Of the epochs that count, the first of the curve first.

    Returns:
        A cost for each name: `n_weights`, trained or not; `seconds_per_epoch`, a median without
        the first epoch, which compiles, unless it is the only one.

    Raises:
        DataError: An older hpsearch stored the curve, without the number of weights.
    """

    def measure(name: str) -> float | None:
        if name == "n_weights":
            return curve.n_weights
        seconds = [one["seconds"] for one in logs]
        return median(seconds[1:] or seconds)

    found = [measure(name) for name in names]
    known = [float(cost) for cost in found if cost is not None]
    if len(known) < len(found):
        raise DataError(
            f"an older hpsearch stored {curve.folder} without the number of weights: delete that "
            "folder, and its epochs are trained anew"
        )
    return known
