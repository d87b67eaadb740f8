"""A storage that somebody else made: it is read, and neither runs nor leads anywhere."""

from __future__ import annotations

import json
import sqlite3
import tarfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial

from hpsearch.errors import StorageError
from hpsearch.evaluation.opening import ATTR as OPENINGS
from hpsearch.study.record import ATTR as RECORD
from hpsearch.study.trials import KINDS, Attr, row
from tests.conftest import Cli

KEPT = Path(__file__).parents[1] / "kept" / "clouds.tar.xz"
HERE, THERE = "sqlite:///theirs/runs/studies.db", "sqlite:///mine/runs/studies.db"
SECRET = "a curve of somebody's"

READING = [
    ("ls",),
    ("show", "clouds"),
    ("show", "clouds", "--json"),
    ("show", "clouds", "--trial", "0"),
    ("best", "clouds"),
    ("verify", "clouds"),
]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
    max_leaves=5,
)


@pytest.fixture
def theirs(cwd: Path) -> sqlite3.Connection:
    """A storage that came from elsewhere: evaluated, with its curves and models."""
    (cwd / "theirs").mkdir()
    with tarfile.open(KEPT) as archive:
        archive.extractall(cwd / "theirs", filter="data")
    return sqlite3.connect(cwd / "theirs" / "runs" / "studies.db")


def edit(database: sqlite3.Connection, table: str, key: str, change: Any) -> None:
    """Change the value of an attribute, as only a program of one's own would."""
    with closing(database), database:
        rows = database.execute(f"SELECT rowid, value_json FROM {table} WHERE key = ?", (key,))
        found = [(json.dumps(change(json.loads(value))), rowid) for rowid, value in rows]
        assert found
        database.executemany(f"UPDATE {table} SET value_json = ? WHERE rowid = ?", found)


def test_reading_and_copying_a_study_runs_nothing_of_it(
    theirs: sqlite3.Connection, cwd: Path, inside: Cli
):
    touch = f"from pathlib import Path; Path({str(cwd / 'ran')!r}).touch()\n"
    edit(
        theirs,
        "study_user_attributes",
        RECORD,
        lambda record: {**record, "study_file": touch + record["study_file"]},
    )

    for argv in READING:
        assert inside(*argv, "--storage", HERE).returncode == 0, argv
    assert inside("storage", "copy", HERE, THERE).returncode == 0

    assert not (cwd / "ran").exists()


@pytest.mark.parametrize("name", ["../../secret", "{cwd}/secret"])
def test_a_curve_that_lies_elsewhere_is_neither_shown_nor_copied(
    theirs: sqlite3.Connection, cwd: Path, inside: Cli, name: str
):
    (cwd / "theirs" / "secret").mkdir()
    (cwd / "theirs" / "secret" / "curve.json").write_text(SECRET)
    edit(theirs, "trial_user_attributes", Attr.CURVE, lambda _: name.format(cwd=cwd / "theirs"))

    show = ["show", "clouds", "--trial", "0", "--storage", HERE]
    for argv in (show, ["storage", "copy", HERE, THERE]):
        refused = inside(*argv)
        assert refused.returncode == 4
        assert refused.stderr.count("\n") == 1
        assert "the storage is damaged: it names" in refused.stderr

    assert not list(cwd.glob("mine/**/*secret*"))


def test_a_model_that_lies_elsewhere_is_not_used(
    theirs: sqlite3.Connection, cwd: Path, inside: Cli
):
    edit(
        theirs,
        "study_user_attributes",
        OPENINGS,
        lambda openings: [{**one, "model": "../../elsewhere"} for one in openings],
    )

    refused = inside("export", "clouds", "-o", "out", "--storage", HERE)

    assert refused.returncode == 4
    assert "the storage is damaged: it names" in refused.stderr
    assert not (cwd / "out").exists()


@pytest.mark.parametrize("name", [Attr.CURVE, Attr.SECONDS, Attr.ROUNDS])
def test_a_damaged_trial_is_one_line(theirs: sqlite3.Connection, inside: Cli, name: str):
    with theirs:
        theirs.execute("DELETE FROM trial_user_attributes WHERE key = ?", (name,))
        theirs.execute(
            "INSERT INTO trial_user_attributes (trial_id, key, value_json) "
            "SELECT trial_id, ?, '{}' FROM trials",
            (name,),
        )
    theirs.close()

    for argv in READING[1:-1]:
        done = inside(*argv, "--storage", HERE)
        assert done.returncode == 4, (argv, done.stderr)
        assert done.stderr.count("\n") == 1


@given(st.dictionaries(st.sampled_from([*KINDS, Attr.ROUNDS, Attr.BASELINE]), anything))
def test_whatever_a_trial_holds_it_is_read_or_said_to_be_damaged(attrs: dict[str, Any]):
    trial = create_trial(state=TrialState.PRUNED, user_attrs=attrs, intermediate_values={1: 0.5})

    with suppress(StorageError):
        row(trial)
