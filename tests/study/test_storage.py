"""Storages: URLs that people mistype, files that are none, passwords that stay secret."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError

from hpsearch.errors import StorageError, UsageError
from hpsearch.study.storage import Storage
from tests.waiting import HANG_S, wait_until


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        pytest.param("study.db", UsageError, "write sqlite:///study.db", id="a path"),
        pytest.param("sqlite://study.db", UsageError, "with three", id="two slashes"),
        pytest.param("sqlite:////nowhere/x.db", StorageError, "does not exist", id="no folder"),
        pytest.param("postgres://u@h/d", UsageError, "write postgresql://", id="postgres"),
        pytest.param("redis://h", UsageError, "not supported|cannot read", id="redis"),
        pytest.param("postgresql://u:a@b@h/d", UsageError, "percent-encoded", id="@ in password"),
        pytest.param("postgresql://u:a{b@h/d", UsageError, "percent-encoded", id="{ in password"),
        pytest.param("sqlite://", UsageError, "name a file", id="in memory"),
        pytest.param("://", UsageError, "cannot read", id="nonsense"),
    ],
)
def test_a_mistyped_storage_gets_one_line_that_says_what_to_write(cwd, url, kind, message):
    with pytest.raises(kind, match=message) as raised:
        Storage(url)

    assert "\n" not in str(raised.value)
    assert list(cwd.iterdir()) == []


def test_a_file_that_is_no_database_is_left_as_it_was(cwd):
    (cwd / "study.db").write_text("hello world, not a database")

    with pytest.raises(StorageError, match="not an SQLite file .*nothing was changed"):
        Storage("sqlite:///study.db")

    assert (cwd / "study.db").read_text() == "hello world, not a database"


@pytest.mark.parametrize("read_only", [True, False])
def test_a_database_of_another_program_is_left_as_it_was(cwd, read_only):
    with sqlite3.connect("other.db") as connection:
        connection.execute("CREATE TABLE cats (name TEXT)")
    connection.close()
    before = (cwd / "other.db").read_bytes()

    with pytest.raises(StorageError, match="nothing was changed"):
        Storage("sqlite:///other.db", read_only=read_only)

    assert (cwd / "other.db").read_bytes() == before


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(
    "added",
    [
        "CREATE TRIGGER t AFTER UPDATE ON trials BEGIN DELETE FROM studies; END",
        "CREATE VIEW more AS SELECT * FROM studies",
        "CREATE VIRTUAL TABLE more USING fts5(text)",
    ],
    ids=["trigger", "view", "virtual table"],
)
def test_a_database_in_which_somebody_hid_what_acts_by_itself_is_left_as_it_was(
    cwd, added, read_only
):
    Storage("sqlite:///study.db").engine.dispose()
    with sqlite3.connect("study.db") as connection:
        connection.execute(added)
    connection.close()
    before = (cwd / "study.db").read_bytes()

    with pytest.raises(StorageError, match="somebody added .* nothing was changed"):
        Storage("sqlite:///study.db", read_only=read_only)

    assert (cwd / "study.db").read_bytes() == before


def test_a_database_of_a_newer_optuna_is_refused_and_left_as_it_was(cwd):
    storage = Storage("sqlite:///study.db")
    storage.engine.dispose()
    with sqlite3.connect("study.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9.9.9'")
    connection.close()
    before = (cwd / "study.db").read_bytes()

    with pytest.raises(StorageError, match="nothing was changed"):
        Storage("sqlite:///study.db")

    assert (cwd / "study.db").read_bytes() == before


def test_a_database_of_another_schema_is_not_read(cwd):
    Storage("sqlite:///study.db").engine.dispose()
    with sqlite3.connect("study.db") as connection:
        connection.execute("UPDATE version_info SET schema_version = 99")
    connection.close()

    with pytest.raises(StorageError, match="its schema is"):
        Storage("sqlite:///study.db", read_only=True)


def test_reading_makes_no_file(cwd):
    with pytest.raises(StorageError, match="no storage at absent.db"):
        Storage("sqlite:///absent.db", read_only=True)

    assert list(cwd.iterdir()) == []


def test_a_read_only_storage_refuses_to_write(cwd):
    optuna.create_study(study_name="s", storage=Storage("sqlite:///study.db").optuna)
    reader = Storage("sqlite:///study.db", read_only=True)

    study = optuna.load_study(study_name="s", storage=reader.optuna)
    with pytest.raises(StorageError):
        study.set_user_attr("x", 1)


def test_a_waiting_trial_is_taken_by_one_only(cwd):
    """Plain SQLite storages let several processes take the same trial."""
    study = optuna.create_study(study_name="s", storage=Storage("sqlite:///study.db").optuna)
    for i in range(20):
        study.enqueue_trial({"x": i})
    taken: list[int] = []

    def take() -> None:
        mine = optuna.load_study(study_name="s", storage=Storage("sqlite:///study.db").optuna)
        for _ in range(5):
            taken.append(mine.ask().number)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == list(range(20))


@pytest.mark.slow
def test_two_launchers_may_make_a_new_storage_at_the_same_moment(cwd):
    code = (
        "import os; from hpsearch.study.storage import Storage\n"
        "open(f'ready-{os.getpid()}', 'w').close(); input(); Storage('sqlite:///new.db')"
    )
    command = [sys.executable, "-c", code]
    launchers = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(4)]
    wait_until(lambda: len(list(cwd.glob("ready-*"))) == 4)

    for launcher in launchers:
        assert launcher.stdin
        launcher.stdin.write(b"go\n")
        launcher.stdin.close()

    assert [launcher.wait(timeout=HANG_S) for launcher in launchers] == [0, 0, 0, 0]


def test_a_reader_opens_what_a_killed_writer_left_half_done(cwd):
    """A hot journal: the write must be rolled back, which a read-only reader may not."""
    study = optuna.create_study(study_name="s", storage=Storage("sqlite:///study.db").optuna)
    study.enqueue_trial({"x": 1})
    code = """
import os, sqlite3
connection = sqlite3.connect("study.db", isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE trials SET state = 'COMPLETE'")
connection.execute("CREATE TABLE filler AS SELECT randomblob(1000000)")
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    assert (cwd / "study.db-journal").exists()

    reader = Storage("sqlite:///study.db", read_only=True)
    (trial,) = optuna.load_study(study_name="s", storage=reader.optuna).trials

    assert trial.state is TrialState.WAITING


def test_a_password_never_shows(cwd, monkeypatch):
    canary = "c4n4ry"

    def refuse(url: str, **_: object) -> None:
        assert canary in url
        raise OperationalError("connect", {}, Exception(f"no user lab with password {canary}"))

    monkeypatch.setattr("hpsearch.study.storage.RDBStorage", refuse)

    with pytest.raises(StorageError, match="cannot reach .* with password \\*\\*\\*") as raised:
        Storage(f"mysql://lab:{canary}@127.0.0.1:1/studies")

    assert canary not in str(raised.value)


@pytest.mark.parametrize("begun", ["", "CREATE TABLE version_info (schema_version INTEGER)"])
def test_a_storage_whose_creation_was_killed_is_incomplete_until_a_run_completes_it(cwd, begun):
    with sqlite3.connect("study.db") as connection:
        connection.execute("CREATE TABLE studies (study_id INTEGER PRIMARY KEY)")
        if begun:
            connection.execute(begun)
    connection.close()

    with pytest.raises(StorageError, match="not complete yet: hpsearch run completes it"):
        Storage("sqlite:///study.db", read_only=True)


def test_a_storage_is_created_whole_and_leftovers_of_a_killed_creation_go(cwd):
    (cwd / "study.db.tmp-x1").write_bytes(b"half")

    Storage("sqlite:///study.db")

    assert {path.name for path in cwd.iterdir()} == {"study.db", "study.db.lock"}
    Storage("sqlite:///study.db", read_only=True)


def test_a_database_reached_by_a_link_has_the_same_curves(cwd):
    (cwd / "data").mkdir()
    Storage("sqlite:///data/study.db")
    (cwd / "link.db").symlink_to(cwd / "data" / "study.db")

    by_link = Storage("sqlite:///link.db")

    assert by_link.curves == Storage("sqlite:///data/study.db").curves


def test_a_search_that_remembers_trials_sees_what_it_writes_and_what_others_wrote_once_it_looks(
    cwd,
):
    """As reading all of them again each time would show it."""
    storage, other = Storage("sqlite:///studies.db"), Storage("sqlite:///studies.db")
    study = optuna.create_study(study_name="s", storage=storage.optuna)
    theirs = optuna.load_study(study_name="s", storage=other.optuna)

    def shown(of: optuna.Study) -> list[tuple[object, ...]]:
        trials = of.get_trials(deepcopy=False)
        single = [of._storage.get_trial(trial._trial_id) for trial in trials]
        return [
            (t.number, t.state, t.params, t.intermediate_values, t.user_attrs)
            for t in [*trials, *single]
        ]

    with storage.remembering():
        for _ in range(3):
            trial = study.ask()
            assert shown(study) == shown(theirs)
            trial.suggest_int("units", 1, 8)
            trial.report(0.5, 1)
            trial.set_user_attr("mine", 1)
            assert shown(study) == shown(theirs)
            study.tell(trial, 0.5)
        study.enqueue_trial({"units": 2})
        assert shown(study) == shown(theirs)

        theirs.tell(theirs.ask(), 1.0)
        assert study.get_trials(states=[TrialState.WAITING])
        storage.look()
        assert shown(study) == shown(theirs)

        theirs.add_trial(theirs.trials[0])
        study.ask()  # comes after a trial that this launcher does not know yet
        assert shown(study) == shown(theirs)
        assert len(study.trials) == 6


def test_what_is_done_to_a_trial_that_was_asked_for_stays_out_of_what_is_remembered(cwd):
    storage = Storage("sqlite:///studies.db")
    study = optuna.create_study(storage=storage.optuna)

    with storage.remembering():
        study.ask()
        [trial] = study.get_trials(deepcopy=False)
        study._storage.get_trial(trial._trial_id).user_attrs["mine"] = 1

        assert study.trials[0].user_attrs == {}
