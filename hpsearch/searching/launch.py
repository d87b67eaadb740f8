"""Launch a search: of a study file, or of a stored study, with the user's options."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from joblib import cpu_count
from optuna.study import Study
from optuna.trial import TrialState

from hpsearch.agents.nodes import Nodes
from hpsearch.agents.places import Places
from hpsearch.choices import (
    DEFAULT_PRUNER,
    DEFAULT_REPLICATES,
    DEFAULT_SAMPLER,
    DEFAULT_STORAGE,
    PrunerName,
    Replicates,
    SamplerName,
)
from hpsearch.curves.store import CurveStore
from hpsearch.data.arrays import Prepared
from hpsearch.errors import UsageError
from hpsearch.evaluation.candidates import baseline_of
from hpsearch.goal import COSTS
from hpsearch.processes.runner import LocalRunner, Runner
from hpsearch.processes.signals import handled
from hpsearch.processes.stop import Stop, StopRequest
from hpsearch.processes.supervisor import NO_LIMITS, Limits
from hpsearch.processes.trainer import RETRIES, Trainer
from hpsearch.searching.fixed import FixedSchedule
from hpsearch.searching.racing import RacingSchedule
from hpsearch.searching.rungs import choose_first_rung
from hpsearch.searching.samplers import require_sampler
from hpsearch.searching.schedule import SampledSchedule, Schedule
from hpsearch.searching.search import Search, find_best
from hpsearch.searching.tracked import tracked
from hpsearch.searching.view import View
from hpsearch.study.launchers import in_turn, join
from hpsearch.study.lock import process_name
from hpsearch.study.note import write_note
from hpsearch.study.patience import AWAY_S, Patience
from hpsearch.study.record import (
    Point,
    Record,
    create_or_continue,
    find_record,
    load_study,
    make_record,
    versions,
)
from hpsearch.study.space import Space, explore, first_params, parse_value
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import prepare_data, require_class_weights
from hpsearch.study.trials import curves_of
from hpsearch.study_file import StudyFile, read_study_file
from hpsearch.task import ParamValue, Task, epochs_of
from hpsearch.tracking.opening import open_trackers

GRACE_S = 30  # from SIGTERM until running epochs are cut off

Named = TypeVar("Named", bound=StrEnum)
Points = Callable[[int], Sequence[Point]]
"""A study's seed -> what a sweep trains."""
NoteTable = Callable[[Storage, Study, Record], str]
"""The table in the note of a sweep, in Markdown; nothing for a search."""


def no_table(storage: Storage, study: Study, record: Record) -> str:
    """No table, as a search has none."""
    return ""


@dataclass(frozen=True, kw_only=True)
class Options:
    """A user's options for a search; None for the study's or the task's own."""

    study: str | None = None
    storage: str = DEFAULT_STORAGE
    trials: int | None = None
    epochs: int | None = None
    """Trained in all, after which no new trial begins."""
    timeout_s: float | None = None
    slots: int | None = None
    seed: int | None = None
    sampler: SamplerName | None = None
    pruner: PrunerName | None = None
    replicates: Replicates | None = None
    repeats: int | None = None
    """Seeds that a trial's value is a mean over."""
    objective: Sequence[str] | None = None
    """The task's metric, then costs."""
    data: Path | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Values as text, by hyperparameter."""
    log: Sequence[str] = ()
    """Where to log too: `tensorboard:DIR`, `mlflow:URI`."""
    limits: Limits = NO_LIMITS
    retries: int = RETRIES
    runner: Callable[[Callable[[str], object]], Runner] = LocalRunner
    """Makes what trial processes come from, given what says a line to the user."""
    nodes: Nodes | None = None
    """Where trials run; None for this machine."""


def run(name_or_path: str, options: Options, view: View) -> tuple[Study, Stop]:
    """Create the study of a study file, or continue it.

    Args:
        name_or_path: A study file.
        options: The user's.
        view: Shows progress.

    Returns:
        The study, and why the search stopped.

    Raises:
        HpsearchError: Of any kind; what is stored stays intact.
    """
    return run_declared(read_study_file(name_or_path), options, view)


def run_declared(
    study_file: StudyFile,
    options: Options,
    view: View,
    accepted: Callable[[], object] = lambda: None,
) -> tuple[Study, Stop]:
    """Create the study of a study file that was read already, or continue it.

    Args:
        study_file: Declares the task.
        options: The user's.
        view: Shows progress.
        accepted: Called before anything is trained, once the study is known to go on with
            this study file.

    Returns:
        The study, and why the search stopped.

    Raises:
        HpsearchError: Of any kind; what is stored stays intact.
    """
    name = options.study or study_file.name
    return _launch(study_file, None, name, options, view, accepted=accepted)


def sweep(
    study_file: StudyFile,
    points: Points,
    options: Options,
    view: View,
    note_table: NoteTable = no_table,
) -> tuple[Study, Stop]:
    """Train fixed points in a study of their own: create it, or continue it.

    Args:
        study_file: Declares the task.
        points: The study's seed -> which params to train with which seeds, in this order.
        options: The user's; a sweep has no use for sampler, pruner, budget and fixed values.
        view: Shows progress.
        note_table: What the study's note shows while the sweep runs.

    Returns:
        The study, and why the sweep stopped.

    Raises:
        HpsearchError: Of any kind; what is stored stays intact.
    """
    name = options.study or sweep_name(study_file)
    return _launch(study_file, None, name, options, view, points, note_table)


def sweep_name(study_file: StudyFile) -> str:
    """The name of a study file's sweep, unless the user chooses another."""
    return f"{study_file.name}-sweep"


def resume(
    study_name: str, options: Options, view: View, note_table: NoteTable = no_table
) -> tuple[Study, Stop]:
    """Continue a study from its storage, without its study file.

    Args:
        study_name: A search or a sweep.
        options: The user's.
        view: Shows progress.
        note_table: What the study's note shows while a sweep runs.

    Returns:
        The study, and why it stopped.

    Raises:
        StudyNotFound: There is no such study.
        HpsearchError: As `run`.
    """
    patience = Patience(AWAY_S, say=view.say)
    _, record = load_study(Storage(options.storage, read_only=True, patience=patience), study_name)
    return _launch(record.load(), record, study_name, options, view, note_table=note_table)


def options_of(
    *,
    sampler: str | None = None,
    pruner: str | None = None,
    replicates: str | None = None,
    repeats: int | None = None,
    fixed: Mapping[str, ParamValue] | None = None,
    **same: Any,
) -> Options:
    """Options as Python has them: names as texts, values as they are.

    Args:
        sampler: A name, as those of `pruner` and `replicates`.
        pruner: Likewise.
        replicates: Likewise.
        repeats: A number of seeds.
        fixed: Values by hyperparameter.
        same: Fields of `Options` to pass through.

    Raises:
        UsageError: A name is none that is known, or `repeats` no such number.
    """
    return Options(
        sampler=None if sampler is None else _choice(SamplerName, "sampler", sampler),
        pruner=None if pruner is None else _choice(PrunerName, "pruner", pruner),
        replicates=None if replicates is None else _choice(Replicates, "replicates", replicates),
        repeats=None if repeats is None else _count("repeats", repeats),
        fixed={name: str(value) for name, value in (fixed or {}).items()},
        **same,
    )


def _launch(
    study_file: StudyFile,
    record: Record | None,
    name: str,
    options: Options,
    view: View,
    points: Points = lambda seed: (),
    note_table: NoteTable = no_table,
    accepted: Callable[[], object] = lambda: None,
) -> tuple[Study, Stop]:
    task = study_file.task
    space = explore(study_file)
    fixed = {name: parse_value(name, text, space) for name, text in options.fixed.items()}
    first, is_baseline = first_params(study_file, space, fixed)
    costs = None if options.objective is None else _costs(task, options.objective)
    if options.sampler is not None:  # before anything is stored
        require_sampler(options.sampler)
        if options.sampler is SamplerName.GRID:
            _n_combinations(study_file, fixed)
    trackers = open_trackers(options.log, name, study_file)
    places = Places.of(options.nodes, options.slots, view.say, options.runner)
    prepared = prepare_data(study_file, options.data, view.say)
    require_class_weights(study_file, prepared.open())
    stop = StopRequest(options.timeout_s or task.budget.timeout_s)
    storage = Storage(options.storage, patience=Patience(AWAY_S, stop, view.say))
    with join(storage, name) as launchers, tracked(view, trackers) as view:

        def begin() -> tuple[Study, Record, bool]:
            now = record or _record(
                study_file, space, prepared, options, costs, storage, name, points
            )
            _require_supported(now, options)
            return create_or_continue(storage, name, now, first, is_baseline=is_baseline)

        study, stored, is_old = in_turn(launchers, begin)
        accepted()
        write_note(study, stored, find_best(study, task.goal), note_table(storage, study, stored))
        view.say(f"{'continuing' if is_old else 'new'} study {name!r} in {storage}")
        if others := launchers.others():
            view.say(f"{' and '.join(others)} {'work' if len(others) > 1 else 'works'} on it, too")
        in_turn(launchers, lambda: launchers.adopt(study, view.say))
        schedule = _schedule(study, stored, study_file, space, fixed, options)
        for remark in _remarks(stored, places):
            view.say(remark)
        places.serve(study_file, prepared, storage.curves, view.say, view.slots_changed)
        trainer = Trainer(
            study_file,
            prepared,
            CurveStore(storage.curves),
            places.runner,
            versions=versions(),
            stop=stop,
            n_threads=places.n_threads,
            limits=options.limits,
            retries=options.retries,
            process_name=process_name(storage, name),
            say=view.say,
        )
        work = Search(
            study,
            stored,
            task,
            storage,
            launchers=launchers,
            schedule=schedule,
            trainer=trainer,
            n_slots=places.n_slots,
            stop=stop,
            view=view,
            note_table=lambda: note_table(storage, study, stored),
        )
        with _stopped_by_signals(stop, view):
            why = work.run()
        waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        trainer.store.evict(keep={name for trial in waiting for name in curves_of(trial)})
    return study, why


def _record(
    study_file: StudyFile,
    space: Space,
    data: Prepared,
    options: Options,
    costs: Sequence[str] | None,
    storage: Storage,
    name: str,
    points: Points,
) -> Record:
    """The study's description if it began now, with its old options where none are given."""
    stored = find_record(storage, name)
    if costs is None:
        costs = stored.costs if stored else ()
    seed = options.seed
    if seed is None:
        seed = stored.seed if stored else 0
    repeats = options.repeats
    if repeats is None:
        repeats = stored.repeats if stored else 1
    baseline = study_file.task.baseline
    batch_size = baseline["batch_size"]
    assert isinstance(batch_size, int)  # a task refuses anything else
    splits = data.open()
    return make_record(
        study_file,
        space.as_json(),
        data=data.fingerprint,
        seed=seed,
        sampler=options.sampler or DEFAULT_SAMPLER,
        pruner=options.pruner or DEFAULT_PRUNER,
        replicates=options.replicates or DEFAULT_REPLICATES,
        repeats=repeats,
        costs=costs,
        first_rung=choose_first_rung(
            len(splits.train), batch_size, max_epochs=space.max_epochs(baseline)
        ),
        points=points(seed),
        splits={part: len(split) for part, split in splits.splits().items()},
    )


def _costs(task: Task, objective: Sequence[str]) -> list[str]:
    """The objectives besides the task's metric, always in the same order.

    Raises:
        UsageError: These are not objectives of the task.
    """
    metric, *costs = objective
    if metric != task.metric or not set(costs) <= set(COSTS) or len(set(costs)) < len(costs):
        raise UsageError(
            f"--objective takes {task.metric}, the task's metric, then {' or '.join(COSTS)} or "
            f"both, with commas; got {','.join(objective)!r}"
        )
    return sorted(costs, key=COSTS.index)


def _require_supported(record: Record, options: Options) -> None:
    """Refuse what takes one objective, or one seed, only.

    Raises:
        UsageError: The search cannot have these options.
    """
    if record.repeats > 1 and options.replicates is Replicates.AUTO:
        raise UsageError(
            "--replicates auto is for trials of one seed: with --repeats, each trial already has "
            f"{record.repeats}"
        )
    if not record.costs:
        return
    if options.pruner is PrunerName.HYPERBAND:
        raise UsageError(
            "--pruner hyperband takes one objective: with several, use halving, median or none"
        )
    if options.replicates is Replicates.AUTO:
        raise UsageError(
            "--replicates auto takes one objective: evaluate trains the front with fresh seeds"
        )


def _schedule(
    study: Study,
    stored: Record,
    study_file: StudyFile,
    space: Space,
    fixed: Mapping[str, ParamValue],
    options: Options,
) -> Schedule:
    task = study_file.task
    if stored.points:
        return FixedSchedule(
            study,
            stored.points,
            space.distributions,
            seed=stored.seed,
            baseline=baseline_of(study_file),
        )
    sampler = options.sampler or SamplerName(stored.sampler)
    n_trials = n_new = options.trials or options.epochs or task.budget.n_trials
    if sampler is SamplerName.GRID:
        n_new = min(n_trials, _n_combinations(study_file, fixed))
    searched = SampledSchedule(
        study,
        study_file,
        n_trials=n_new,
        seed=stored.seed,
        sampler=sampler,
        pruner=options.pruner or PrunerName(stored.pruner),
        fixed=fixed,
        max_epochs=epochs_of(fixed) if "epochs" in fixed else space.max_epochs(task.baseline),
        first_rung=stored.first_rung,
        n_epochs=options.epochs,
    )
    if (options.replicates or Replicates(stored.replicates)) is Replicates.NONE:
        return searched
    return RacingSchedule(study, searched, n_trials=n_trials)


def _remarks(stored: Record, places: Places) -> Iterator[str]:
    """Remarks that need no action."""
    now = versions()
    changed = [
        f"{name} {stored.versions.get(name, 'default')} then, {now.get(name, 'default')} now"
        for name in {**stored.versions, **now}
        if now.get(name) != stored.versions.get(name)
    ]
    if changed:
        yield f"made with other versions ({', '.join(changed)}): values may differ"
    n_slots, n_cores = places.n_slots, cpu_count()
    if isinstance(n_slots, int) and n_slots > n_cores:
        yield f"{n_slots} slots on {n_cores} cores are slower than {n_cores}"


def _n_combinations(study_file: StudyFile, fixed: Mapping[str, ParamValue]) -> int:
    """How many trials a grid has.

    Raises:
        UsageError: The space is infinite.
    """
    space = explore(study_file, fixed)
    if space.n_combinations is None:
        names = ", ".join(name for name in space.continuous if name not in fixed)
        raise UsageError(
            f"--sampler grid needs a finite space, and {names} is continuous: give it a step, "
            "or fix it with --set"
        )
    return space.n_combinations


def _stopped_by_signals(stop: StopRequest, view: View) -> AbstractContextManager[None]:
    """Ctrl-C: finish running epochs; again: stop now. SIGTERM, SIGHUP: one, then the other."""

    def on_interrupt(_number: int, _frame: object) -> None:
        if stop.why is Stop.INTERRUPTED:
            stop.at_once(Stop.INTERRUPTED)
            view.say("stopping now; trials continue from their last epoch when resumed")
        else:
            stop.after_epochs(Stop.INTERRUPTED)  # even if the time is already up
            view.say("finishing the running epochs, then stopping (Ctrl-C again: stop now)")

    def on_terminate(_number: int, _frame: object) -> None:
        stop.after_epochs(Stop.TERMINATED)
        timer = threading.Timer(GRACE_S, stop.at_once, [Stop.TERMINATED])
        timer.daemon = True
        timer.start()

    return handled({"SIGINT": on_interrupt, "SIGTERM": on_terminate, "SIGHUP": on_terminate})


def _count(what: str, number: int) -> int:
    if not isinstance(number, int) or number < 1:
        raise UsageError(f"{what} must be a whole number of 1 or more, not {number!r}")
    return number


def _choice(kind: type[Named], what: str, name: str) -> Named:
    try:
        return kind(name)
    except ValueError as error:
        close = get_close_matches(name, list(kind), 1)
        hint = f": did you mean {str(close[0])!r}?" if close else ""
        known = ", ".join(kind)
        raise UsageError(f"unknown {what} {name!r}{hint} (choose from {known})") from error
