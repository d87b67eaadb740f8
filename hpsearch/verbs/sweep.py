"""`hpsearch sweep`: train the baseline, then vary one factor at a time."""

from __future__ import annotations

from collections.abc import Sequence

from joblib import cpu_count
from optuna.study import Study

from hpsearch.evaluation.cost import Cost, measure_cost
from hpsearch.lab.cells import as_note
from hpsearch.lab.plan import SweepPlan, fit, make_plan
from hpsearch.lab.table import SweepTable, read_table
from hpsearch.processes.runner import LocalRunner
from hpsearch.processes.stop import Stop
from hpsearch.searching import launch
from hpsearch.searching.launch import Options
from hpsearch.searching.search import find_best
from hpsearch.study.note import write_note
from hpsearch.study.record import read_record
from hpsearch.study.space import explore
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import StudyFile, read_study_file
from hpsearch.terminal.durations import describe_seconds
from hpsearch.terminal.levels import print_levels
from hpsearch.terminal.live import open_view
from hpsearch.terminal.printing import Cell, error_console, print_line, print_table, say
from hpsearch.verbs.run import EXIT_CODES


def sweep(
    name_or_path: str,
    options: Options,
    *,
    factors: Sequence[str] | None,
    n_seeds: int,
    minutes: float | None,
) -> int:
    """Print the plan, train it with live progress, print the table.

    Args:
        name_or_path: A study file.
        options: The user's, as for a search.
        factors: Names of the factors to vary; None for all.
        n_seeds: Seeds for each network.
        minutes: The time that the sweep should fit into; None for no limit.

    Returns:
        The exit code.

    Raises:
        HpsearchError: Of any kind; what is stored stays intact.
    """
    study_file = read_study_file(name_or_path)
    plan = make_plan(study_file, explore(study_file), factors, n_seeds)
    cost = measure(study_file, options)
    n_slots = options.slots or cpu_count()
    remarks: list[str] = []
    if minutes is not None:
        plan, remarks = fit(plan, 60 * minutes, lambda plan: plan.seconds(cost, n_slots))
    print_plan(plan, cost, n_slots, remarks)
    study, stop = train_sweep(study_file, plan, options)
    is_whole = stop in {Stop.BUDGET, Stop.EXHAUSTED}
    name = study.study_name
    print_line(error_console(), f"stopped: {stop.value}")
    print_line(error_console(), f"next: hpsearch {'table' if is_whole else 'resume'} {name}")
    return EXIT_CODES.get(stop, 0)


def measure(study_file: StudyFile, options: Options) -> Cost:
    """What training the baseline costs, measured on an epoch or two."""
    runner = LocalRunner(say)
    prepared = prepare_data(study_file, options.data, say)
    say("measuring: the baseline trains for an epoch or two")
    return measure_cost(study_file, prepared, runner, say)


def train_sweep(study_file: StudyFile, plan: SweepPlan, options: Options) -> tuple[Study, Stop]:
    """Train a plan with live progress, and print the table once all of it is trained."""
    with open_view() as view:
        study, stop = launch.sweep(study_file, plan.points, options, view)
    if stop in {Stop.BUDGET, Stop.EXHAUSTED}:
        print_levels(error_console(), note_table(study, options))
    return study, stop


def note_table(study: Study, options: Options) -> SweepTable:
    """The table of a sweep that was trained, which goes into the study's note too."""
    record = read_record(study)
    assert record is not None
    table = read_table(Storage(options.storage, read_only=True), study, record)
    write_note(study, record, find_best(study, record.goal), as_note(table))
    return table


def print_plan(plan: SweepPlan, cost: Cost, n_slots: int, remarks: Sequence[str]) -> None:
    """Print what a sweep will train, and the time that takes."""
    console = error_console()
    rows: list[list[Cell]] = [
        [factor.name, ", ".join(factor.describe(level) for level in factor.levels)]
        for factor in plan.factors
    ]
    print_table(console, ["factor", "levels"], rows)
    n_networks = len(plan.networks)
    seeds = "1 seed" if plan.n_seeds == 1 else f"{plan.n_seeds} seeds"
    lines = [
        f"trainings  {n_networks * plan.n_seeds}: {n_networks} settings, {seeds} each",
        f"epochs     {plan.n_epochs:,}; each level by itself would take {plan.n_epochs_apart:,}",
        f"time       about {describe_seconds(plan.seconds(cost, n_slots))} on {n_slots} "
        f"slots, if every epoch takes {cost.epoch_s:.2g} s as the baseline's do",
    ]
    if remarks:
        lines.append(f"to fit     {'; '.join(remarks)}")
    for line in lines:
        print_line(console, line)
