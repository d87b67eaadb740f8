"""Search spaces seen from outside: what `space(trial)` suggests, counted, compared."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)

from hpsearch.errors import SpaceError, StudyFileError
from hpsearch.study_file import StudyFile, describe, where
from hpsearch.task import Params, ParamValue

N_PROBES = 300


@dataclass(frozen=True)
class Space:
    """The hyperparameters a task suggests, and how many combinations there are."""

    distributions: dict[str, BaseDistribution]
    conditional: frozenset[str]
    """Names that are suggested in some trials only."""
    n_combinations: int | None
    """None where a hyperparameter is continuous."""

    def as_json(self) -> dict[str, str]:
        """One line of text per name, for storing and comparing."""
        return {name: distribution_to_json(d) for name, d in self.distributions.items()}


def explore(study_file: StudyFile) -> Space:
    """Call `space` with many probing trials and collect what it suggests.

    Raises:
        StudyFileError: `space` raised, or suggests something that cannot be meant.
    """
    task = study_file.task
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial(dict(task.baseline))
    seen: dict[str, BaseDistribution] = {}
    shapes: dict[tuple[str, ...], list[Params]] = {}
    for _ in range(N_PROBES):
        trial = study.ask()
        try:
            task.space(trial)
        except Exception as error:
            raise StudyFileError(
                f"{where(error, study_file.filename)}: space(trial) raised {describe(error)}"
            ) from error
        for name, distribution in trial.distributions.items():
            _check(name, distribution)
            if seen.setdefault(name, distribution) != distribution:
                raise StudyFileError(
                    f"space(trial) suggests {name!r} once as {describe_distribution(seen[name])} "
                    f"and once as {describe_distribution(distribution)}: give them two names"
                )
        shapes.setdefault(tuple(sorted(trial.params)), []).append(trial.params)
    conditional = {name for name in seen if any(name not in shape for shape in shapes)}
    return Space(seen, frozenset(conditional), _count(seen, shapes))


def validate(params: Mapping[str, ParamValue], space: Space, what: str) -> None:
    """Check that params lie inside a space.

    Args:
        params: Some or all hyperparameters.
        space: The search space.
        what: How the message calls them, such as `the baseline`.

    Raises:
        SpaceError: A name is unknown or a value outside its range.
    """
    for name, value in params.items():
        if name not in space.distributions:
            close = get_close_matches(name, space.distributions, 1)
            hint = f": did you mean {close[0]!r}?" if close else ""
            known = ", ".join(space.distributions)
            raise SpaceError(
                f"{what} names {name!r}, which the search space never suggests{hint} "
                f"(it suggests {known})"
            )
        distribution = space.distributions[name]
        try:
            inside = distribution._contains(distribution.to_internal_repr(value))
        except (ValueError, TypeError):
            inside = False
        if not inside:
            raise SpaceError(
                f"{what} sets {name}={value!r}, outside {describe_distribution(distribution)}"
            )


def parse_value(name: str, text: str, space: Space) -> ParamValue:
    """Read a value from the command line as its hyperparameter's kind.

    Raises:
        SpaceError: The name is unknown, or the text is not a value of it.
    """
    value: ParamValue = text
    distribution = space.distributions.get(name)
    try:
        if isinstance(distribution, IntDistribution):
            value = int(text)
        elif isinstance(distribution, FloatDistribution):
            value = float(text)
        elif isinstance(distribution, CategoricalDistribution):
            by_text = {str(choice): choice for choice in distribution.choices}
            value = by_text.get(text, text)
    except ValueError:
        pass  # `validate` says what is expected
    validate({name: value}, space, "--set")
    return value


def describe_distribution(distribution: BaseDistribution) -> str:
    """A range or a set of choices, for people."""
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


def differences(stored: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """A diff of two spaces as `as_json` gives them; empty if they are the same."""
    lines = []
    for name in [*stored, *(name for name in now if name not in stored)]:
        if stored.get(name) != now.get(name):
            for sign, side in (("-", stored), ("+", now)):
                if name in side:
                    distribution = optuna.distributions.json_to_distribution(side[name])
                    lines.append(f"{sign} {name}: {describe_distribution(distribution)}")
    return lines


def _check(name: str, distribution: BaseDistribution) -> None:
    if isinstance(distribution, CategoricalDistribution):
        for choice in distribution.choices:
            if choice is not None and not isinstance(choice, bool | int | float | str):
                raise StudyFileError(
                    f"{name}: a choice must be a number, text, true/false or None, not "
                    f"{type(choice).__name__}"
                )
    elif isinstance(distribution, IntDistribution | FloatDistribution):
        if not (math.isfinite(distribution.low) and math.isfinite(distribution.high)):
            raise StudyFileError(f"{name}: low and high must be finite")


def _n_values(distribution: BaseDistribution) -> int | None:
    match distribution:
        case CategoricalDistribution(choices=choices):
            return len(choices)
        case IntDistribution(low=low, high=high, step=step):
            return (high - low) // step + 1
        case FloatDistribution(low=low, high=high, step=float() as step):
            return round((high - low) / step) + 1
    return None


def _count(
    distributions: Mapping[str, BaseDistribution], shapes: Mapping[tuple[str, ...], list[Params]]
) -> int | None:
    """Combinations over all shapes of the space.

    In each shape a name has all its values, but for those that decide the shape: of
    them, only the values seen with this shape.
    """
    total = 0
    for names, probes in shapes.items():
        combinations = 1
        for name in names:
            n_values = _n_values(distributions[name])
            if n_values is None:
                return None
            seen_here = {json.dumps(params[name]) for params in probes}
            elsewhere = {
                json.dumps(params[name])
                for other, others in shapes.items()
                if other != names
                for params in others
                if name in params
            }
            decides = len(shapes) > 1 and elsewhere and not seen_here & elsewhere
            combinations *= len(seen_here) if decides else n_values
        total += combinations
    return total
