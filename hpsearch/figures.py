"""Figures as people read them: four decimals, fewer where the number is large."""

from __future__ import annotations

FLOAT32_NOISE = 1e-7
"""Keras's figures are float32: equal ones may differ by so much."""


def show_figure(value: float, *, like: float | None = None) -> str:
    """A metric's value: `0.8413`, `12.345`, `1,234.6`, `0.000123`.

    Args:
        value: The figure.
        like: The figure whose decimals it has, such as the mean that a spread stands beside.
    """
    scale = abs(value if like is None else like)
    if 0 < scale < 0.001:
        return f"{value:.3g}"
    return f"{value:,.{_decimals(scale)}f}"


def show_gain(value: float) -> str:
    """A difference of two values of a metric, with its sign: `+0.0200`."""
    if abs(value) < FLOAT32_NOISE:
        value = 0.0
    elif abs(value) < 0.00005:
        return f"{value:+.2g}"
    return f"{value:+,.{_decimals(abs(value))}f}"


def _decimals(scale: float) -> int:
    """Four below 10, then one less for each digit before the point."""
    n_digits = len(f"{scale:.0f}")
    return max(0, 5 - n_digits)
