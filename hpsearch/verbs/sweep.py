"""`hpsearch sweep`: train the baseline, then vary one factor at a time."""

from __future__ import annotations

from collections.abc import Sequence

from joblib import cpu_count
from optuna.study import Study

from hpsearch.agents.places import Places
from hpsearch.curves.store import CurveStore
from hpsearch.errors import UsageError
from hpsearch.evaluation.cost import Cost, measure_cost
from hpsearch.files import Cell
from hpsearch.lab.as_published import describe_flattery, open_test, read_level_openings
from hpsearch.lab.cells import note_table
from hpsearch.lab.plan import SweepPlan, fit, make_plan
from hpsearch.lab.table import SweepTable, read_table
from hpsearch.processes.signals import handled
from hpsearch.processes.stop import Stop, StopRequest
from hpsearch.processes.trainer import Trainer
from hpsearch.searching import launch
from hpsearch.searching.launch import Options
from hpsearch.study.lock import process_name, study_lock
from hpsearch.study.patience import AWAY_S, Patience
from hpsearch.study.record import load_study, read_record, versions
from hpsearch.study.space import explore
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import prepare_data
from hpsearch.study.trials import Attr
from hpsearch.study_file import StudyFile, read_study_file
from hpsearch.terminal.durations import describe_seconds
from hpsearch.terminal.levels import print_levels
from hpsearch.terminal.live import open_view
from hpsearch.terminal.printing import error_console, print_line, print_table, say
from hpsearch.verbs.run import EXIT_CODES


def sweep(
    name_or_path: str,
    options: Options,
    *,
    factors: Sequence[str] | None,
    n_seeds: int,
    minutes: float | None,
    as_published: bool,
) -> int:
    """Print the plan, train it with live progress, print the table.

    Args:
        name_or_path: A study file.
        options: The user's, as for a search.
        factors: Names of the factors to vary; None for all.
        n_seeds: Seeds for each network.
        minutes: The time that the sweep should fit into; None for no limit.
        as_published: Whether to measure every level on test too, as the labs do.

    Returns:
        The exit code.

    Raises:
        HpsearchError: Of any kind; what is stored stays intact.
    """
    study_file = read_study_file(name_or_path)
    if as_published and study_file.task.folds is not None:
        raise UsageError("--as-published measures each level once, and the task has folds")
    plan = make_plan(study_file, explore(study_file), factors, n_seeds)
    if as_published:
        prepare_data(study_file, options.data, say).open().unseen()
    cost = measure(study_file, options)
    n_slots = slots_of(options)
    remarks: list[str] = []
    if minutes is not None:
        plan, remarks = fit(plan, 60 * minutes, lambda plan: plan.seconds(cost, n_slots))
    print_plan(plan, cost, n_slots, remarks)
    study, stop = train_sweep(study_file, plan, options)
    name = study.study_name
    if stop.is_end and as_published and (code := _open_test(study_file, name, options)):
        print_line(error_console(), "stopped before test was opened: the same command continues")
        return code
    print_line(error_console(), f"stopped: {stop.value}")
    print_line(error_console(), f"next: hpsearch {'table' if stop.is_end else 'resume'} {name}")
    return EXIT_CODES.get(stop, 0)


def _open_test(study_file: StudyFile, name: str, options: Options) -> int:
    """Measure every level on test, unless that was done, and say what choosing there does.

    Returns:
        The exit code of a signal that stopped it; else 0.
    """
    received: list[int] = []
    stop = StopRequest()
    storage = Storage(options.storage, patience=Patience(AWAY_S, stop, say))
    with study_lock(storage, name):
        study, record = load_study(storage, name)
        table = read_table(storage, study, record)
        if not read_level_openings(study):
            places = Places.of(options.nodes, options.slots, say)
            data = prepare_data(study_file, options.data, say)
            places.serve(study_file, data, storage.curves, say)
            trainer = Trainer(
                study_file,
                data,
                CurveStore(storage.curves),
                places.runner,
                versions=versions(),
                stop=stop,
                limits=options.limits,
                retries=options.retries,
                process_name=process_name(storage, name),
                say=say,
            )
            seeds = {
                trial.number: trial.user_attrs.get(Attr.SEED, record.seed)
                for trial in study.get_trials(deepcopy=False)
            }

            def on_signal(number: int, _frame: object) -> None:
                received.append(number)
                stop.at_once(Stop.INTERRUPTED)

            with handled(dict.fromkeys(("SIGINT", "SIGTERM", "SIGHUP"), on_signal)):
                open_test(
                    study,
                    table,
                    trainer,
                    seeds,
                    n_slots=places.n_slots,
                    stop=stop,
                    say=say,
                )
        for opening in read_level_openings(study)[-1:]:
            for sentence in describe_flattery(opening, record.goal):
                print_line(error_console(), sentence)
        is_recorded = bool(read_level_openings(study))
    return 0 if is_recorded else 128 + received[0]


def slots_of(options: Options) -> int:
    """How many trials can run at a time, as far as is known now."""
    if options.nodes is not None:
        return max(1, options.nodes.n_slots)
    return options.slots or cpu_count()


def measure(study_file: StudyFile, options: Options) -> Cost:
    """What training the baseline costs, measured on an epoch or two with all slots busy."""
    places = Places.of(options.nodes, options.slots, say)
    prepared = prepare_data(study_file, options.data, say)
    storage = Storage(options.storage, patience=Patience(AWAY_S, say=say))
    places.serve(study_file, prepared, storage.curves, say)
    if options.nodes is not None:
        say("measuring: the baseline trains for an epoch or two on the first node")
        return measure_cost(study_file, prepared, places.runner, say, n_threads=places.n_threads)
    say("measuring: the baseline trains for an epoch or two in every slot")
    return measure_cost(
        study_file,
        prepared,
        places.runner,
        say,
        n_slots=slots_of(options),
        n_threads=places.n_threads,
    )


def train_sweep(study_file: StudyFile, plan: SweepPlan, options: Options) -> tuple[Study, Stop]:
    """Train a plan with live progress, and print the table once all of it is trained."""
    with open_view() as view:
        study, stop = launch.sweep(study_file, plan.points, options, view, note_table)
    if stop.is_end:
        print_levels(error_console(), trained_table(study, options))
    return study, stop


def trained_table(study: Study, options: Options) -> SweepTable:
    """The table of a sweep that was trained."""
    record = read_record(study)
    assert record is not None
    return read_table(Storage(options.storage, read_only=True), study, record)


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
    slots = "1 slot" if n_slots == 1 else f"{n_slots} slots"
    folds = f" x {plan.n_folds} folds" if plan.n_folds > 1 else ""
    lines = [
        f"trainings  {n_networks * plan.n_seeds * plan.n_folds}: {n_networks} settings, "
        f"{seeds}{folds} each",
        f"epochs     {plan.n_epochs:,}; each level by itself would take {plan.n_epochs_apart:,}",
        f"time       about {describe_seconds(plan.seconds(cost, n_slots))} on {slots}, "
        f"if every epoch takes {cost.epoch_s:.2g} s as the baseline's do",
    ]
    if remarks:
        lines.append(f"to fit     {'; '.join(remarks)}")
    for line in lines:
        print_line(console, line)
