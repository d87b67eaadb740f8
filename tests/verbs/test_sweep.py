"""`hpsearch sweep` and `hpsearch table`: one factor at a time, and what it came to."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from statistics import fmean

import pytest
from optuna_dashboard import get_note

from hpsearch.lab.as_published import read_level_openings
from hpsearch.study.invariants import violations
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from hpsearch.study.summary import Summary, summarize
from hpsearch.study.trials import Outcome
from tests.conftest import Cli
from tests.toy import write_toy
from tests.waiting import HANG_S, wait_until

pytestmark = pytest.mark.slow

URL = "sqlite:///runs/studies.db"
FACTORS = 'factors={"epochs": [2, 3, 6], "units": [2, 4], "level": [0.5, 0.8]},'


def read(name: str = "toy-sweep") -> Summary:
    storage = Storage(URL, read_only=True)
    study, record = load_study(storage, name)
    assert violations(storage, study, record) == []
    return summarize(study, record)


def test_a_sweep_prints_its_plan_trains_it_and_prints_the_table(cwd: Path, inside: Cli):
    write_toy(cwd, fields=FACTORS)

    done = inside("sweep", "toy.py", "--seeds", "2", "--slots", "2")

    assert done.returncode == 0, done.stderr
    assert "trainings  10: 5 settings, 2 seeds each" in done.stderr
    assert "epochs     24; each level by itself would take 52" in done.stderr
    assert "Epochs trained: 24; each row by itself would have taken 52." in done.stderr
    assert done.stderr.endswith("next: hpsearch table toy-sweep\n")
    summary = read()
    study, _record = load_study(Storage(URL, read_only=True), "toy-sweep")
    assert "| level | 0\\.5 |" in get_note(study)
    assert summary.counts == {Outcome.FINISHED: 10}
    assert sum(row.is_baseline for row in summary.rows) == 1

    content = json.loads(inside("table", "toy-sweep", "--json").stdout)
    rows = content["rows"]
    assert content["epochs"] == {"trained": 24, "apart": 52}
    assert [(row["factor"], row["level"]) for row in rows] == [
        (None, "the baseline"),
        ("epochs", "2"),
        ("epochs", "3"),
        ("epochs", "6"),
        ("units", "2"),
        ("units", "4"),
        ("level", "0.5"),
        ("level", "0.8"),
    ]
    # a score made to order, the same for all seeds: 0.5 at epoch 3, less before and after
    assert [row["val_score"] for row in rows] == [0.5, 0.49, 0.5, 0.47, 0.5, 0.5, 0.5, 0.8]
    assert [row["best_epoch"] for row in rows] == [3, 2, 3, 3, 3, 3, 3, 3]
    assert {row["seeds"] for row in rows} == {2}
    assert [row["weights"] for row in rows] == [22, 22, 22, 22, 12, 22, 22, 22]
    best = {row["factor"]: row["level"] for row in rows if "best" in row["judged"]}
    assert best == {"epochs": "3", "units": "2", "level": "0.8"}
    assert fmean(row["s_total"] for row in rows) > 0

    as_csv = list(csv.DictReader(io.StringIO(inside("table", "toy-sweep", "--csv").stdout)))
    assert [row["val_score"] for row in as_csv] == [str(row["val_score"]) for row in rows]
    markdown = inside("table", "toy-sweep", "--md").stdout
    assert "| level | 0.8 | 2 |" in markdown
    for_people = inside("table", "toy-sweep").stdout
    assert "* +0.3000" in for_people
    assert "another machine" not in for_people

    (cwd / "runs" / "curves").rename(cwd / "on-another-machine")
    without = json.loads(inside("table", "toy-sweep", "--json").stdout)["rows"]
    assert [row["val_score"] for row in without] == [row["val_score"] for row in rows]
    assert [row["best_epoch"] for row in without] == [3, 2, 3, 3, 3, 3, 3, 3]
    assert {row["s_total"] for row in without} == {None}
    told = inside("table", "toy-sweep").stdout
    assert "The curves of 10 trials are not here, but on another machine or" in " ".join(
        told.split()
    )
    assert not re.search(r"\b0 ?s\b", told)


def test_a_killed_sweep_is_resumed_where_it_was(cwd: Path, inside: Cli):
    each_epoch = f"""
        while epochs_done == 5 and not os.path.exists({str(cwd / "go")!r}):
            open({str(cwd / "there")!r}, "w").close()
            time.sleep(0.02)
        """
    write_toy(cwd, each_epoch=each_epoch, fields=FACTORS)
    command = [sys.executable, "-m", "hpsearch", "sweep", "toy.py", "--seeds", "1", "--slots", "1"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=dict(os.environ)) as launcher:
        wait_until((cwd / "there").exists)
        launcher.kill()
        launcher.wait(timeout=HANG_S)
    (cwd / "go").touch()

    too_early = inside("table", "toy-sweep")
    done = inside("resume", "toy-sweep", "--slots", "1")

    assert too_early.returncode == 3
    assert "no network of sweep 'toy-sweep' is trained yet: hpsearch resume" in too_early.stderr

    assert done.returncode == 0, done.stderr
    assert "trial 0 was interrupted: it continues" in done.stderr
    assert "next: hpsearch table toy-sweep" in done.stderr
    summary = read()
    assert summary.counts == {Outcome.FINISHED: 5}
    assert summary.epochs_trained == 12


def test_a_sweep_reads_what_a_search_has_trained_and_takes_more_seeds_and_factors(
    cwd: Path, inside: Cli
):
    write_toy(cwd, fields=FACTORS)
    inside("run", "toy.py", "--trials", "1")

    inside("sweep", "toy.py", "--factors", "level", "--seeds", "1")

    baseline = next(row for row in read().rows if row.is_baseline)
    assert (baseline.epochs_trained, baseline.epochs_reused) == (0, 3)

    inside("sweep", "toy.py", "--factors", "units", "--seeds", "2")

    rows = json.loads(inside("table", "toy-sweep", "--json").stdout)["rows"]
    assert [(row["factor"], row["level"], row["seeds"]) for row in rows] == [
        (None, "the baseline", 2),
        ("units", "2", 2),
        ("units", "4", 2),
        ("level", "0.5", 2),
        ("level", "0.8", 1),
    ]


def test_minutes_leave_out_seeds_then_levels_and_say_so(cwd: Path, inside: Cli):
    write_toy(cwd, max_epochs=999_999, fields='factors={"epochs": [2, 999_999]},')

    done = inside("sweep", "toy.py", "--seeds", "2", "--minutes", "1")

    assert done.returncode == 0, done.stderr
    assert "to fit     1 of 2 seeds; without epochs 999999" in done.stderr
    assert read().counts == {Outcome.FINISHED: 2}


def test_the_note_of_a_sweep_shows_its_table_before_its_end(cwd: Path, inside: Cli):
    in_build = "assert params['level'] < 0.6, 'too much'"
    write_toy(cwd, in_build=in_build, fields='factors={"level": [0.7, 0.8, 0.9, 0.4]},')

    done = inside("sweep", "toy.py", "--seeds", "1", "--slots", "1")

    assert done.returncode == 2, done.stderr
    assert "3 trials in a row failed" in done.stderr  # before the last level was trained
    study, _record = load_study(Storage(URL, read_only=True), "toy-sweep")
    note = get_note(study)
    assert r"|  | the baseline | 0\.5" in note
    assert r"|  | 0\.9 |  | failed |" in note
    assert r"|  | 0\.4 |  | not trained |" in note


def test_a_setting_that_diverges_is_told_in_the_table(cwd: Path, inside: Cli):
    in_build = "params = {**params, 'level': float('nan') if params['level'] == 0.8 else 0.5}"
    write_toy(cwd, in_build=in_build, fields=FACTORS)

    done = inside("sweep", "toy.py", "--factors", "level", "--seeds", "1")

    assert done.returncode == 0, done.stderr
    rows = json.loads(inside("table", "toy-sweep", "--json").stdout)["rows"]
    assert [(row["val_score"], row["judged"]) for row in rows] == [
        (0.5, ""),
        (0.5, "best"),
        (None, "diverged"),
    ]


def test_what_cannot_be_swept_or_tabled_is_one_line(cwd: Path, inside: Cli):
    write_toy(cwd, fields=FACTORS)
    write_toy(cwd, name="plain")
    write_toy(cwd, name="outside", fields='factors={"units": [99]},')
    write_toy(cwd, name="broken", in_build="raise OSError('no')", fields=FACTORS)
    inside("run", "plain.py", "--trials", "1")
    cases = [
        (["sweep", "toy.py", "--factors", "unit"], 2, "no factor 'unit': did you mean 'units'?"),
        (["sweep", "toy.py", "--factors", ""], 2, "no factor ''"),
        (["sweep", "toy.py", "--seeds", "0"], 2, "whole number of 1 or more"),
        (["sweep", "toy.py", "--study", "plain"], 6, "is a search, not a sweep"),
        (["sweep", "plain.py"], 2, "declares no factors to vary"),
        (["sweep", "outside.py"], 2, "the factor 'units' sets units=99, outside whole number"),
        (["sweep", "broken.py"], 2, "OSError: no"),
        (["table", "plain"], 2, "'plain' is a search, which has no table of levels"),
        (["table", "toy"], 2, "no study 'toy'"),
    ]
    for argv, code, words in cases:
        done = inside(*argv)

        assert (done.returncode, done.stdout) == (code, ""), (argv, done.stderr)
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_combine_trains_the_best_levels_together_and_compares_them_with_a_search(
    cwd: Path, inside: Cli
):
    write_toy(cwd, fields='factors={"units": [2], "level": [0.8], "peak": [2]},')
    refused = inside("sweep", "toy.py", "--factors", "units", "--seeds", "1")
    assert refused.returncode == 0
    assert "nothing to combine" in inside("combine", "toy-sweep").stderr
    write_toy(cwd, fields='factors={"epochs": [4], "level": [0.8], "peak": [4]},', epochs=4)
    inside("sweep", "toy.py", "--study", "two", "--factors", "level,peak", "--seeds", "2")

    done = inside("combine", "two")

    assert done.returncode == 0, done.stderr
    assert "combined: level=0.8 peak=4" in done.stdout
    assert "promised +0.3100 together; the combination gained +0.3100" in done.stdout
    assert "hpsearch run toy --epochs 32" in done.stderr

    inside("run", "toy.py", "--trials", "1", "--objective", "val_score,n_weights")
    again = inside("combine", "two")  # with the best by the first objective

    assert again.returncode == 0, again.stderr
    assert "searched: trial 1 of toy" in again.stdout  # read off at epoch 3
    assert "The search trained 4 epochs" in again.stdout
    rows = json.loads(inside("table", "two", "--json").stdout)["rows"]
    assert [row["factor"] for row in rows[-2:]] == ["together", "together"]
    assert [row["val_score"] for row in rows[-2:]] == [0.8, 0.5]
    read("two")  # keeps all invariants
    for argv, code, words in [
        (["combine", "toy"], 2, "is a search, which has no table"),
        (["combine", "two", "--search", "two"], 2, "'two' is a sweep: --search takes a search"),
        (["combine", "two", "--search", "nothing"], 2, "no study 'nothing'"),
    ]:
        done = inside(*argv)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert words in done.stderr


def test_the_labs_own_way_measures_every_level_on_test_once(cwd: Path, inside: Cli):
    write_toy(cwd, fields=FACTORS)
    command = ["sweep", "toy.py", "--factors", "level,units", "--seeds", "2", "--as-published"]

    with subprocess.Popen(
        [sys.executable, "-m", "hpsearch", *command], stderr=subprocess.PIPE, text=True
    ) as launcher:
        assert launcher.stderr is not None
        for line in launcher.stderr:
            if line.startswith("opening the test split"):
                launcher.send_signal(signal.SIGINT)
    assert launcher.returncode == 130
    assert read_level_openings(load_study(Storage(URL, read_only=True), "toy-sweep")[0]) == []

    first, second = inside(*command), inside(*command)

    for done in (first, second):
        assert done.returncode == 0, done.stderr
        assert "every level was measured on test, as labs do: 6 networks" in done.stderr
        assert "flattered by +0.0000" in done.stderr  # a score made to order: no luck in it
    assert "opening the test split for 6 networks" in first.stderr
    assert "opening the test split" not in second.stderr
