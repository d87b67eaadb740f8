"""Automated hyperparameter search for Keras: Optuna studies of lab tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpsearch.data import Dataset, Split
from hpsearch.keras_tuner import keras_tuner_defaults, keras_tuner_space
from hpsearch.published import Finding, Published
from hpsearch.task import Budget, Question, Task, Writing

if TYPE_CHECKING:
    from hpsearch.in_process import objective
    from hpsearch.searching.launch import search

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
    "search",
]


def __getattr__(name: str) -> Any:
    # loaded on demand: `objective` needs Keras, `search` Optuna
    if name == "objective":
        from hpsearch.in_process import objective

        return objective
    if name == "search":
        from hpsearch.searching.launch import search

        return search
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
