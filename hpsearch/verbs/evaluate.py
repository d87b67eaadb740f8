"""`hpsearch evaluate`: retrain the best, choose on validation, open test once."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

from optuna.study import Study

from hpsearch.agents.nodes import Nodes
from hpsearch.agents.places import Places
from hpsearch.curves.costs import describe_cost
from hpsearch.evaluation.candidates import Candidate, choose_candidates
from hpsearch.evaluation.evaluate import Evaluation
from hpsearch.evaluation.opening import Opening, read_openings
from hpsearch.evaluation.sentences import (
    as_content,
    called,
    show_interval,
    test_sentences,
    validation_sentences,
    when,
)
from hpsearch.figures import show_figure, show_gain
from hpsearch.files import Cell
from hpsearch.messages import ALL_FOLDS
from hpsearch.processes.signals import handled
from hpsearch.processes.stop import Stop, StopRequest
from hpsearch.published import Published
from hpsearch.study.lock import study_lock
from hpsearch.study.record import Record, load_study
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import data_of_study
from hpsearch.terminal.printing import (
    Console,
    output_console,
    print_json,
    print_line,
    print_table,
    say,
)

SCHEMA = "hpsearch.evaluate/1"


def evaluate(
    storage_url: str,
    study_name: str,
    *,
    n_top: int,
    n_seeds: int,
    n_slots: int | None,
    nodes: Nodes | None = None,
    data: Path | None,
    again: bool,
    as_json: bool,
) -> None:
    """Evaluate a study and print the result, or print an earlier evaluation's.

    Args:
        storage_url: Where the study is.
        study_name: The study.
        n_top: How many of the best trials to retrain, besides the baseline.
        n_seeds: Fresh seeds for each candidate.
        n_slots: How many networks train in parallel; None for one per core.
        nodes: Where they train; None for this machine.
        data: The user's data folder.
        again: Open the test split even if it was opened before.
        as_json: Print JSON.

    Raises:
        NothingFinished: No trial has finished, or a retraining failed.
        DataError: The data have no test split.
        HpsearchError: Of any other kind; what is stored stays intact.
    """
    openings, published, is_stored = evaluated(
        storage_url,
        study_name,
        n_top=n_top,
        n_seeds=n_seeds,
        n_slots=n_slots,
        nodes=nodes,
        data=data,
        again=again,
    )
    if as_json:
        print_json(as_dict(study_name, openings, published, is_stored=is_stored))
        return
    console = output_console()
    print_line(console, "")
    print_evaluation(console, openings, published)
    print_line(console, f"\nNext: hpsearch export {study_name} -o DIR")


def evaluated(
    storage_url: str,
    study_name: str,
    *,
    n_top: int,
    n_seeds: int,
    n_slots: int | None,
    nodes: Nodes | None = None,
    data: Path | None,
    again: bool,
) -> tuple[list[Opening], Published | None, bool]:
    """Evaluate a study, or find an earlier evaluation.

    Args:
        storage_url: Where the study is.
        study_name: The study.
        n_top: As for `evaluate`.
        n_seeds: Likewise.
        n_slots: Likewise.
        nodes: Likewise.
        data: Likewise.
        again: Likewise.

    Returns:
        All openings of test, the published figures, and whether nothing was trained.

    Raises:
        HpsearchError: As `evaluate`.
    """
    study, record = load_study(Storage(storage_url, read_only=True), study_name)
    is_stored = bool(read_openings(study)) and not again
    if not is_stored:
        storage = Storage(storage_url)
        with study_lock(storage, study_name):
            study, record = load_study(storage, study_name)  # as it is under the lock
            _evaluate(storage, study, record, n_top, n_seeds, n_slots, nodes, data)
    openings = read_openings(study)
    if is_stored:
        _say_stored(openings, n_top, n_seeds)
    return openings, record.load().task.published, is_stored


def as_dict(
    study_name: str, openings: list[Opening], published: Published | None, *, is_stored: bool
) -> dict[str, Any]:
    """An evaluation for programs."""
    return {
        "schema": SCHEMA,
        "study": study_name,
        "is_stored": is_stored,
        "openings": len(openings),
        **as_content(openings[-1], published),
    }


def _evaluate(
    storage: Storage,
    study: Study,
    record: Record,
    n_top: int,
    n_seeds: int,
    n_slots: int | None,
    nodes: Nodes | None,
    data: Path | None,
) -> None:
    """Evaluate; Ctrl-C, SIGTERM and SIGHUP stop at once, keeping finished epochs."""
    choose_candidates(study, record.load(), n_top, costs=record.costs)  # fail before anything slow
    places = Places.of(nodes, n_slots, say)
    study_file = record.load()
    prepared = data_of_study(study.study_name, record, study_file, data)
    prepared.open().unseen()
    places.serve(study_file, prepared, storage.curves, say)
    stop = StopRequest()
    received: list[int] = []

    def on_signal(number: int, _frame: object) -> None:
        received.append(number)
        stop.at_once(Stop.INTERRUPTED)
        say("stopping; the same command continues from the last epochs")

    work = Evaluation(
        storage,
        study,
        record,
        prepared,
        places.runner,
        n_slots=places.n_slots,
        stop=stop,
        say=say,
    )
    with handled(dict.fromkeys(("SIGINT", "SIGTERM", "SIGHUP"), on_signal)):
        opening = work.run(n_top, n_seeds)
    if opening is None:
        raise SystemExit(128 + received[0])


def print_evaluation(
    console: Console, openings: list[Opening], published: Published | None
) -> None:
    """Print the latest evaluation, for people."""
    opening = openings[-1]
    n_seeds = _plural(len(opening.seeds), "fresh seed")
    fitted_on = opening.fitted_on.replace("+", " + ")
    compared_on = "each fold held out in turn" if fitted_on == ALL_FOLDS else "trained on train"
    print_line(console, f"On validation: {opening.goal.label}, {compared_on}, {n_seeds}")
    rows = [_row(opening, candidate) for candidate in opening.candidates]
    header = ["mean", "95 % interval", "in search", *opening.costs, "network", "best minus this"]
    print_table(console, header, rows, right=3 + len(opening.costs))
    for sentence in validation_sentences(opening):
        print_line(console, sentence)
    print_line(
        console, f"\nOn test: {opening.test_label}, trained on {fitted_on}, the same {n_seeds}"
    )
    print_table(
        console,
        ["mean", "95 % interval", "network", "also, as means", "per seed"],
        _test_rows(opening, published),
        right=2,
    )
    for sentence in test_sentences(openings, published):
        print_line(console, sentence)


def _row(opening: Opening, candidate: Candidate) -> list[Cell]:
    against = ""
    if candidate is not opening.winner:
        against = show_gain(opening.compare_on_valid(candidate).difference)
    return [
        show_figure(fmean(candidate.valid)),
        show_interval(opening.valid_interval(candidate)),
        "" if candidate.searched is None else show_figure(candidate.searched),
        *(describe_cost(*pair) for pair in zip(opening.costs, candidate.costs, strict=True)),
        called(candidate),
        against,
    ]


def _test_rows(opening: Opening, published: Published | None) -> list[list[Cell]]:
    rows: list[list[Cell]] = [
        [
            show_figure(fmean(opening.test_values(candidate))),
            show_interval(opening.test_interval(candidate)),
            called(candidate),
            "  ".join(f"{n} {show_figure(x)}" for n, x in opening.also_on_test(candidate).items()),
            "  ".join(show_figure(value) for value in opening.test_values(candidate)),
        ]
        for candidate in opening.finalists
    ]
    if published is not None and published.test_accuracy is not None and opening.is_share:
        rows.append([show_figure(published.test_accuracy), "", "published", "", published.source])
    return rows


def _say_stored(openings: list[Opening], n_top: int, n_seeds: int) -> None:
    opening = openings[-1]
    say(f"evaluated at {when(opening)}: showing the stored result; nothing was trained")
    if (n_top, n_seeds) != (opening.n_top, len(opening.seeds)):
        say(
            f"it used --top {opening.n_top} --seeds {len(opening.seeds)}; "
            "--again evaluates again and opens the test split once more"
        )


def _plural(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"
