"""`hpsearch run` and `hpsearch resume`: search a task, or go on where a study stopped."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from optuna.study import Study

from hpsearch.choices import (
    DEFAULT_PRUNER,
    DEFAULT_SAMPLER,
    DEFAULT_STORAGE,
    PrunerName,
    SamplerName,
)
from hpsearch.curves.store import evict
from hpsearch.errors import UsageError
from hpsearch.processes.runner import LocalRunner
from hpsearch.processes.signals import handled
from hpsearch.processes.supervisor import Limits
from hpsearch.searching.samplers import make_sampler
from hpsearch.searching.search import Plan, Search, Stop, find_best
from hpsearch.searching.view import View
from hpsearch.study.lock import process_name, study_lock
from hpsearch.study.note import write_note
from hpsearch.study.record import (
    Record,
    create_or_continue,
    find_record,
    load_study,
    make_record,
    versions,
)
from hpsearch.study.space import explore, parse_value
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import StudyFile, read_study_file
from hpsearch.task import ParamValue, epochs_of

GRACE_S = 30  # from SIGTERM until epochs that are still running are cut off


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line can say about a run; None for the study's or task's own."""

    study: str | None = None
    storage: str = DEFAULT_STORAGE
    trials: int | None = None
    timeout_s: float | None = None
    slots: int | None = None
    seed: int | None = None
    sampler: SamplerName | None = None
    pruner: PrunerName | None = None
    data: Path | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    retries: int = 2


def run(name_or_path: str, options: Options, view: View) -> tuple[Study, Stop]:
    """Create the study of a study file, or continue it.

    Args:
        name_or_path: A study file.
        options: Of the command line.
        view: Who is told what happens.

    Returns:
        The study, and why the search stopped.

    Raises:
        HpsearchError: Of any kind; what is stored is as it was.
    """
    study_file = read_study_file(name_or_path)
    return _search(study_file, None, options.study or study_file.name, options, view)


def resume(study_name: str, options: Options, view: View) -> tuple[Study, Stop]:
    """Go on with a study from what its storage holds, without its study file.

    Raises:
        StudyNotFound: There is no such study.
        HpsearchError: As `run`.
    """
    _, record = load_study(Storage(options.storage, read_only=True), study_name)
    return _search(record.load(), record, study_name, options, view)


def _search(
    study_file: StudyFile, record: Record | None, name: str, options: Options, view: View
) -> tuple[Study, Stop]:
    runner = LocalRunner()  # first: it imports Keras while the rest goes on here
    space = explore(study_file)
    task = study_file.task
    baseline = {n: value for n, value in task.baseline.items() if n in space.distributions}
    fixed = {name: parse_value(name, text, space) for name, text in options.fixed.items()}
    if options.sampler is not None:  # before anything is stored
        make_sampler(options.sampler, seed=0, n_trials=0, fixed=fixed)
        if options.sampler is SamplerName.GRID:
            _n_combinations(study_file, fixed)
    prepared = prepare_data(study_file, options.data, view.say)
    storage = Storage(options.storage)
    with study_lock(storage, name):
        if record is None:
            record = _record(
                study_file, space.as_json(), prepared.fingerprint, options, storage, name
            )
        study, stored, is_old = create_or_continue(storage, name, record, {**baseline, **fixed})
        plan = _plan(study_file, stored, fixed, options)
        curves = storage.folder / "curves"
        write_note(study, stored, find_best(study))
        search = Search(
            study,
            study_file,
            stored,
            data=prepared,
            curves=curves,
            process_name=process_name(storage, name),
            max_epochs=epochs_of(fixed) if "epochs" in fixed else space.max_epochs(task.baseline),
            plan=plan,
            runner=runner,
            view=view,
        )
        view.say(f"{'continuing' if is_old else 'new'} study {name!r} in {storage}")
        for remark in _remarks(stored, plan):
            view.say(remark)
        with _stopped_by_signals(search, view):
            stop = search.run()
        evict(curves)
    return study, stop


def _remarks(stored: Record, plan: Plan) -> Iterator[str]:
    """What a user should know and need not act on."""
    now = versions()
    changed = [
        f"{name} {old} then, {now.get(name)} now"
        for name, old in stored.versions.items()
        if now.get(name) != old
    ]
    if changed:
        yield f"made with other versions ({', '.join(changed)}): values may differ"
    n_cores = os.cpu_count() or 1
    if plan.n_slots > n_cores:
        yield f"{plan.n_slots} slots on {n_cores} cores are slower than {n_cores}"


def _record(
    study_file: StudyFile,
    space: dict[str, str],
    data: str,
    options: Options,
    storage: Storage,
    name: str,
) -> Record:
    """What the study would be if it began now, with its old seed if none is asked for."""
    stored = find_record(storage, name)
    seed = options.seed
    if seed is None:
        seed = stored.seed if stored else 0
    return make_record(
        study_file,
        space,
        data=data,
        seed=seed,
        sampler=options.sampler or DEFAULT_SAMPLER,
        pruner=options.pruner or DEFAULT_PRUNER,
    )


def _plan(
    study_file: StudyFile, stored: Record, fixed: dict[str, ParamValue], options: Options
) -> Plan:
    budget = study_file.task.budget
    n_cores = os.cpu_count() or 1
    n_slots = options.slots or n_cores
    sampler = options.sampler or SamplerName(stored.sampler)
    n_trials = options.trials or budget.n_trials
    if sampler is SamplerName.GRID:
        n_trials = min(n_trials, _n_combinations(study_file, fixed))
    return Plan(
        n_trials=n_trials,
        timeout_s=options.timeout_s or budget.timeout_s,
        n_slots=n_slots,
        n_threads=max(1, n_cores // n_slots),
        limits=options.limits,
        retries=options.retries,
        sampler=sampler,
        pruner=options.pruner or PrunerName(stored.pruner),
        fixed=fixed,
    )


def _n_combinations(study_file: StudyFile, fixed: Mapping[str, ParamValue]) -> int:
    """How many trials a grid has.

    Raises:
        UsageError: Infinitely many.
    """
    space = explore(study_file, fixed)
    if space.n_combinations is None:
        names = ", ".join(name for name in space.continuous if name not in fixed)
        raise UsageError(
            f"--sampler grid needs a finite space, and {names} is continuous: give it a step, "
            "or fix it with --set"
        )
    return space.n_combinations


def _stopped_by_signals(search: Search, view: View) -> AbstractContextManager[None]:
    """Ctrl-C: finish the epochs; again: now. SIGTERM, SIGHUP: as once, then as twice."""

    def on_interrupt(_number: int, _frame: object) -> None:
        if search.stop is Stop.INTERRUPTED:
            search.kill(Stop.INTERRUPTED)
            view.say("stopping now; trials continue from their last epoch when resumed")
        else:
            search.stop = Stop.INTERRUPTED  # also where the time was up already
            view.say("finishing the running epochs, then stopping (Ctrl-C again: stop now)")

    def on_terminate(_number: int, _frame: object) -> None:
        search.stop = Stop.TERMINATED
        timer = threading.Timer(GRACE_S, search.kill, [Stop.TERMINATED])
        timer.daemon = True
        timer.start()

    return handled({"SIGINT": on_interrupt, "SIGTERM": on_terminate, "SIGHUP": on_terminate})


def search(
    study_file: str | os.PathLike[str],
    *,
    view: View | None = None,
    storage: str = DEFAULT_STORAGE,
    trials: int | None = None,
    **options: object,
) -> Study:
    """Search a task from Python, as `hpsearch run` does from the command line.

    Args:
        study_file: A name from `studies/`, or a path.
        view: Who is told what happens; nobody, by default.
        storage: A storage URL.
        trials: Trials the study holds in the end; by default what the task says.
        options: Any other field of `Options`.

    Returns:
        The study, for Optuna's own functions.

    Raises:
        HpsearchError: Of any kind; what is stored is as it was.
    """
    chosen = Options(storage=storage, trials=trials, **options)  # type: ignore[arg-type]
    study, _ = run(os.fspath(study_file), chosen, view or View())
    return study
