"""A curve as a line of blocks, to stand beside figures."""

from __future__ import annotations

import math
from collections.abc import Mapping

BLOCKS = "▁▂▃▄▅▆▇█"
LOST = "×"  # not a finite number


def sparkline(values: Mapping[int, float], width: int) -> str:
    """Draw a curve from its lowest to its highest value.

    Args:
        values: By epoch; epochs may be missing.
        width: At most so many characters; of a longer curve, every so many epochs are shown,
            the last one among them.

    Returns:
        A block for each epoch shown; nothing for fewer than two.
    """
    shown = [values[epoch] for epoch in sorted(values)]
    if len(shown) > width:
        step = len(shown) / width
        shown = [shown[math.ceil((i + 1) * step) - 1] for i in range(width)]
    finite = [value for value in shown if math.isfinite(value)]
    if len(shown) < 2 or not finite:
        return ""
    low, high = min(finite), max(finite)
    top = len(BLOCKS) - 1

    def block(value: float) -> str:
        if not math.isfinite(value):
            return LOST
        return BLOCKS[round((value - low) / (high - low) * top) if high > low else top // 2]

    return "".join(map(block, shown))
