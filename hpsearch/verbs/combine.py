"""`hpsearch combine`: train the best level of every factor together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hpsearch.curves.store import network_of
from hpsearch.errors import StudyChanged, StudyNotFound, UsageError
from hpsearch.evaluation.candidates import fresh_seeds
from hpsearch.lab.cells import note_table
from hpsearch.lab.combine import (
    Combination,
    combine,
    compare,
    describe_combination,
    points_of,
    seeds_of,
)
from hpsearch.lab.table import SweepTable, read_table
from hpsearch.searching import launch
from hpsearch.searching.launch import Options
from hpsearch.searching.search import find_best
from hpsearch.study.record import Record, find_record, load_study
from hpsearch.study.space import explore
from hpsearch.study.storage import Storage
from hpsearch.study.trials import curve_epochs, row
from hpsearch.study_file import StudyFile
from hpsearch.task import Params, describe_params
from hpsearch.terminal.levels import print_levels
from hpsearch.terminal.live import open_view
from hpsearch.terminal.printing import error_console, output_console, print_line
from hpsearch.verbs.run import EXIT_CODES
from hpsearch.verbs.sweep import trained_table


@dataclass(frozen=True, kw_only=True)
class Winner:
    """The best network of a search."""

    study: str
    number: int
    """Of its trial."""
    params: Params
    n_epochs: int
    """Trained by the whole search."""

    @property
    def label(self) -> str:
        """What the table calls it."""
        return f"searched: trial {self.number} of {self.study}"


def combine_sweep(study_name: str, options: Options, *, search: str | None) -> int:
    """Train the combination, print the table and what the combination came to.

    Args:
        study_name: A sweep.
        options: The user's, as for a search.
        search: The search to compare with; None for the study file's own, if there is one.

    Returns:
        The exit code.

    Raises:
        HpsearchError: Of any kind; what is stored stays intact.
    """
    storage = Storage(options.storage, read_only=True)
    study, record = load_study(storage, study_name)
    table = read_table(storage, study, record)
    study_file = record.load()
    combination = combine(study_file, explore(study_file), table)
    winner = _winner(storage, study_file, record, search)
    seeds = seeds_of(record, table.baseline.params)
    points = points_of(combination.label, combination.params, seeds)
    if winner is not None:  # chosen for its value with the study's seed, which says little
        fresh = fresh_seeds(record.seed, len(seeds))
        points += points_of(winner.label, winner.params, fresh)
    console = error_console()
    print_line(console, f"combining: {describe_params(combination.params)}")
    for remark in combination.remarks:
        print_line(console, remark)
    with open_view() as view:
        study, stop = launch.sweep(study_file, lambda seed: points, options, view, note_table)
    if not stop.is_end:
        print_line(console, f"stopped: {stop.value}")
        print_line(console, f"next: hpsearch combine {study_name}")
        return EXIT_CODES.get(stop, 0)
    table = trained_table(study, options)
    output = output_console()
    print_levels(output, table)
    print_line(output, "")
    for sentence in _sentences(table, combination, winner):
        print_line(output, sentence)
    if winner is None:
        print_line(
            console,
            f"to compare with a search of the same budget: hpsearch run {study_file.name} "
            f"--epochs {table.n_epochs}, then combine again",
        )
    return 0


def _sentences(table: SweepTable, combination: Combination, winner: Winner | None) -> Iterator[str]:
    rows = {one.label: one for one in table.combined}
    combined = rows[combination.label]
    yield from describe_combination(table, combined, combination.parts)
    if winner is None:
        return
    told = f"the search's best, trial {winner.number} of {winner.study!r}"
    yield compare("The combination", combined, told, rows[winner.label], table.goal)
    yield (
        f"The search trained {winner.n_epochs:,} epochs, sweep and combination "
        f"{table.n_epochs:,}; its best was trained anew with fresh seeds."
    )


def _winner(
    storage: Storage, study_file: StudyFile, record: Record, search: str | None
) -> Winner | None:
    """The best of a search of the same task.

    Raises:
        StudyNotFound: The search that was asked for does not exist, or has no finished trial.
        StudyChanged: It has another network, data or metric.
    """
    name = search or study_file.name
    theirs = find_record(storage, name)
    if search is None and (theirs is None or theirs.points):
        return None
    study, theirs = load_study(storage, name)
    if theirs.points:
        raise UsageError(f"study {name!r} is a sweep: --search takes a search")
    best = find_best(study, theirs.goal)
    if not _is_comparable(record, theirs):
        if search is None:
            return None
        raise StudyChanged(
            f"the search {name!r} has another network, data or metric than the sweep: run it anew "
            "with the same study file"
        )
    if best is None:
        if search is None:
            return None
        raise StudyNotFound(f"the search {name!r} has no finished trial yet")
    return Winner(
        study=name,
        number=best.number,
        params=study_file.task.complete(best.params),
        n_epochs=curve_epochs(map(row, study.get_trials(deepcopy=False))),
    )


def _is_comparable(ours: Record, theirs: Record) -> bool:
    def same(record: Record) -> tuple[str, ...]:
        return (record.metric, record.direction, record.data, network_of(record.load()))

    return same(ours) == same(theirs)
