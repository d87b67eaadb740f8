"""Explore, count and compare search spaces: what `space(trial)` suggests."""

from __future__ import annotations

import ast
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
    json_to_distribution,
)
from optuna.trial import FixedTrial

from hpsearch.errors import SpaceError, StudyFileError, UsageError
from hpsearch.study.distributions import (
    choices_of,
    describe_distribution,
    draw,
    lies_in,
    n_values,
    number_range,
    whole_number_range,
)
from hpsearch.study_file import StudyFile, calling
from hpsearch.task import TRAINER_PARAMS, Factor, Params, ParamValue, Task, epochs_of

N_PROBES = 300
N_TRIED = 20

Distributions = dict[str, BaseDistribution]


@dataclass(frozen=True)
class Space:
    """The hyperparameters a task suggests, and their number of combinations."""

    distributions: Distributions
    conditional: frozenset[str]
    """Names suggested only in some trials."""
    n_combinations: int | None
    """None if a hyperparameter is continuous."""

    @property
    def continuous(self) -> list[str]:
        """The hyperparameters with infinitely many values."""
        return [name for name, d in self.distributions.items() if n_values(d) is None]

    def max_epochs(self, baseline: Mapping[str, ParamValue]) -> int:
        """Epochs of the longest trials: the baseline's if the space has no `epochs`."""
        match self.distributions.get("epochs"):
            case IntDistribution(high=high):
                return high
            case CategoricalDistribution(choices=choices):
                return max(int(choice) for choice in choices if choice is not None)
        return epochs_of(baseline)

    def as_json(self) -> dict[str, str]:
        """One line of text per name, for storing and comparing."""
        return {name: distribution_to_json(d) for name, d in self.distributions.items()}


class Probe(FixedTrial):
    """A dummy trial that records what is suggested and rejects invalid ranges.

    Args:
        seen: What all probes were suggested so far; updated.
        choose: Chooses the value of a hyperparameter.
    """

    def __init__(
        self, seen: Distributions, choose: Callable[[str, BaseDistribution], ParamValue]
    ) -> None:
        super().__init__({})
        self.seen, self.choose = seen, choose
        self.chosen: Params = {}

    @property
    def params(self) -> dict[str, Any]:
        return dict(self.chosen)

    @property
    def distributions(self) -> Distributions:
        return {name: self.seen[name] for name in self.chosen}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return float(self._suggest_from(name, number_range(name, low, high, step, log)))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        return int(self._suggest_from(name, whole_number_range(name, low, high, step, log)))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._suggest_from(name, choices_of(name, choices))

    def _suggest_from(self, name: str, distribution: BaseDistribution) -> Any:
        if self.seen.setdefault(name, distribution) != distribution:
            raise StudyFileError(
                f"space(trial) suggests {name!r} both as "
                f"{describe_distribution(self.seen[name])} and as "
                f"{describe_distribution(distribution)}: use two names"
            )
        if name not in self.chosen:
            self.chosen[name] = self.choose(name, distribution)
        return self.chosen[name]


def explore(study_file: StudyFile, fixed: Mapping[str, ParamValue] | None = None) -> Space:
    """Call `space` with many probes and collect what it suggests.

    Args:
        study_file: Its `space` is called.
        fixed: Hyperparameters with one value; only the others' combinations are counted.

    Raises:
        StudyFileError: `space` raised, or suggests an invalid range.
        SpaceError: The baseline or a factor lies outside the space.
    """
    seen: Distributions = {}
    rng = random.Random(0)
    probes = [Probe(seen, _from_baseline(study_file.task.baseline))]
    fixed = fixed or {}

    def choose(name: str, distribution: BaseDistribution) -> ParamValue:
        return fixed[name] if name in fixed else draw(distribution, rng)

    probes += [Probe(seen, choose) for _ in range(N_PROBES)]
    for probe in probes:
        _suggest(study_file, probe)
    if not seen:
        raise StudyFileError(
            f"{study_file.filename}: space(trial) suggests nothing: name each hyperparameter "
            "with trial.suggest_int, suggest_float or suggest_categorical"
        )
    shapes: dict[tuple[str, ...], list[Params]] = {}
    for probe in probes:
        if any(probe.chosen.get(name, value) != value for name, value in fixed.items()):
            continue  # the baseline, if it differs from what is fixed
        shapes.setdefault(tuple(sorted(probe.chosen)), []).append(probe.chosen)
    conditional = {name for name in seen if any(name not in shape for shape in shapes)}
    space = Space(seen, frozenset(conditional), _count(seen, shapes, fixed))
    _check_task(study_file, space)
    return space


def _suggest(study_file: StudyFile, probe: Probe) -> None:
    with calling("space(trial)", study_file.filename):
        study_file.task.space(probe)  # type: ignore[arg-type]  # suggests as a Trial does


def _from_baseline(
    baseline: Mapping[str, ParamValue],
) -> Callable[[str, BaseDistribution], ParamValue]:
    def choose(name: str, distribution: BaseDistribution) -> ParamValue:
        if name not in baseline:
            close = get_close_matches(name, baseline, 1)
            hint = f"rename {close[0]!r}" if close else "add it"
            raise SpaceError(
                f"the baseline lacks {name!r}, which space(trial) suggests here: {hint}"
            )
        if not lies_in(baseline[name], distribution):
            raise SpaceError(_outside("the baseline", name, baseline[name], distribution))
        return baseline[name]

    return choose


def _check_task(study_file: StudyFile, space: Space) -> None:
    """Check a task's baseline and factors against its space."""
    task = study_file.task
    levels = [
        (_field(task, factor), f"the factor {factor.name!r}", level)
        for factor in task.all_factors()
        for level in factor.levels
    ]
    for field, what, params in [*levels, ("baseline", "the baseline", task.baseline)]:
        searched = {
            name: value
            for name, value in params.items()
            if name in space.distributions or name not in TRAINER_PARAMS
        }
        try:
            validate(searched, space, what)
        except SpaceError as error:
            raise SpaceError(f"{place_of(study_file, field)}: {error}") from error


def params_of(study_file: StudyFile, space: Space, factor: Factor, level: Params) -> Params:
    """The complete params of a level: the baseline's, but for what the level sets.

    Raises:
        SpaceError: With these values, the space does not suggest all that the level sets, or
            suggests a hyperparameter that neither level nor baseline has a value for.
    """
    values = {**study_file.task.baseline, **level}
    asked = _asked(study_file, space, values)
    what = (
        f"{place_of(study_file, _field(study_file.task, factor))}: the level "
        f"{factor.describe(level)} of the factor {factor.name!r}"
    )
    for name, value in level.items():
        if name not in asked and name not in TRAINER_PARAMS:
            cause = _cause_of(name, study_file, space, values)
            cure = f": add {cause} to the level" if cause else ""
            raise SpaceError(
                f"{what} sets {name}={value}, but the space does not suggest {name!r} there{cure}"
            )
    for name in asked:
        if name not in values:
            raise SpaceError(
                f"{what} needs a value for {name!r}, which the space suggests then: add it to "
                "the level, or to the baseline"
            )
    return {name: values[name] for name in (*TRAINER_PARAMS, *asked)}


def _field(task: Task, factor: Factor) -> str:
    return "factors" if factor.name in task.factors else "paths"


def validate(params: Mapping[str, ParamValue], space: Space, what: str) -> None:
    """Check that params lie inside a space.

    Args:
        params: Some or all hyperparameters.
        space: The search space.
        what: What the message calls them, such as `the baseline`.

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
        if not lies_in(value, space.distributions[name]):
            raise SpaceError(_outside(what, name, value, space.distributions[name]))


def place_of(study_file: StudyFile, field: str) -> str:
    """The place where a study file sets `field=`, such as `file.py:12`."""
    for node in ast.walk(ast.parse(study_file.text)):
        if isinstance(node, ast.keyword) and node.arg == field:
            return f"{study_file.filename}:{node.value.lineno}"
    return study_file.filename


def parse_value(name: str, text: str, space: Space) -> ParamValue:
    """Parse a command-line value by its hyperparameter's type.

    Raises:
        SpaceError: The name is unknown, or the value outside its range.
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


def first_params(
    study_file: StudyFile, space: Space, fixed: Mapping[str, ParamValue]
) -> tuple[Params, bool]:
    """The params of a study's first trial: the baseline, with the fixed values.

    Args:
        study_file: Declares the baseline.
        space: Its search space.
        fixed: Hyperparameters that are not searched, and their values.

    Returns:
        The params that the baseline has values for, and whether they are the baseline's.

    Raises:
        UsageError: The space never suggests a fixed hyperparameter there, so the first trial
            would be the unchanged baseline.
    """
    values = {**study_file.task.baseline, **fixed}
    asked = _asked(study_file, space, values)
    for name, value in fixed.items():
        if name not in asked:
            cause = _cause_of(name, study_file, space, values)
            cure = f"; it does with --set {cause}" if cause else ""
            raise UsageError(
                f"--set {name}={value} has no effect on the first trial: the space never "
                f"suggests {name!r} with the baseline's other values{cure}"
            )
    first = {name: values[name] for name in asked if name in values}
    baseline = study_file.task.baseline
    return first, all(baseline.get(name) == value for name, value in fixed.items())


def _asked(study_file: StudyFile, space: Space, values: Mapping[str, ParamValue]) -> Params:
    """What `space` suggests, given these values and random others."""
    rng = random.Random(0)

    def choose(name: str, distribution: BaseDistribution) -> ParamValue:
        return values[name] if name in values else draw(distribution, rng)

    probe = Probe(dict(space.distributions), choose)
    _suggest(study_file, probe)
    return probe.chosen


def _cause_of(
    name: str, study_file: StudyFile, space: Space, values: Mapping[str, ParamValue]
) -> str:
    """A `name=value` that makes the space suggest a name; empty if none is found."""
    rng = random.Random(0)
    for other, distribution in space.distributions.items():
        tried = [draw(distribution, rng) for _ in range(N_TRIED)]
        for value in dict.fromkeys(tried):
            if name in _asked(study_file, space, {**values, other: value}):
                return f"{other}={value}"
    return ""


def differences(stored: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """A diff of two spaces from `as_json`; empty if they are equal."""
    lines = []
    for name in [*stored, *(name for name in now if name not in stored)]:
        if stored.get(name) != now.get(name):
            for sign, side in (("-", stored), ("+", now)):
                if name in side:
                    distribution = json_to_distribution(side[name])
                    lines.append(f"{sign} {name}: {describe_distribution(distribution)}")
    return lines


def _outside(what: str, name: str, value: ParamValue, distribution: BaseDistribution) -> str:
    return f"{what} sets {name}={value!r}, outside {describe_distribution(distribution)}"


def _count(
    distributions: Mapping[str, BaseDistribution],
    shapes: Mapping[tuple[str, ...], list[Params]],
    fixed: Mapping[str, ParamValue],
) -> int | None:
    """Combinations over all shapes of the space.

    In each shape a name has all its values, except names that decide the shape: they
    have only the values seen with it.
    """
    total = 0
    for names, probes in shapes.items():
        combinations = 1
        for name in names:
            n_of_name = 1 if name in fixed else n_values(distributions[name])
            if n_of_name is None:
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
            combinations *= len(seen_here) if decides else n_of_name
        total += combinations
    return total
