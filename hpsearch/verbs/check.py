"""`hpsearch check`: whether a study file keeps the contract, and what a search would cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.data.arrays import Array, Dataset, Prepared, classes_of, is_sparse
from hpsearch.data.sources import locate
from hpsearch.data.structure import named
from hpsearch.errors import StudyFileError
from hpsearch.export.network_code import network_code
from hpsearch.files import Cell
from hpsearch.study.distributions import describe_distribution
from hpsearch.study.space import Space, explore, params_of, place_of
from hpsearch.study.task_data import prepare_data, require_class_weights
from hpsearch.study_file import StudyFile, read_study_file
from hpsearch.task import TRAINER_PARAMS, epochs_of
from hpsearch.terminal.durations import describe_seconds
from hpsearch.terminal.printing import (
    output_console,
    plain,
    print_table,
    say,
    show_cell,
)

if TYPE_CHECKING:
    from hpsearch.evaluation.cost import Cost


def check(name_or_path: str, data: Path | None, *, train: bool) -> None:
    """Check a study file and print the plan of its search.

    Args:
        name_or_path: A study file.
        data: The user's data folder.
        train: Also train the baseline for an epoch or two: that checks `build` and the
            metric, and shows what a trial costs.

    Raises:
        StudyFileError: The study file breaks the contract.
        DataError: The data are missing or damaged.
    """
    study_file = read_study_file(name_or_path)
    space = explore(study_file)
    for factor in study_file.task.all_factors():
        for level in factor.levels:
            params_of(study_file, space, factor, level)
    network_code(study_file)  # raises what `export` would raise
    prepared = prepare_data(study_file, data, say)
    dataset = prepared.open()
    _check_classes(study_file, dataset)
    require_class_weights(study_file, dataset)
    lines = [f"{study_file.name}: {study_file.title() or 'no docstring'}"]
    lines += _data(study_file, data, prepared, dataset)
    print(plain("\n".join(lines)))
    print_table(
        output_console(), ["name", "range", "suggested", "baseline"], _rows(study_file, space)
    )
    lines = _search(study_file, space)
    if train:
        # imported here: without --train, nothing needs the modules that start processes
        from hpsearch.evaluation.cost import measure_cost
        from hpsearch.processes.runner import LocalRunner

        say("training the baseline for an epoch or two in a separate process")
        cost = measure_cost(study_file, prepared, LocalRunner(say), say)
        lines += _costs(study_file, space, cost)
    else:
        lines.append(
            f"cost          to measure it, and check build: hpsearch check {name_or_path} --train"
        )
    print(plain("\n".join(lines)))


def _check_classes(study_file: StudyFile, dataset: Dataset) -> None:
    task, outputs = study_file.task, named(dataset.train.y)
    own = dict.fromkeys(task.classes) if isinstance(task.classes, Mapping) else {"": None}
    if task.classes and (lacking := [name for name in own if name not in outputs]):
        given = "a list" if lacking == [""] else ", ".join(map(repr, lacking))
        raise StudyFileError(
            f"{place_of(study_file, 'classes')}: classes= has {given}, but the labels of the data "
            f"have {', '.join(map(repr, outputs)) if outputs.keys() != {''} else 'one output'}"
        )
    for output, y in outputs.items():
        names, labels = task.classes_of(output), classes_of(y)
        if names and labels is not None and not 0 <= labels[0] <= labels[-1] < len(names):
            raise StudyFileError(
                f"{place_of(study_file, 'classes')}: classes= names {len(names)} labels, 0 to "
                f"{len(names) - 1}, but the labels{' of ' + output if output else ''} of the data "
                f"go from {labels[0]} to {labels[-1]}"
            )


def _data(
    study_file: StudyFile, data: Path | None, prepared: Prepared, dataset: Dataset
) -> list[str]:
    source, train = study_file.task.source, dataset.train
    found = locate(source, data) if source is not None and source.files else None
    origin = f", from {found.place}" if found else ""
    sizes = ", ".join(f"{part} {len(split):,}" for part, split in dataset.splits().items())
    if study_file.task.folds is not None:
        sizes += f"; {study_file.task.folds} folds of train"
    if isinstance(train.x, dict | tuple) or isinstance(train.y, dict | tuple):
        arrays = [
            f"inputs        {_listed(train.x, _kind)}",
            f"labels        {_listed(train.y, lambda y: _kind(y) + _n_classes(y))}",
        ]
    else:
        sizes += f"; each {_kind(train.x)}{_n_classes(train.y)}"
        arrays = []
    if train.sample_weight is not None:
        arrays.append(f"weights       {_listed(train.sample_weight, _range)}")
    return [
        f"data          {source.name if source else 'read by the study file'}{origin}, "
        f"prepared in {prepared.folder}",
        f"examples      {sizes}",
        *arrays,
    ]


def _listed(structure: Any, describe: Callable[[Any], str]) -> str:
    """What there is to say about each array, after its name if there are several."""
    return "; ".join(
        f"{name} {describe(array)}".lstrip() for name, array in named(structure).items()
    )


def _kind(array: Any) -> str:
    """`28 x 28 (uint8)`."""
    shape = " x ".join(str(n) for n in array.shape[1:]) or "one number"
    return f"{shape} ({array.dtype}{', sparse' if is_sparse(array) else ''})"


def _n_classes(labels: Array) -> str:
    classes = classes_of(labels)
    return "" if classes is None else f", {len(classes)} classes"


def _range(weights: Array) -> str:
    return f"{weights.min():.4g} to {weights.max():.4g}"


def _rows(study_file: StudyFile, space: Space) -> list[list[Cell]]:
    baseline = study_file.task.baseline
    rows: list[list[Cell]] = [
        [
            name,
            describe_distribution(distribution),
            "sometimes" if name in space.conditional else "always",
            show_cell(baseline[name]) if name in baseline else None,
        ]
        for name, distribution in space.distributions.items()
    ]
    fixed = [name for name in TRAINER_PARAMS if name not in space.distributions]
    return rows + [[name, "fixed by the baseline", "never", baseline[name]] for name in fixed]


def _search(study_file: StudyFile, space: Space) -> list[str]:
    task = study_file.task
    endless = ", ".join(space.continuous)
    verb = "is" if len(space.continuous) == 1 else "are"
    combinations = (
        f"infinitely many ({endless} {verb} continuous)"
        if space.n_combinations is None
        else f"{space.n_combinations:,}"
    )
    limit = task.budget.timeout_s
    return [
        f"combinations  {combinations}",
        f"goal          {task.direction} {task.goal.label}",
        f"budget        {task.budget.n_trials} trials"
        + ("" if limit is None else f", at most {limit:g} s for each launch"),
    ]


def _costs(study_file: StudyFile, space: Space, cost: Cost) -> list[str]:
    from joblib import cpu_count  # not os's: limits of affinity and of cgroups count

    task, n_slots = study_file.task, cpu_count()
    folds = "" if task.folds is None else f" on each of {task.folds} folds"
    n_folds = len(task.fold_numbers)
    trial_s = cost.seconds(n_folds * epochs_of(task.baseline), n_folds)
    longest_s = cost.seconds(n_folds * space.max_epochs(task.baseline), n_folds)
    budget_s = longest_s * math.ceil(task.budget.n_trials / n_slots)
    if task.budget.timeout_s is not None:
        budget_s = min(budget_s, task.budget.timeout_s)
    return [
        f"network       {cost.n_weights:,} weights with the baseline's params",
        f"an epoch      {cost.epoch_s:.3g} s alone, the first {cost.first_epoch_s:.3g} s; "
        f"{task.metric} is {cost.value:.4g} so far",
        f"the baseline  {describe_seconds(trial_s)} for its {epochs_of(task.baseline)} epochs"
        f"{folds}",
        f"the budget    at most {describe_seconds(budget_s)} on {n_slots} slots, with networks "
        "of the baseline's size, the most epochs and no pruning",
    ]
