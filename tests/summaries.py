"""Trials and summaries of studies, made without a search."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hpsearch.goal import Direction, Goal
from hpsearch.study.record import Record, make_record
from hpsearch.study.space import explore
from hpsearch.study.summary import Summary
from hpsearch.study.trials import Outcome, TrialRow
from hpsearch.study_file import run_study_file
from tests.study_texts import study_text


def trial(number: int, value: float | None = None, **fields: Any) -> TrialRow:
    """A trial: finished after the 3 epochs of its params, unless said otherwise."""
    defaults: dict[str, Any] = {
        "outcome": Outcome.FINISHED,
        "params": {"epochs": 3, "units": 8},
        "epochs_done": 3,
        "epochs_trained": 3,
        "epochs_reused": 0,
        "epochs_pruned": 0,
        "seconds": 2.0,
        "reason": "",
        "output": "",
        "read_off": None,
        "promoted_from": None,
        "replicate_of": None,
        "seed": None,
        "is_baseline": False,
        "curve": None,
        "onset": None,
    }
    return TrialRow(number=number, value=value, **{**defaults, **fields})


def pruned(number: int, value: float, epochs_done: int = 1, **fields: Any) -> TrialRow:
    """A trial that was pruned after some of 27 epochs."""
    defaults: dict[str, Any] = {
        "outcome": Outcome.PRUNED,
        "params": {"epochs": 27, "units": 8},
        "epochs_done": epochs_done,
        "epochs_trained": epochs_done,
        "epochs_pruned": 27 - epochs_done,
    }
    return trial(number, value, **{**defaults, **fields})


def summary(
    *rows: TrialRow, metric: str = "val_accuracy", direction: Direction = "maximize"
) -> Summary:
    """The summary of a study with these trials."""
    return Summary(
        name="toy",
        goal=Goal(metric, direction),
        title="Toy: tell two clouds apart.",
        seed=7,
        rows=list(rows),
        counts=Counter(row.outcome for row in rows),
    )


def record(*, seed: int = 0, data: str = "0" * 64) -> Record:
    """The record of a study named `toy` that maximizes validation accuracy."""
    study_file = run_study_file(study_text(), "toy.py")
    space = explore(study_file).as_json()
    return make_record(study_file, space, data=data, seed=seed, sampler="random", pruner="none")
