"""Automated hyperparameter search for Keras: Optuna studies of lab tasks."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hpsearch.data import Dataset, Split
from hpsearch.keras_tuner import keras_tuner_defaults, keras_tuner_space
from hpsearch.published import Finding, Published
from hpsearch.task import Budget, Question, Task, Writing

if TYPE_CHECKING:
    from hpsearch.in_process import objective
    from hpsearch.notebook.search import search
    from hpsearch.notebook.views import plot, report, show, table
    from hpsearch.tuning.tune import tune

__all__ = [
    "Budget",
    "Dataset",
    "Finding",
    "Published",
    "Question",
    "Split",
    "Task",
    "Writing",
    "keras_tuner_defaults",
    "keras_tuner_space",
    "objective",
    "plot",
    "report",
    "search",
    "show",
    "table",
    "tune",
]

# loaded on demand: they need Optuna, `objective` Keras
ON_DEMAND = {
    "objective": "hpsearch.in_process",
    "plot": "hpsearch.notebook.views",
    "report": "hpsearch.notebook.views",
    "search": "hpsearch.notebook.search",
    "show": "hpsearch.notebook.views",
    "table": "hpsearch.notebook.views",
    "tune": "hpsearch.tuning.tune",
}


def __getattr__(name: str) -> Any:
    if name not in ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(ON_DEMAND[name]), name)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext hpsearch`: the cell magic `%%study`."""
    from hpsearch.notebook.magic import register

    register(shell)
