"""A study and an export of an earlier version open in this one, wherever they lie now."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import optuna
import pytest

from hpsearch.study.record import ATTR, load_study
from hpsearch.study.storage import Storage
from hpsearch.study.summary import summarize
from hpsearch.study.trials import Outcome, TrialRow
from tests.conftest import Cli

pytestmark = pytest.mark.slow

KEPT = Path(__file__).parent / "kept"
URL = "sqlite:///runs/studies.db"


@pytest.fixture
def clouds(cwd: Path) -> Path:
    """The current folder, with the study `clouds`, its study file and its `export`."""
    with tarfile.open(KEPT / "clouds.tar.xz") as archive:
        archive.extractall(cwd, filter="data")
    return cwd


def rows() -> list[TrialRow]:
    return summarize(*load_study(Storage(URL, read_only=True), "clouds")).rows


def json_of(done: subprocess.CompletedProcess[str]) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_is_shown_and_verified(clouds: Path, inside: Cli):
    shown = json_of(inside("show", "clouds", "--json"))

    assert (shown["metric"], shown["seed"], shown["n_trials"]) == ("val_accuracy", 7, 9)
    assert shown["counts"] | {"finished": 7, "pruned": 4} == shown["counts"]
    assert shown["epochs"] == {"trained": 6, "saved_by_reuse": 5, "saved_by_pruning": 3}
    assert shown["best"]["trial"] == 4
    assert shown["best"]["value"] == pytest.approx(0.61)
    assert shown["best"]["params"] == {"epochs": 1, "units": 6}
    promoted = json_of(inside("show", "clouds", "--trial", "9", "--json"))
    assert promoted["promoted_from"] == 3
    assert inside("verify", "clouds").returncode == 0


def test_it_goes_on(clouds: Path, inside: Cli):
    before = rows()

    done = inside("run", "clouds.py", "--trials", "10", "--seed", "7")

    assert done.returncode == 0, done.stderr
    after = rows()
    assert after[: len(before)] == before
    assert sum(row.is_counted for row in after) == 10
    assert all(row.outcome in {Outcome.FINISHED, Outcome.PRUNED} for row in after)
    assert inside("verify", "clouds").returncode == 0


def test_its_evaluation_stands(clouds: Path, inside: Cli):
    kept = json.loads((clouds / "export" / "metrics.json").read_text())

    found = json_of(inside("evaluate", "clouds", "--json"))

    for one in found["candidates"]:
        assert one.pop("costs") == []  # which that hpsearch did not know
    figures = ("openings", "opened", "seeds", "n_test", "candidates", "test")
    assert {name: found[name] for name in figures} == {name: kept[name] for name in figures}


def test_it_predicts_as_its_export_does(clouds: Path, inside: Cli):
    of_study = json_of(inside("predict", "clouds", "2.1 1.9", "0 0", "--json"))["predictions"]
    of_export = json_of(inside("predict", "export", "2.1 1.9", "0 0", "--json"))["predictions"]

    assert of_study == of_export
    assert {one["label"] for one in of_study[0]["classes"]} == {"left", "middle", "right"}


def test_it_is_exported(clouds: Path, inside: Cli):
    done = inside("export", "clouds", "-o", "out")

    assert done.returncode == 0, done.stderr
    for name in ("params.json", "model.keras"):
        assert (clouds / "out" / name).read_bytes() == (clouds / "export" / name).read_bytes()


def test_the_data_of_its_export_are_shown(clouds: Path, inside: Cli):
    done = inside("data", "show", "export")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["show", "clouds"], id="show"),
        pytest.param(["run", "clouds.py", "--trials", "10", "--seed", "7"], id="run"),
        pytest.param(["export", "clouds", "-o", "out"], id="export"),
    ],
)
@pytest.mark.fault("F20")
def test_a_study_of_a_newer_version_is_refused_in_one_line(
    command: list[str], clouds: Path, inside: Cli
):
    _change_record(schema="hpsearch.study/2")
    before = (clouds / "runs" / "studies.db").read_bytes()

    refused = inside(*command)

    assert refused.returncode == 4
    assert [line for line in refused.stderr.splitlines() if not line.startswith("loading")] == [
        "Error: study 'clouds' was written by a newer hpsearch (schema 2, this one reads up to 1): "
        "upgrade hpsearch; nothing was changed"
    ]
    assert (clouds / "runs" / "studies.db").read_bytes() == before


def test_ls_leaves_out_what_it_cannot_read_and_says_so(clouds: Path, inside: Cli):
    _change_record(seed="seven")

    listed = inside("ls", "--json")

    assert json_of(listed)["studies"] == []
    assert listed.stderr.startswith("not listed: study 'clouds' is damaged in the storage: ")


def _change_record(**fields: object) -> None:
    study = optuna.load_study(study_name="clouds", storage=URL)
    study.set_user_attr(ATTR, {**study.user_attrs[ATTR], **fields})
