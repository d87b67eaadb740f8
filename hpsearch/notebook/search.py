"""`hpsearch.search`: what `hpsearch run` does, from Python."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from optuna.study import Study

from hpsearch.agents.on import opened
from hpsearch.choices import DEFAULT_STORAGE
from hpsearch.notebook.kernel import kernel_shell
from hpsearch.notebook.live import open_view
from hpsearch.processes.supervisor import NO_LIMITS, Limits
from hpsearch.processes.trainer import RETRIES
from hpsearch.searching.launch import options_of, run
from hpsearch.searching.view import View
from hpsearch.task import ParamValue


def search(
    study_file: str | os.PathLike[str],
    *,
    view: View | None = None,
    study: str | None = None,
    storage: str = DEFAULT_STORAGE,
    trials: int | None = None,
    epochs: int | None = None,
    timeout_s: float | None = None,
    slots: int | None = None,
    on: str | None = None,
    seed: int | None = None,
    sampler: str | None = None,
    pruner: str | None = None,
    replicates: str | None = None,
    repeats: int | None = None,
    objective: Sequence[str] | None = None,
    data: Path | None = None,
    fixed: Mapping[str, ParamValue] | None = None,
    log: Sequence[str] = (),
    limits: Limits = NO_LIMITS,
    retries: int = RETRIES,
) -> Study:
    """Search a task from Python, as `hpsearch run` does from the command line.

    Args:
        study_file: A name from `studies/`, or a path.
        view: Shows progress; by default a panel in a notebook, and nothing elsewhere.
        study: The study's name; by default the file's.
        storage: A storage URL.
        trials: The study's total number of trials; by default the task's budget.
        epochs: Epochs to train in all, after which no new trial begins. Without `trials`, it
            replaces the task's budget.
        timeout_s: Seconds after which no new epoch starts.
        slots: Trials run in parallel; by default one per core, on each node.
        on: Where trials run, as `hpsearch run --on` takes it; by default on this machine.
        seed: Base of all randomness.
        sampler: `tpe`, `random`, `qmc`, `grid` or `gp`.
        pruner: `halving`, `median`, `hyperband` or `none`.
        replicates: `auto` to train the leaders with more seeds, or `none`.
        repeats: How many seeds each trial is trained with; its value is their mean.
        objective: The task's metric, then what to keep low: `seconds_per_epoch`, `n_weights`.
        data: The folder of data sets.
        fixed: Hyperparameters that are not searched, and their values.
        log: Where to log too, each `tensorboard:DIR` or `mlflow:URI`.
        limits: Limits of a trial process.
        retries: Restarts allowed for a dead trial process that makes no progress.

    Returns:
        The study, for Optuna's own functions.

    Raises:
        HpsearchError: Of any kind; what is stored stays intact.
    """
    options = options_of(
        study=study,
        storage=storage,
        trials=trials,
        epochs=epochs,
        timeout_s=timeout_s,
        slots=slots,
        seed=seed,
        sampler=sampler,
        pruner=pruner,
        replicates=replicates,
        repeats=repeats,
        objective=objective,
        data=data,
        fixed=fixed,
        log=log,
        limits=limits,
        retries=retries,
    )
    with _watched(view) as watching, opened(on, slots, watching.say) as nodes:
        found, stop = run(os.fspath(study_file), replace(options, nodes=nodes), watching)
        watching.say(f"stopped: {stop.value}")
    return found


@contextmanager
def _watched(view: View | None) -> Iterator[View]:
    if view is not None or kernel_shell() is None:
        yield view or View()
    else:
        with open_view() as panel:
            yield panel
