"""What a study file declares: the task, its factors and its budget."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from math import inf
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hpsearch.data.arrays import Dataset, is_texts
from hpsearch.data.inputs import Encoded
from hpsearch.data.sources import Source
from hpsearch.errors import StudyFileError
from hpsearch.goal import Direction, Goal, Logs
from hpsearch.published import Published

if TYPE_CHECKING:
    import keras
    from optuna import Trial

ParamValue = bool | int | float | str | None
Params = dict[str, ParamValue]
"""The hyperparameters of one trial by name: Optuna's `trial.params`."""

Level = ParamValue | Mapping[str, ParamValue]
"""One setting of a factor: its hyperparameter's value, or values of several by name."""

ClassWeight = Mapping[int, float] | Literal["balanced"] | None
"""How much an example of each class counts in training, by label; `balanced` lets all classes
count the same, however many examples they have."""

TRAINER_PARAMS = ("epochs", "batch_size")
"""Params that the trainer reads; `build` gets all but `epochs`."""


def without_epochs(params: Params) -> Params:
    """The params that define a network; `epochs` only says how long it trains."""
    return {name: value for name, value in params.items() if name != "epochs"}


def epochs_of(params: Mapping[str, ParamValue]) -> int:
    """How many epochs a network with these params trains."""
    epochs = params["epochs"]
    assert isinstance(epochs, int)  # a task refuses anything else
    return epochs


def describe_params(params: Params) -> str:
    """`units=64 lr=0.001`; nothing for a hyperparameter that is None, such as an absent layer."""
    return " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in params.items()
        if value is not None
    )


@dataclass(frozen=True, kw_only=True)
class Factor:
    """What a lab varies on its own, while the rest stays as in the baseline."""

    name: str
    levels: tuple[Params, ...]
    """The values that each level sets."""

    def describe(self, level: Params) -> str:
        """A level as a table shows it: `500`, or `layers=2 units_2=500`."""
        if list(level) == [self.name]:
            return str(level[self.name])
        return " ".join(f"{name}={value}" for name, value in level.items())


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much a search may spend, unless the command line says otherwise."""

    n_trials: int
    """The study's total number of trials; read-off trials are free."""
    timeout_s: float | None = None
    """Maximum seconds that a launcher runs; None for no limit."""

    def __post_init__(self) -> None:
        if not _is_count(self.n_trials):
            raise StudyFileError(
                f"n_trials must be a whole number of 1 or more, not {self.n_trials!r}"
            )
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise StudyFileError(f"timeout_s must be more than 0, not {self.timeout_s!r}")


@dataclass(frozen=True, kw_only=True)
class Writing:
    """The text that a network writes if it predicts the next character."""

    n_chars: int = 100
    """Written after each epoch of a trial, from a window of the training text."""
    temperatures: tuple[float, ...] = (0.0, 0.7)
    """One text each; 0 takes the most likely character, 1 samples from the prediction."""

    def __post_init__(self) -> None:
        if not _is_count(self.n_chars):
            raise StudyFileError(
                f"n_chars must be a whole number of 1 or more, not {self.n_chars!r}"
            )
        if not self.temperatures or min(self.temperatures) < 0:
            raise StudyFileError(
                f"temperatures must be numbers of 0 or more, not {self.temperatures!r}"
            )


class Evidence(StrEnum):
    """What can answer a question of a lab; the first three need a factor."""

    LEVELS = "levels"
    TIME = "time"
    OVERFITTING_BY_LEVEL = "overfitting by level"
    OVERFITTING = "overfitting"
    BASELINE = "baseline"
    COMBINATION = "combination"
    SEARCH = "search"
    TEST = "test"
    FINDINGS = "findings"


OF_FACTORS = (Evidence.LEVELS, Evidence.TIME, Evidence.OVERFITTING_BY_LEVEL)


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question that the lab asks; a report answers it as far as figures can."""

    words: str
    """In the lab's language."""
    evidence: str = ""
    """One of `Evidence`; empty if only words can answer."""
    factor: str = ""
    """For evidence about a factor: which."""

    def __post_init__(self) -> None:
        if self.evidence not in ("", *Evidence):
            kinds = ", ".join(map(repr, map(str, Evidence)))
            raise StudyFileError(
                f"the question {self.words!r} names evidence {self.evidence!r}, which is none of "
                f"{kinds}"
            )
        if bool(self.factor) != (self.evidence in OF_FACTORS):
            kinds = ", ".join(map(repr, map(str, OF_FACTORS)))
            raise StudyFileError(
                f"the question {self.words!r}: factor= goes with evidence {kinds}, and only there"
            )


@dataclass(frozen=True, kw_only=True)
class Task:
    """A lab task: data, search space, network and goal.

    The trainer reads `epochs` and `batch_size`; `build` gets all hyperparameters but `epochs`.
    If the space does not suggest these two, the baseline's apply.
    """

    load: Callable[[Path], Dataset]
    """The folder that holds the data -> the data, split. NumPy only, no Keras."""
    space: Callable[[Trial], object]
    """Suggests each hyperparameter once, with `trial.suggest_*`."""
    build: Callable[[Any], keras.Model]
    """Params except `epochs` -> a compiled model. Put `import keras` inside."""
    baseline: Mapping[str, ParamValue]
    """The lab's own values; trial 0 of each search."""
    evaluated_epochs: int | None = None
    """Epochs that `evaluate` trains the baseline for, where the lab looks at more of them and
    then trains anew for fewer; None for the baseline's own."""
    metric: str = "val_accuracy"
    """A key of Keras's logs on validation."""
    direction: Direction = "maximize"
    unit: str = ""
    """For regression: of the numbers that the network predicts, such as `EUR`. Predictions are
    shown with it, and a metric that is an error in it, such as `val_mae`."""
    factors: Mapping[str, Sequence[Level]] = field(default_factory=dict)
    """What the lab varies one at a time: a hyperparameter's values, or under any name the
    sets of values that belong together, such as `{"layers": 2, "units_2": 500}`."""
    paths: Mapping[str, Sequence[Level]] = field(default_factory=dict)
    """Factors whose levels add up: each level keeps what the levels before it set."""
    budget: Budget = Budget(n_trials=40)
    source: Source | None = None
    """Where the data come from; None if `load` reads a folder of your own."""
    published: Published | None = None
    questions: Sequence[Question] = ()
    """What the lab asks, in the order in which a report answers."""
    classes: Sequence[str] | Mapping[str, Sequence[str]] = ()
    """A name for each label, in the order of the labels. With several outputs, a dict of such
    lists by the outputs' names, or by "0", "1", ... where the labels are a tuple."""
    encode: Callable[[bytes, tuple[str, ...]], Encoded] | None = None
    """For `predict`: a file's content, or a text in UTF-8, and the data's vocabulary -> one
    example as the network takes it. NumPy only, no Keras."""
    writing: Writing | None = None
    """For networks that predict the next character of a window of text."""
    also_log: Callable[[Logs], Logs] | None = None
    """Keras's logs -> more logs that follow from them, such as another unit of the loss."""
    gradient_norm: bool = False
    """Whether to log the norm of the gradient, before clipping, as a mean over batches."""
    jit_compile: bool = False
    """Whether to compile training with XLA. It usually speeds up recurrent networks over
    many steps, but not dense ones."""
    class_weight: ClassWeight | Callable[[Any], ClassWeight] = None
    """How much an example of each class counts in training, also as a function of the params
    except `epochs`. Validation and test count all examples the same."""
    callbacks: Callable[[Any], Sequence[keras.callbacks.Callback]] | None = None
    """Params except `epochs` -> Keras callbacks; `hpsearch/training/callbacks.py` says which.
    They may watch validation, so with callbacks `evaluate` fits networks on train alone."""
    folds: int | None = None
    """How many: a trial's value is then the mean over folds, each of which is held out in turn
    from the train split; None for a validation split. `Dataset` may say what belongs together."""
    continues: bool = True
    """Whether training goes on exactly where it stopped. False for callbacks, layers or models
    that keep what no checkpoint has: each network is then trained in one go, from the first
    epoch, also where fewer epochs of it are stored."""

    def __post_init__(self) -> None:
        optional = ("encode", "also_log", "callbacks")
        for name in ("load", "space", "build", *optional):
            value = getattr(self, name)
            if not callable(value) and not (value is None and name in optional):
                raise StudyFileError(f"{name}= takes a function, not {value!r}")
        for name, kind in (("source", Source), ("published", Published), ("writing", Writing)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise StudyFileError(f"{name}= takes a {kind.__name__}(...), not {value!r}")
        if not callable(self.class_weight):
            _require_class_weight(self.class_weight)
        if not isinstance(self.budget, Budget):
            raise StudyFileError(f"budget= takes a Budget(...), not {self.budget!r}")
        by_output = self.classes.values() if isinstance(self.classes, Mapping) else [self.classes]
        if not all(map(is_texts, by_output)):
            raise StudyFileError(
                f"classes= takes a list of names, not {self.classes!r}; with several outputs, a "
                "dict of such lists by output"
            )
        self.goal.check()
        if self.folds is not None and (not _is_count(self.folds) or self.folds < 2):
            raise StudyFileError(f"folds must be a whole number of 2 or more, not {self.folds!r}")
        if self.folds is not None and self.callbacks is not None:
            raise StudyFileError(
                "folds= and callbacks= do not go together: callbacks may watch validation, and "
                "evaluate fits networks on all folds, without any"
            )
        if not isinstance(self.unit, str):
            raise StudyFileError(f"unit= takes a text such as 'EUR', not {self.unit!r}")
        published = self.published
        if (
            self.callbacks is not None
            and published is not None
            and published.test_accuracy is not None
            and published.trained_on != "train"
        ):
            raise StudyFileError(
                "callbacks= may watch validation, so evaluate fits networks on train alone, but "
                "the published one was fitted on train+valid: leave out its test_accuracy="
            )
        for name, levels in (*self.factors.items(), *self.paths.items()):
            if not isinstance(levels, list | tuple) or not levels:
                raise StudyFileError(f"the factor {name!r} needs a list of values, not {levels!r}")
            if not all(isinstance(level, ParamValue | Mapping) and level != {} for level in levels):
                raise StudyFileError(
                    f"the factor {name!r} takes values, or dicts of values by name, not {levels!r}"
                )
            if name in self.factors and name in self.paths:
                raise StudyFileError(f"{name!r} is both a factor and a path: use two names")
        if self.evaluated_epochs is not None and not _is_count(self.evaluated_epochs):
            raise StudyFileError(
                "evaluated_epochs must be a whole number of 1 or more, not "
                f"{self.evaluated_epochs!r}"
            )
        for finding in () if self.published is None else self.published.findings:
            for level in (*finding.levels, *(() if finding.than is None else (finding.than,))):
                self.level(finding.factor, level)
            if finding.factor:
                self.factor(finding.factor)
        if not all(isinstance(question, Question) for question in self.questions):
            raise StudyFileError(
                f"questions= takes a list of Question(...), not {self.questions!r}"
            )
        for question in self.questions:
            if question.factor:
                self.factor(question.factor)
        for name in TRAINER_PARAMS:
            if not _is_count(value := self.baseline.get(name)):
                raise StudyFileError(
                    f"the baseline needs {name!r}, a whole number of 1 or more, not {value!r}"
                )

    @property
    def goal(self) -> Goal:
        """Metric and direction."""
        return Goal(self.metric, self.direction, self.unit)

    @property
    def fold_numbers(self) -> tuple[int | None, ...]:
        """What is held out in turn: each fold, or None for the validation split."""
        return (None,) if self.folds is None else tuple(range(1, self.folds + 1))

    def classes_of(self, output: str) -> Sequence[str]:
        """The names of the labels of an output; a single output's own name is empty."""
        if isinstance(self.classes, Mapping):
            return self.classes.get(output, ())
        return () if output else self.classes

    def all_factors(self) -> list[Factor]:
        """The factors, then the paths, in the order in which the study file has them."""
        factors = [
            Factor(name=name, levels=tuple(_values(name, level) for level in levels))
            for name, levels in self.factors.items()
        ]
        for name, steps in self.paths.items():
            sets = accumulate((_values(name, step) for step in steps), operator.or_)
            factors.append(Factor(name=name, levels=tuple(sets)))
        return factors

    def factor(self, name: str) -> Factor:
        """A factor or path by its name.

        Raises:
            StudyFileError: The task declares none of that name.
        """
        factors = {factor.name: factor for factor in self.all_factors()}
        if name not in factors:
            raise StudyFileError(f"the task has no factor {name!r}, only {', '.join(factors)}")
        return factors[name]

    def level(self, name: str, declared: object) -> Params:
        """What a level of a factor sets, found by how the study file declares it.

        Raises:
            StudyFileError: The task declares no such factor or level.
        """
        levels = self.factors.get(name) or self.paths.get(name) or ()
        if declared not in levels:
            self.factor(name)
            raise StudyFileError(f"the factor {name!r} has no level {declared!r}")
        return self.factor(name).levels[list(levels).index(declared)]  # type: ignore[arg-type]

    def class_weight_of(self, params: Params) -> ClassWeight:
        """How much an example of each class counts in training with some params.

        Raises:
            StudyFileError: The function returned something else than class weights.
        """
        weights = self.class_weight
        if callable(weights):
            weights = weights(without_epochs(params))
            _require_class_weight(weights)
        if not isinstance(weights, Mapping):
            return weights
        # NumPy's numbers are none for JSON, in which an export stores them
        return {int(label): float(weight) for label, weight in weights.items()}

    def complete(self, params: Mapping[str, ParamValue]) -> Params:
        """The params of a network: the suggested ones, and the trainer's own.

        `epochs` and `batch_size` are the baseline's if the space does not suggest them.
        """
        return {**{name: self.baseline[name] for name in TRAINER_PARAMS}, **params}


def _require_class_weight(weights: object) -> None:
    if weights is None or weights == "balanced":
        return
    if not isinstance(weights, Mapping) or not all(_is_label(label) for label in weights):
        raise StudyFileError(
            "class_weight= takes a dict of weights by label, 0, 1, ..., or 'balanced', not "
            f"{weights!r}"
        )
    values = list(weights.values())
    if not all(_is_weight(value) for value in values) or not any(values):
        raise StudyFileError(
            f"class_weight= takes weights of 0 or more, not all 0, but got {weights!r}"
        )


def _is_label(label: object) -> bool:
    return isinstance(label, Integral) and int(label) >= 0


def _is_weight(value: object) -> bool:
    return isinstance(value, Real) and 0 <= float(value) < inf


def _values(name: str, level: Level) -> Params:
    return dict(level) if isinstance(level, Mapping) else {name: level}
