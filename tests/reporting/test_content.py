"""What a report says, and in which parts."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from hpsearch.reporting.content import Report, Section, put_together
from hpsearch.reporting.material import Material
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Outcome
from hpsearch.task import Evidence
from tests.evaluated import copy_study
from tests.pictures.stored import BASELINE, Stored, logs, store
from tests.reporting.written import ASKING_TEXT, level

QUESTIONS = [f"question-{i}" for i in range(1, len(Evidence) + 1)]


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Storage:
    """A search and a sweep that left one factor out."""
    folder = tmp_path_factory.mktemp("studies")
    search = [
        Stored(curve=logs(3, 0.7)),
        Stored(curve=logs(3, 0.9), params={"epochs": 3, "units": 4}),
        Stored(curve=logs(1, 0.5), params={"epochs": 3, "units": 8}, outcome=Outcome.PRUNED),
    ]
    store(folder, *search, name="my search", text=ASKING_TEXT)
    levels = [level(seed, units=units) for seed in (0, 1) for units in (2, 4, 8)]
    return store(folder, *levels, is_sweep=True, name="sweep", text=ASKING_TEXT).storage


def report_on(storage: Storage, *names: str) -> Report:
    return put_together(Material(storage, names))


def section(report: Report, anchor: str) -> Section:
    (found,) = [one for one in report.sections if one.anchor == anchor]
    return found


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        pytest.param(["my search"], ["search"], id="a search"),
        pytest.param(["sweep"], ["sweep"], id="a sweep"),
        pytest.param(["sweep", "my search"], ["sweep", "search"], id="both"),
    ],
)
def test_it_has_a_part_for_each_study_after_the_task_and_the_questions(storage, names, parts):
    report = report_on(storage, *names)

    anchors = [one.anchor for one in report.sections]
    assert anchors == ["task", *QUESTIONS, *parts, "measured", "repeat"]
    assert report.studies == names
    assert [one.anchor for one in report.sections if one.has_room] == QUESTIONS
    for things in (report.tables, report.pictures):
        assert len({one.name for one in things}) == len(things)  # each is a file


def test_the_task_says_what_was_left_unfinished(storage):
    told = section(report_on(storage, "my search"), "task").sentences

    assert told == [
        "Goal: maximize val_accuracy.",
        "This report was written while 1 trial was running or waiting: it shows what there was by "
        "then.",
        "The baseline: epochs=3 batch_size=4 units=2.",
    ]
    assert not any(
        "written while" in one for one in section(report_on(storage, "sweep"), "task").sentences
    )


def test_trials_are_listed_best_first_with_all_their_params(storage):
    (table,) = section(report_on(storage, "my search"), "search").tables

    assert table.header == ["trial", "val_accuracy", "outcome", "fit", "seconds", "epochs",
                            "units", "batch_size"]  # fmt: skip
    assert [row[:3] for row in table.rows] == [
        [2, 0.9, "finished"],
        [1, 0.7, "finished"],
        [3, 0.5, "pruned"],
        [0, None, "waiting"],
    ]
    assert table.rows[-1][4] is None  # its seconds are not over


def test_the_lab_s_findings_stand_with_the_sweep(storage):
    told = section(report_on(storage, "sweep"), "sweep").sentences

    assert "“more units help”: not decided. 8 against" in told[-1]


def test_with_several_objectives_the_best_is_that_of_the_first_and_the_front_is_named(tmp_path):
    trials = [
        Stored(curve=logs(3, 0.9), costs=(900,)),
        Stored(curve=logs(3, 0.8), params={"epochs": 3, "units": 4}, costs=(10,)),
        Stored(curve=logs(3, 0.7), params={"epochs": 3, "units": 8}, costs=(20,)),
    ]
    subject = store(tmp_path, *trials, name="front", text=ASKING_TEXT, costs=["n_weights"])

    report = report_on(subject.storage, "front")

    told = section(report, "search").sentences
    assert told[0].startswith("The best is trial 1, val_accuracy 0.9000: ")
    assert "On the front of val_accuracy, n_weights: trials 1, 2." in told
    assert section(report, "search").tables[0].header[:3] == ["trial", "val_accuracy", "n_weights"]
    (run, _report) = section(report, "repeat").commands
    assert run.endswith("--objective val_accuracy,n_weights")


def test_a_search_alone_says_what_judges_the_lab_s_findings(storage):
    alone, with_sweep = report_on(storage, "my search"), report_on(storage, "my search", "sweep")

    needs = (
        "The lab's findings are about single factors, so only a sweep can judge them: "
        "hpsearch sweep toy."
    )
    assert section(alone, "search").sentences[-1] == needs
    assert needs not in section(with_sweep, "search").sentences


def test_how_it_was_measured_names_seeds_data_versions_and_machine(storage):
    (table,) = section(report_on(storage, "my search", "sweep"), "measured").tables
    facts = {(study, what): value for study, what, value in table.rows}

    assert facts["my search", "trials"] == "4: 2 finished, 1 waiting, 1 pruned"
    assert facts["my search", "sampler, pruner"] == "tpe, none"
    assert facts["sweep", "seeds"] == "0, 1"
    assert facts["sweep", "data"] == f"SHA-256 {'0' * 64}"
    for what in ("machine", "versions", "began"):
        assert facts["sweep", what]
    assert ("sweep", "examples") not in facts  # not recorded


def test_what_to_type_repeats_it_from_the_files_of_the_report(storage):
    assert section(report_on(storage, "sweep", "my search"), "repeat").commands == [
        "hpsearch run study_file.py --study 'my search' --trials 3 --seed 0 --sampler tpe "
        "--pruner none --replicates none",
        "hpsearch sweep study_file.py --study sweep --seeds 2 --factors units",
        "hpsearch report sweep 'my search' -o again",
    ]


def test_a_combination_is_repeated_with_the_search_that_it_was_compared_with(tmp_path):
    together = {**BASELINE, "units": 8, "epochs": 1}
    trials = [
        level(),
        level(accuracy=0.8, units=8),
        Stored(curve=logs(1, 0.9), params={**BASELINE, "epochs": 1}),
        Stored(curve=logs(1, 0.95), params=together, label="combined: epochs=1 units=8"),
    ]
    store(tmp_path, Stored(curve=logs(3)), name="search")
    storage = store(tmp_path, *trials, is_sweep=True, name="sweep").storage

    assert section(report_on(storage, "sweep", "search"), "repeat").commands[1:3] == [
        "hpsearch sweep study_file.py --study sweep --seeds 1",
        "hpsearch combine sweep --search search",
    ]
    assert section(report_on(storage, "sweep"), "repeat").commands[1] == "hpsearch combine sweep"


def test_curves_of_few_epochs_and_with_nan_break_no_report(tmp_path):
    nan = dict.fromkeys(logs(1)[0], math.nan)
    search = [
        Stored(curve=logs(1, 0.7), params={**BASELINE, "epochs": 1}),
        Stored(curve=logs(2, 0.8), params={**BASELINE, "epochs": 2}),
        Stored(curve=[*logs(2), nan], outcome=Outcome.DIVERGED),
        Stored(curve=[nan], outcome=Outcome.DIVERGED, params={**BASELINE, "units": 8}),
        Stored(outcome=Outcome.FAILED, params={**BASELINE, "units": 3}),
    ]
    levels = [
        Stored(curve=logs(1, 0.7), params={**BASELINE, "epochs": 1}),
        Stored(curve=[nan], outcome=Outcome.DIVERGED, params={**BASELINE, "units": 8}),
        Stored(outcome=Outcome.FAILED),
    ]
    store(tmp_path, *search, name="search", text=ASKING_TEXT)
    storage = store(tmp_path, *levels, is_sweep=True, name="sweep", text=ASKING_TEXT).storage

    report = report_on(storage, "search", "sweep")

    drawn = [picture.name for picture in report.pictures if picture.render() is not None]
    assert {"curves", "history", "baseline"} <= set(drawn)
    (table,) = section(report, "sweep").tables
    assert table.rows[0][-1] == "failed"
    assert [row[2] for row in section(report, "search").tables[0].rows if row[0] in (3, 4)] == [
        "diverged",
        "diverged",
    ]


@pytest.mark.slow
@pytest.mark.xdist_group("evaluated")
def test_an_evaluated_study_is_told_with_its_network_its_test_and_the_published_figure(cwd: Path):
    copy_study(cwd)

    report = report_on(Storage("sqlite:///runs/studies.db", read_only=True), "clouds")

    assert "evaluation" in [one.anchor for one in report.sections]
    (network,) = section(report, "task").tables
    assert "weights" in network.caption
    assert [row[0] for row in network.rows][-1] == "Dense"
    assert "Examples: train 200, valid 100, test 100." in section(report, "task").sentences
    (table,) = section(report, "evaluation").tables
    assert table.rows[-1] == ["published", None, None, 0.5, None, "a coin"]
    assert [one.name for one in section(report, "evaluation").pictures] == [
        "confusion",
        "mistakes",
        "predictions",  # left out of the documents: the labels are classes
    ]
    assert "hpsearch evaluate clouds --top 1 --seeds 2" in section(report, "repeat").commands


def test_a_lab_that_published_findings_but_no_curve_is_not_said_to_have_one(tmp_path, storage):
    text = ASKING_TEXT.replace("curve=", "curve={} and ")
    without = store(tmp_path, Stored(curve=logs(3)), text=text)

    captions = [
        section(report_on(there, name), "task").pictures[0].caption
        for there, name in ((storage, "sweep"), (without.storage, without.name))
    ]

    assert captions == [
        "The baseline's learning curve, and the published one",
        "The baseline's learning curve",
    ]
