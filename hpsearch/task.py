"""What a study file declares: the task, its budget, the figure it was published with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hpsearch.data.arrays import Dataset
from hpsearch.data.sources import Source

if TYPE_CHECKING:
    import keras
    from optuna import Trial

ParamValue = bool | int | float | str | None
Params = dict[str, ParamValue]
"""The hyperparameters of one trial by name: Optuna's `trial.params`."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much a search may spend when the command line does not say."""

    n_trials: int
    """Trials the study holds in the end; read-off trials are free."""
    timeout_s: float | None = None
    """Seconds a launcher runs at most; None for no limit."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """The figure the lab was published with, to stand beside ours."""

    test_accuracy: float
    """Share of the test examples, between 0 and 1."""
    source: str
    """Where it was published."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A lab task: data, search space, network and what makes one better than another.

    Args that a search does not vary (`epochs` and `batch_size` among them) are taken
    from `baseline`, so a baseline is always a complete dict of params.
    """

    load: Callable[[Path], Dataset]
    """The folder that holds the data -> the data, split. NumPy only, no Keras."""
    space: Callable[[Trial], object]
    """Names each hyperparameter once, by `trial.suggest_*`."""
    build: Callable[[Any], keras.Model]
    """Params -> a compiled model. `import keras` stands inside."""
    baseline: Mapping[str, ParamValue]
    """The lab's own values; trial 0 of each search."""
    metric: str = "val_accuracy"
    """A key of Keras's logs."""
    direction: Literal["maximize", "minimize"] = "maximize"
    factors: Mapping[str, Sequence[ParamValue]] = field(default_factory=dict)
    """The values the lab varies one at a time, by hyperparameter."""
    budget: Budget = Budget(n_trials=40)
    source: Source | None = None
    """Where the data come from; None when `load` takes them from the folder as it is."""
    published: Published | None = None
    classes: Sequence[str] = ()
    """A name for each label, in the order of the labels."""

    def complete(self, params: Mapping[str, ParamValue]) -> Params:
        """The params a network is built from: what was suggested, with the baseline for
        `epochs` and `batch_size` where the space leaves them alone."""
        trainer = {name: self.baseline[name] for name in ("epochs", "batch_size")}
        return {**trainer, **params}
