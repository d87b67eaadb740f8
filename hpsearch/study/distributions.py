"""Validate, describe and count the range of one hyperparameter."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from decimal import Decimal

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hpsearch.errors import StudyFileError
from hpsearch.study.optuna_internals import contains
from hpsearch.task import TRAINER_PARAMS, ParamValue


def number_range(
    name: str, low: float, high: float, step: float | None, log: bool
) -> FloatDistribution:
    """A range of numbers, from the arguments of `suggest_float`.

    Raises:
        StudyFileError: The range is invalid.
    """
    if name in TRAINER_PARAMS:
        raise StudyFileError(f"{name}: takes whole numbers: use suggest_int")
    _check_range(name, low, high, step, log)
    return FloatDistribution(low, high, step=step, log=log)


def whole_number_range(name: str, low: int, high: int, step: int, log: bool) -> IntDistribution:
    """A range of whole numbers, from the arguments of `suggest_int`.

    Raises:
        StudyFileError: The range is invalid.
    """
    for value in (low, high, step):  # Optuna would truncate it silently
        if isinstance(value, float) and math.isfinite(value) and value != int(value):
            raise StudyFileError(f"{name}: suggest_int takes whole numbers, not {value!r}")
    _check_range(name, low, high, step, log)
    distribution = IntDistribution(low, high, step=step, log=log)
    if name in TRAINER_PARAMS and low < 1:
        raise StudyFileError(f"{name}: low must be 1 or more, not {low!r}")
    return distribution


def choices_of(name: str, choices: Sequence[ParamValue]) -> CategoricalDistribution:
    """A set of choices, from the argument of `suggest_categorical`.

    Raises:
        StudyFileError: The choices are invalid.
    """
    if isinstance(choices, str):  # a sequence of letters to Optuna
        raise StudyFileError(f"{name}: choices must be a list: write [{choices!r}]")
    if len(choices) == 0:
        raise StudyFileError(f"{name}: give at least one choice")
    for choice in choices:
        _check_choice(name, choice)
    for i, choice in enumerate(choices):
        if any(choice == other and type(choice) is type(other) for other in choices[:i]):
            raise StudyFileError(f"{name}: duplicate choice {choice!r}")
    numbers = {float(c) for c in choices if isinstance(c, int | float)}
    for choice in choices:
        if isinstance(choice, str) and numbers and _is_number(choice):
            raise StudyFileError(
                f"{name}: the choices mix numbers and the text {choice!r}: remove the quotes"
            )
    return CategoricalDistribution(choices)


def describe_distribution(distribution: BaseDistribution) -> str:
    """Describe a range or a set of choices in words."""
    match distribution:
        case CategoricalDistribution(choices=choices):
            return "one of " + ", ".join(str(choice) for choice in choices)
        case IntDistribution(low=low, high=high, step=step, log=log):
            by = f" in steps of {step}" if step != 1 else ""
            return f"whole number {low} to {high}{by}{', log scale' if log else ''}"
        case FloatDistribution(low=low, high=high, step=step, log=log):
            by = f" in steps of {step:g}" if step else ""
            return f"number {low:g} to {high:g}{by}{', log scale' if log else ''}"
    return str(distribution)


def lies_in(value: ParamValue, distribution: BaseDistribution) -> bool:
    """Whether a value has the right type and lies in the range."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match distribution:
        case IntDistribution() if not isinstance(value, int) or not is_number:
            return False
        case FloatDistribution() if not is_number:
            return False
    return contains(distribution, value)


def n_values(distribution: BaseDistribution) -> int | None:
    """How many values there are; None for infinitely many."""
    match distribution:
        case CategoricalDistribution(choices=choices):
            return len(choices)
        case IntDistribution(low=low, high=high, step=step):
            return (high - low) // step + 1
        case FloatDistribution(low=low, high=high) if low == high:
            return 1
        case FloatDistribution(low=low, high=high, step=float() as step):
            return round((high - low) / step) + 1
    return None


def draw(distribution: BaseDistribution, rng: random.Random) -> ParamValue:
    """Draw a value, ignoring the scale, which does not matter for probing."""
    match distribution:
        case CategoricalDistribution(choices=choices):
            return rng.choice(choices)
        case IntDistribution(low=low, high=high, step=step):
            return low + step * rng.randrange((high - low) // step + 1)
        case FloatDistribution(low=low, high=high, step=float() as step):
            steps = rng.randrange(round((high - low) / step) + 1)
            return min(high, low + step * steps)  # as Optuna does: 3 * 0.1 is more than 0.3
        case FloatDistribution(low=low, high=high):
            return rng.uniform(low, high)
    raise TypeError(f"unknown distribution: {distribution}")


def _check_range(name: str, low: float, high: float, step: float | None, log: bool) -> None:
    for value in (low, high, *([] if step is None else [step])):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise StudyFileError(f"{name}: low, high and step must be numbers, not {value!r}")
    if not (math.isfinite(low) and math.isfinite(high)):
        raise StudyFileError(f"{name}: low and high must be finite, not {low!r} and {high!r}")
    if low > high:
        raise StudyFileError(f"{name}: low ({low!r}) is greater than high ({high!r}): swap them")
    if log and low <= 0:
        raise StudyFileError(
            f"{name}: a log scale cannot start at {low!r}: start at a small number above 0"
        )
    if step is None or (log and step == 1):
        return
    if log:
        raise StudyFileError(f"{name}: a log scale has no steps: leave out step or log")
    if not (math.isfinite(step) and step > 0):
        raise StudyFileError(f"{name}: step must be more than 0, not {step!r}")
    # in decimals, as the numbers are written: 0.3 is three steps of 0.1
    first, last, by = (Decimal(str(value)) for value in (low, high, step))
    if reached := (last - first) % by:
        raise StudyFileError(
            f"{name}: steps of {step!r} from {low!r} do not reach {high!r}: "
            f"write high={last - reached}, or another step"
        )


def _check_choice(name: str, choice: object) -> None:
    if choice is not None and not isinstance(choice, bool | int | float | str):
        raise StudyFileError(
            f"{name}: a choice must be a number, text, true/false or None, not the "
            f"{type(choice).__name__} {choice!r}"
        )
    if isinstance(choice, float) and not math.isfinite(choice):
        raise StudyFileError(f"{name}: a choice must be finite, not {choice!r}")
    is_count = isinstance(choice, int) and not isinstance(choice, bool) and choice >= 1
    if name in TRAINER_PARAMS and not is_count:
        raise StudyFileError(f"{name}: choices must be whole numbers of 1 or more, not {choice!r}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
