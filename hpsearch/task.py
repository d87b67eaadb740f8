"""What a study file declares: the task, its budget, the figure it was published with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.data.arrays import Dataset, is_texts
from hpsearch.data.inputs import Encoded
from hpsearch.data.sources import Source
from hpsearch.errors import StudyFileError
from hpsearch.goal import Direction, Goal, Logs

if TYPE_CHECKING:
    import keras
    from optuna import Trial

ParamValue = bool | int | float | str | None
Params = dict[str, ParamValue]
"""The hyperparameters of one trial by name: Optuna's `trial.params`."""

TRAINER_PARAMS = ("epochs", "batch_size")
"""What the trainer reads; all but `epochs` are for `build`."""


def without_epochs(params: Params) -> Params:
    """What says which network it is; `epochs` only says how far it is trained."""
    return {name: value for name, value in params.items() if name != "epochs"}


def epochs_of(params: Mapping[str, ParamValue]) -> int:
    """How far a network with these params is trained."""
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


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much a search may spend when the command line does not say."""

    n_trials: int
    """Trials the study holds in the end; read-off trials are free."""
    timeout_s: float | None = None
    """Seconds a launcher runs at most; None for no limit."""

    def __post_init__(self) -> None:
        if not _is_count(self.n_trials):
            raise StudyFileError(
                f"n_trials must be a whole number of 1 or more, not {self.n_trials!r}"
            )
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise StudyFileError(f"timeout_s must be more than 0, not {self.timeout_s!r}")


@dataclass(frozen=True, kw_only=True)
class Published:
    """The figure the lab was published with, to stand beside ours."""

    test_accuracy: float
    """Share of the test examples, between 0 and 1."""
    source: str
    """Where it was published."""

    def __post_init__(self) -> None:
        if not 0 <= self.test_accuracy <= 1:
            raise StudyFileError(
                f"test_accuracy is a share between 0 and 1, not {self.test_accuracy!r}"
            )


@dataclass(frozen=True, kw_only=True)
class Writing:
    """The text that a network writes which was trained to predict the next character."""

    n_chars: int = 100
    """Written after each epoch of a trial, from a window of the training text."""
    temperatures: tuple[float, ...] = (0.0, 0.7)
    """One text each; 0 takes the most likely character, 1 draws as the network predicts."""

    def __post_init__(self) -> None:
        if not _is_count(self.n_chars):
            raise StudyFileError(
                f"n_chars must be a whole number of 1 or more, not {self.n_chars!r}"
            )
        if not self.temperatures or min(self.temperatures) < 0:
            raise StudyFileError(
                f"temperatures must be numbers of 0 or more, not {self.temperatures!r}"
            )


@dataclass(frozen=True, kw_only=True)
class Task:
    """A lab task: data, search space, network and what makes one better than another.

    `epochs` and `batch_size` are read by the trainer, all hyperparameters but `epochs` by `build`;
    where the space leaves those two alone, the baseline's hold.
    """

    load: Callable[[Path], Dataset]
    """The folder that holds the data -> the data, split. NumPy only, no Keras."""
    space: Callable[[Trial], object]
    """Names each hyperparameter once, by `trial.suggest_*`."""
    build: Callable[[Any], keras.Model]
    """Params but `epochs` -> a compiled model. `import keras` stands inside."""
    baseline: Mapping[str, ParamValue]
    """The lab's own values; trial 0 of each search."""
    metric: str = "val_accuracy"
    """A key of Keras's logs on validation."""
    direction: Direction = "maximize"
    factors: Mapping[str, Sequence[ParamValue]] = field(default_factory=dict)
    """The values the lab varies one at a time, by hyperparameter."""
    budget: Budget = Budget(n_trials=40)
    source: Source | None = None
    """Where the data come from; None when `load` takes them from the folder as it is."""
    published: Published | None = None
    classes: Sequence[str] = ()
    """A name for each label, in the order of the labels."""
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
    """Whether training gains from compilation by XLA. As a rule recurrent networks over
    many steps do, dense ones do not."""

    def __post_init__(self) -> None:
        for name in ("load", "space", "build", "encode", "also_log"):
            value = getattr(self, name)
            if not callable(value) and not (value is None and name in ("encode", "also_log")):
                raise StudyFileError(f"{name}= takes a function, not {value!r}")
        for name, kind in (("source", Source), ("published", Published), ("writing", Writing)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise StudyFileError(f"{name}= takes a {kind.__name__}(...), not {value!r}")
        if not isinstance(self.budget, Budget):
            raise StudyFileError(f"budget= takes a Budget(...), not {self.budget!r}")
        if not is_texts(self.classes):
            raise StudyFileError(f"classes= takes a list of names, not {self.classes!r}")
        self.goal.check()
        for name, levels in self.factors.items():
            if isinstance(levels, str) or not levels:
                raise StudyFileError(f"the factor {name!r} needs a list of values, not {levels!r}")
        for name in TRAINER_PARAMS:
            if not _is_count(value := self.baseline.get(name)):
                raise StudyFileError(
                    f"the baseline needs {name!r}, a whole number of 1 or more, not {value!r}"
                )

    @property
    def goal(self) -> Goal:
        """Metric and direction."""
        return Goal(self.metric, self.direction)

    def complete(self, params: Mapping[str, ParamValue]) -> Params:
        """The params a network is built from: what was suggested, and the trainer's own.

        `epochs` and `batch_size` are the baseline's where the space leaves them alone.
        """
        return {**{name: self.baseline[name] for name in TRAINER_PARAMS}, **params}
