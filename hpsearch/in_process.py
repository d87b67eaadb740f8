"""A task as an objective function, for your own `study.optimize`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
from optuna.study import StudyDirection

from hpsearch.errors import UsageError
from hpsearch.goal import Logs
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from hpsearch.task import epochs_of
from hpsearch.training.fit import build, fit

if TYPE_CHECKING:
    from optuna import Trial


def objective(
    study_file: str | os.PathLike[str], *, data: Path | None = None, seed: int = 0
) -> Callable[[Trial], float]:
    """Make an objective function of a study file's task.

    It trains in the calling process, so it is for notebooks and small studies: a crash or
    leak in a trial hits the whole process. Example:

        study = optuna.create_study(direction="maximize")
        study.optimize(hpsearch.objective("digits"), n_trials=20)

    Args:
        study_file: A name from `studies/`, or a path.
        data: The folder of data sets.
        seed: Seeds weights and the order of examples, the same for each trial.

    Returns:
        A function that trains what a trial suggests and returns the task's metric after
        the last epoch. It reports the metric at step 1, 2, ... (epochs done) and raises
        `optuna.TrialPruned` when the study's pruner says so, or when loss or metric is
        not finite.

    Raises:
        HpsearchError: The study file or the data cannot be used. The function raises it too,
            if Keras does not log the metric or the study has the other direction.
    """
    declared = read_study_file(os.fspath(study_file))
    task, dataset = declared.task, prepare_data(declared, data).open()
    if task.folds is not None:
        raise UsageError(
            "an objective function trains a trial once, and the task has folds: use "
            "hpsearch.search, or a task without folds="
        )

    def evaluate(trial: Trial) -> float:
        if len(trial.study.directions) > 1:
            raise UsageError(
                "the study has several objectives: create it with "
                f"direction={task.direction!r}, or use hpsearch run --objective"
            )
        if (trial.study.direction is StudyDirection.MAXIMIZE) != task.goal.maximize:
            raise UsageError(
                f"the study does not {task.goal}: create it with direction={task.direction!r}"
            )
        task.space(trial)
        params = task.complete(trial.params)
        epochs = epochs_of(params)
        values: list[float] = []
        is_given_up = False

        def after_epoch(epoch: int, logs: Logs) -> bool:
            nonlocal is_given_up
            values.append(task.goal.value(logs))
            trial.report(values[-1], step=epoch)
            has_diverged = not task.goal.is_finite(logs)
            is_given_up = has_diverged or (epoch < epochs and trial.should_prune())
            return not is_given_up

        fit(
            task,
            build(task, params, seed, dataset.train),
            dataset.train,
            dataset.valid,
            params=params,
            epochs=epochs,
            epochs_done=0,
            seed=seed,
            after_epoch=after_epoch,
        )
        if is_given_up:
            raise optuna.TrialPruned(f"stopped after epoch {len(values)}")
        return values[-1]

    return evaluate
