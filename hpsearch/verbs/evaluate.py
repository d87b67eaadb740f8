"""`hpsearch evaluate`: retrain the best, choose on validation, open test once."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

from optuna.study import Study

from hpsearch.curves.store import evict
from hpsearch.errors import DataError, MetricNotFound, NothingFinished
from hpsearch.evaluation.candidates import Candidate, choose_candidates, fresh_seeds, ranked
from hpsearch.evaluation.opening import Opening, read_openings, record_opening
from hpsearch.evaluation.retraining import Retrainer, Retraining
from hpsearch.evaluation.sentences import (
    as_content,
    called,
    show_figure,
    show_interval,
    signed,
    test_sentences,
    validation_sentences,
    when,
)
from hpsearch.files import sha256_of, slug
from hpsearch.goal import Logs
from hpsearch.messages import TRAIN_AND_VALID
from hpsearch.processes.runner import LocalRunner
from hpsearch.study.lock import process_name, study_lock
from hpsearch.study.record import Record, load_study, versions
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import data_of_study
from hpsearch.task import Published
from hpsearch.terminal.printing import (
    Cell,
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
    data: Path | None,
    again: bool,
    as_json: bool,
) -> None:
    """Evaluate a study and print the outcome, or print what an earlier call found.

    Args:
        storage_url: Where the study is.
        study_name: The study.
        n_top: The best trials to retrain, beside the baseline.
        n_seeds: Fresh seeds for each of them.
        n_slots: How many train side by side; None for one a core.
        data: The user's data folder.
        again: Open the test split although it was opened before.
        as_json: Print JSON.

    Raises:
        NothingFinished: No trial has finished, or a retraining failed.
        HpsearchError: Of any other kind; what is stored is as it was.
    """
    study, record = load_study(Storage(storage_url, read_only=True), study_name)
    is_stored = bool(read_openings(study)) and not again
    if not is_stored:
        storage = Storage(storage_url)
        with study_lock(storage, study_name):
            study, record = load_study(storage, study_name)  # as it is under the lock
            _evaluate(storage, study, record, n_top, n_seeds, n_slots, data)
    openings = read_openings(study)
    if is_stored:
        _say_stored(openings, n_top, n_seeds)
    published = record.load().task.published
    if as_json:
        print_json(
            {
                "schema": SCHEMA,
                "study": study_name,
                "is_stored": is_stored,
                "openings": len(openings),
                **as_content(openings[-1], published),
            }
        )
    else:
        _show(study_name, openings, published)


def _evaluate(
    storage: Storage,
    study: Study,
    record: Record,
    n_top: int,
    n_seeds: int,
    n_slots: int | None,
    data: Path | None,
) -> None:
    """Retrain, choose, open test, record."""
    study_file = record.load()
    candidates = choose_candidates(study, study_file, n_top)
    runner = LocalRunner()  # imports Keras while the data are read
    prepared = data_of_study(study.study_name, record, study_file, data)
    retrainer = Retrainer(
        study_file,
        data=prepared.folder,
        fingerprint=prepared.fingerprint,
        curves=storage.folder / "curves",
        versions=versions(),
        process_name=process_name(storage, study.study_name),
        n_slots=n_slots or os.cpu_count() or 1,
        runner=runner,
        say=say,
    )
    splits = prepared.open()
    with retrainer.stopped_by_signals():
        seeds = fresh_seeds(record.seed, n_seeds)
        candidates, diverged = _validate(retrainer, candidates, seeds)
        opening = Opening(
            opened="",
            n_top=n_top,
            seeds=seeds,
            metric=record.metric,
            direction=record.direction,
            candidates=ranked(candidates, study_file.task.goal),
            diverged=diverged,
            n_valid=len(splits.valid),
            n_test=len(splits.test),
            versions=versions(),
            model="",
            model_sha256="",
        )
        finalists = _train_finalists(retrainer, opening)
        _open_test(storage, study, retrainer, opening, finalists)
    evict(storage.folder / "curves")


def _validate(
    retrainer: Retrainer, candidates: list[Candidate], seeds: list[int]
) -> tuple[list[Candidate], list[str]]:
    """The candidates with their figures on validation, and the names of those that diverged.

    Raises:
        NothingFinished: The baseline diverged.
    """
    names = ", ".join(candidate.name for candidate in candidates)
    say(f"retraining on train: {names}; {_plural(len(seeds), 'fresh seed')} each")
    wanted = [
        Retraining(name=candidate.name, params=candidate.params, seed=seed)
        for candidate in candidates
        for seed in seeds
    ]
    logs = retrainer.train(wanted)
    values = [of_one[-1][retrainer.metric] for of_one in logs]
    measured: list[Candidate] = []
    diverged: list[str] = []
    for i, candidate in enumerate(candidates):
        seeds_of_it = slice(i * len(seeds), (i + 1) * len(seeds))
        if not any(retrainer.has_diverged(of_one) for of_one in logs[seeds_of_it]):
            measured.append(replace(candidate, valid=values[seeds_of_it]))
        elif candidate.is_baseline:
            raise NothingFinished(
                "the baseline diverged with a fresh seed, so there is nothing to compare with; "
                "nothing was recorded. Give the task a baseline that trains, and search anew"
            )
        else:
            diverged.append(candidate.name)
    return measured, diverged


def _train_finalists(retrainer: Retrainer, opening: Opening) -> list[Retraining]:
    """Winner and baseline on train + valid: seed by seed, the winner's first."""
    names = " and ".join(candidate.name for candidate in opening.finalists)
    say(f"retraining on train + valid: {names}")
    wanted = [
        Retraining(name=candidate.name, params=candidate.params, seed=seed, fit_on=TRAIN_AND_VALID)
        for candidate in opening.finalists
        for seed in opening.seeds
    ]
    for one, logs in zip(wanted, retrainer.train(wanted), strict=True):
        if retrainer.has_diverged(logs):
            raise NothingFinished(
                f"{one} diverged: loss or metric are no numbers any more; nothing was recorded. "
                "Other --top or --seeds may come to another winner"
            )
    return wanted


def _open_test(
    storage: Storage,
    study: Study,
    retrainer: Retrainer,
    opening: Opening,
    finalists: list[Retraining],
) -> None:
    """Measure on test and record it, in that order and before anybody sees a figure.

    An evaluation that is interrupted in here has shown nothing to anybody: the next one
    opens test as if for the first time, with the same networks.
    """
    say("opening the test split")
    number = len(read_openings(study)) + 1
    place = f"{slug(study.study_name)}/opening-{number}"
    folder = storage.folder / "models" / place
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=folder.parent))
    except OSError as error:
        raise DataError(f"cannot write into {folder.parent}: {error.strerror}") from error
    try:
        logs = retrainer.measure(finalists, scratch)
        _require_test_metric(opening, logs)
        shutil.copy(retrainer.curve(finalists[0]).folder / "curve.json", scratch)
        digest = sha256_of(scratch / "model.keras")
        shutil.rmtree(folder, ignore_errors=True)  # of one that died before it recorded
        scratch.rename(folder)
    except OSError as error:
        raise DataError(f"cannot keep the model in {folder}: {error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    opened = datetime.now(UTC).isoformat(timespec="seconds")
    candidates = _with_test(opening, logs)
    record_opening(
        study,
        replace(opening, opened=opened, candidates=candidates, model=place, model_sha256=digest),
    )


def _with_test(opening: Opening, logs: list[Logs]) -> list[Candidate]:
    """The candidates with their logs on test, as `_train_finalists` has ordered them."""
    n_seeds = len(opening.seeds)
    found = {opening.winner.name: logs[:n_seeds]}
    found.setdefault(opening.baseline.name, logs[n_seeds:])
    return [replace(one, test=found.get(one.name, [])) for one in opening.candidates]


def _require_test_metric(opening: Opening, logs: list[Logs]) -> None:
    for one in logs:
        if opening.test_metric not in one:
            raise MetricNotFound(f"on test Keras logged {sorted(one)}, not {opening.test_metric!r}")


def _show(study_name: str, openings: list[Opening], published: Published | None) -> None:
    opening = openings[-1]
    console = output_console()
    n_seeds = _plural(len(opening.seeds), "fresh seed")
    print_line(console, f"\nOn validation: trained on train, {n_seeds}")
    rows = [_row(opening, candidate) for candidate in opening.candidates]
    header = ["mean", "95 % interval", "in search", "network", "best minus this"]
    print_table(console, header, rows, right=3)
    for sentence in validation_sentences(opening):
        print_line(console, sentence)
    print_line(console, f"\nOn test: trained on train + valid, the same {n_seeds}")
    print_table(
        console,
        ["mean", "95 % interval", "network", "also, as means", "per seed"],
        _test_rows(opening, published),
        right=2,
    )
    for sentence in test_sentences(openings, published):
        print_line(console, sentence)
    print_line(console, f"\nNext: hpsearch export {study_name} -o DIR")


def _row(opening: Opening, candidate: Candidate) -> list[Cell]:
    against = ""
    if candidate is not opening.winner:
        against = signed(opening.valid_verdict(candidate))
    return [
        show_figure(fmean(candidate.valid)),
        show_interval(opening.valid_interval(candidate)),
        "" if candidate.searched is None else show_figure(candidate.searched),
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
    if published is not None and opening.is_share:
        rows.append([show_figure(published.test_accuracy), "", "published", "", published.source])
    return rows


def _say_stored(openings: list[Opening], n_top: int, n_seeds: int) -> None:
    opening = openings[-1]
    say(f"evaluated at {when(opening)}: this is the stored result, nothing was trained")
    if (n_top, n_seeds) != (opening.n_top, len(opening.seeds)):
        say(
            f"it was made with --top {opening.n_top} --seeds {len(opening.seeds)}; "
            "--again evaluates anew and opens the test split once more"
        )


def _plural(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"
