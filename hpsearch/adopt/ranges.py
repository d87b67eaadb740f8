"""The range in which a search tries a hyperparameter, around the value that a script has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpsearch.task import ParamValue

ACTIVATIONS = ("relu", "tanh", "sigmoid")
OPTIMIZERS = ("sgd", "adam", "rmsprop")
KERNEL_SIZES = (3, 5)
# the learning rate of an optimizer that is named without one
LEARNING_RATES = {"sgd": 0.01}
LEARNING_RATE = 0.001


@dataclass(frozen=True)
class Range:
    """Where a hyperparameter is searched."""

    suggest: str
    """Python after `trial.`, with `{name}` for the name."""
    levels: tuple[ParamValue, ...]
    """For one-factor tables, the script's value included."""


def range_around(kind: str, value: ParamValue) -> Range | None:
    """The range for a value of a script; None for one that cannot be of that kind.

    Args:
        kind: What it is: `units`, `dropout`, ...
        value: The script's.
    """
    if kind in ("activation", "optimizer"):
        choices = ACTIVATIONS if kind == "activation" else OPTIMIZERS
        return _choice([*choices, value]) if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if kind in ("units", "filters", "embedding"):
        if not isinstance(value, int) or value < 1:
            return None
        low, high = max(value // 4, 1), 2 * value
        widths = dict.fromkeys((max(value // 2, 1), value, high))
        return Range(f'suggest_int("{{name}}", {low}, {high}, log=True)', tuple(widths))
    if kind == "kernel_size":
        return _choice(sorted({*KERNEL_SIZES, value})) if isinstance(value, int) else None
    if kind == "epochs":
        n = int(value)
        lengths = dict.fromkeys((max(n // 2, 1), n, 2 * n))
        suggest = f'suggest_int("{{name}}", {max(n // 4, 1)}, {max(2 * n, 5)})'
        return Range(suggest, tuple(lengths))
    if kind == "batch_size":
        return _choice([max(int(value) // 2, 1), int(value), 2 * int(value)])
    if kind in ("dropout", "recurrent_dropout", "noise"):
        return _share(float(value)) if 0 <= value < 1 else None
    if kind == "momentum":
        return _choice(sorted({0.0, 0.9, float(value)}))
    if kind == "learning_rate":
        least, most = min(1e-4, value), max(1e-1, value)
        rates = [rate for rate in (value / 10, value, value * 10) if least <= rate <= most]
        return _logarithmic(least, most, rates) if value > 0 else None
    # the strength of a penalty
    levels = [value / 10, value, value * 10]
    return _logarithmic(value / 100, value * 10, levels) if value > 0 else None


def default_learning_rate(optimizer: str) -> float:
    """Keras's own."""
    return LEARNING_RATES.get(optimizer, LEARNING_RATE)


def _choice(values: Sequence[ParamValue]) -> Range:
    levels = tuple(dict.fromkeys(values))
    listed = ", ".join(f'"{level}"' if isinstance(level, str) else repr(level) for level in levels)
    return Range(f'suggest_categorical("{{name}}", [{listed}])', levels)


def _share(value: float) -> Range:
    """From 0 to a half or more, in steps on which the value lies."""
    step = next((s for s in (0.1, 0.05, 0.01) if abs(value / s - round(value / s)) < 1e-9), None)
    high = max(0.5, value)
    if step is not None:
        high = round(step * round(high / step), 10)
    steps = "" if step is None else f", step={step:g}"
    levels = sorted({0.0, value, high})
    return Range(f'suggest_float("{{name}}", 0.0, {high:g}{steps})', tuple(levels))


def _logarithmic(low: float, high: float, levels: Sequence[float]) -> Range:
    exact = tuple(float(f"{level:.12g}") for level in levels)
    return Range(f'suggest_float("{{name}}", {low:.12g}, {high:.12g}, log=True)', exact)
