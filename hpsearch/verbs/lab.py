"""`hpsearch lab`: a whole assignment, from the baseline to the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hpsearch.errors import StorageError, UsageError
from hpsearch.lab import whole
from hpsearch.lab.plan import curve_lengths, fit, make_plan
from hpsearch.reporting.folder import require_new
from hpsearch.searching.launch import Options, sweep_name
from hpsearch.study.record import Record, find_record
from hpsearch.study.space import explore
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import StudyFile, read_study_file
from hpsearch.task import epochs_of
from hpsearch.terminal.durations import describe_seconds
from hpsearch.terminal.printing import error_console, print_line, say
from hpsearch.verbs.combine import combine_sweep
from hpsearch.verbs.evaluate import evaluate
from hpsearch.verbs.report import report
from hpsearch.verbs.run import EXIT_CODES, resume, run
from hpsearch.verbs.sweep import measure, print_plan, slots_of, train_sweep


def lab(
    name_or_path: str,
    options: Options,
    *,
    factors: Sequence[str] | None,
    n_seeds: int,
    minutes: float | None,
    folder: Path | None,
) -> int:
    """Sweep, search, combine, evaluate and report; each step continues where it was.

    Args:
        name_or_path: A study file.
        options: The user's, as for a search.
        factors: What to vary; None for all. A sweep that was begun keeps its own.
        n_seeds: Seeds for each setting of the sweep, and for the evaluation.
        minutes: The time that all of it should fit into; None for no limit.
        folder: Of the report; None for the task's name and `-lab`.

    Returns:
        The exit code.

    Raises:
        HpsearchError: Of any kind; what is stored stays intact.
    """
    study_file = read_study_file(name_or_path)
    folder = folder or Path(f"{study_file.name}-lab")
    require_new(folder)
    prepare_data(study_file, options.data, say).open().unseen()  # it is opened in the end
    storage_url = options.storage
    names = sweep_name(study_file), study_file.name

    _begin(1, "one factor at a time")
    stored = _stored_sweep(study_file, options)
    if stored is None:
        seeds, n_epochs, code = _sweep(study_file, options, factors, n_seeds, minutes)
    else:
        say(f"continuing sweep {names[0]!r} as it was planned")
        planned = [point for point in stored.points if not point.label]
        seeds = len({point.seed for point in planned})
        n_epochs = sum(curve_lengths(planned)) + seeds * epochs_of(planned[0].params)
        code = resume(names[0], options)
    if code:
        return _stopped(code, name_or_path)

    _begin(2, f"a search with as many epochs, {n_epochs:,}")
    if code := run(name_or_path, replace(options, epochs=n_epochs)):
        return _stopped(code, name_or_path)

    _begin(3, "the best levels together")
    try:
        code = combine_sweep(names[0], replace(options, study=names[0]), search=names[1])
    except UsageError as error:
        say(str(error))
    if code:
        return _stopped(code, name_or_path)

    _begin(4, "the best networks with fresh seeds, then on test")
    evaluate(
        storage_url,
        names[1],
        n_top=whole.N_TOP,
        n_seeds=seeds,
        n_slots=options.slots,
        nodes=options.nodes,
        data=options.data,
        again=False,
        as_json=False,
    )

    _begin(5, "the report")
    report(storage_url, names, folder, data=options.data)
    return 0


def _sweep(
    study_file: StudyFile,
    options: Options,
    factors: Sequence[str] | None,
    n_seeds: int,
    minutes: float | None,
) -> tuple[int, int, int]:
    """Plan and train the sweep.

    Returns:
        The seeds for each setting, the search's budget in epochs, and the exit code.
    """
    plan = make_plan(study_file, explore(study_file), factors, n_seeds)
    cost = measure(study_file, options)
    n_slots = slots_of(options)
    remarks: list[str] = []
    if minutes is not None:
        plan, remarks = fit(plan, 60 * minutes, lambda plan: whole.seconds(plan, cost, n_slots))
    print_plan(plan, cost, n_slots, remarks)
    told = describe_seconds(whole.seconds(plan, cost, n_slots))
    print_line(error_console(), f"in all     about {told}, with search, evaluation and report")
    _study, stop = train_sweep(study_file, plan, options)
    code = 0 if stop.is_end else EXIT_CODES.get(stop, 1)
    return plan.n_seeds, whole.search_epochs(plan), code


def _stored_sweep(study_file: StudyFile, options: Options) -> Record | None:
    """The record of a sweep that was begun."""
    try:
        record = find_record(Storage(options.storage, read_only=True), sweep_name(study_file))
    except StorageError:  # none yet, or one that the sweep will tell of
        return None
    return record if record is not None and record.points else None


def _begin(step: int, what: str) -> None:
    print_line(error_console(), f"\n{step}/5 {what}", style="bold")


def _stopped(code: int, name_or_path: str) -> int:
    print_line(error_console(), f"to continue: hpsearch lab {name_or_path}")
    return code
