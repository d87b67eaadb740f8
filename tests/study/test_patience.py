"""A storage whose database goes away, comes back, fills up or stays away."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

import optuna
import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.storages._grpc.server import make_server
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError, PendingRollbackError

from hpsearch.errors import DataError, StorageError
from hpsearch.processes.stop import Stop, StopRequest
from hpsearch.study.patience import Patience, PatientStorage
from hpsearch.study.storage import Storage
from tests.waiting import HANG_S, wait_until

URL = "sqlite:///studies.db"


def sqlite_error(reason: str) -> OperationalError:
    cause = sqlite3.OperationalError(reason)
    error = OperationalError("SELECT 1", None, cause)
    error.__cause__ = cause  # as SQLAlchemy raises it
    return error


class Away:
    """A call that fails a few times, then succeeds.

    Args:
        n_failures: Before the first success.
        error: What it fails with.
    """

    def __init__(self, n_failures: int, error: Exception) -> None:
        self.n_failures, self.error = n_failures, error
        self.n_calls = 0

    def __call__(self) -> str:
        self.n_calls += 1
        if self.n_calls <= self.n_failures:
            raise self.error
        return "there"


def test_a_call_is_made_again_until_the_database_is_back():
    call = Away(2, sqlite_error("database is locked"))

    assert Patience(60).wait_for(call) == "there"
    assert call.n_calls == 3


def test_a_connection_that_broke_within_a_transaction_is_waited_for():
    """SQLAlchemy then refuses the next statement, in words of its own."""
    call = Away(1, PendingRollbackError("Can't reconnect until invalid transaction is rolled back"))

    assert Patience(60).wait_for(call) == "there"


def test_the_user_is_told_once_for_each_wait():
    said: list[str] = []
    patience = Patience(60, say=said.append)

    patience.wait_for(Away(1, sqlite_error("database is locked")))
    assert said == []  # over at once
    patience.wait_for(Away(4, sqlite_error("database is locked")))
    assert said == ["the storage is unavailable (database is locked): trying for 1 min"]


def test_the_user_is_told_once_by_all_that_wait_at_a_time():
    said: list[str] = []
    patience, calls, is_back = Patience(HANG_S, say=said.append), [0, 0], threading.Event()

    def call(thread: int) -> None:
        calls[thread] += 1
        if not is_back.is_set():
            raise sqlite_error("database is locked")

    waiting = [
        threading.Thread(target=patience.wait_for, args=(lambda n=n: call(n),)) for n in (0, 1)
    ]
    for thread in waiting:
        thread.start()
    wait_until(lambda: min(calls) > 2)
    is_back.set()
    for thread in waiting:
        thread.join()

    assert len(said) == 1


def test_a_database_that_stays_away_is_one_clear_error():
    with pytest.raises(StorageError, match="still unavailable: database is locked"):
        Patience(0).wait_for(Away(9, sqlite_error("database is locked")))


@pytest.mark.parametrize("reason", ["no such table: trials", "attempt to write a readonly file"])
def test_what_waiting_cannot_cure_is_not_waited_for(reason):
    call = Away(1, sqlite_error(reason))

    with pytest.raises(StorageError, match=f"the storage failed: {reason}"):
        Patience(60).wait_for(call)
    assert call.n_calls == 1


@pytest.mark.fault("F9")
@pytest.mark.parametrize("stored", ["data.csv does not exist", "No space left on device"])
def test_what_was_to_be_stored_does_not_decide_whether_to_wait(stored):
    """A trial's reason, whose words mean something else in an error of the database."""
    cause = sqlite3.OperationalError("database is locked")

    assert Patience(60).wait_for(Away(1, OperationalError("INSERT", {"value": stored}, cause)))


@pytest.mark.fault("F10")
def test_a_server_that_knows_no_such_database_is_not_asked_again(postgres):
    said: list[str] = []
    url = postgres.url("nowhere")

    with pytest.raises(StorageError, match=r'cannot reach .* database "nowhere" does not exist'):
        Storage(url, patience=Patience(60, say=said.append))
    assert said == []


def test_a_full_disk_is_a_fault_of_the_disk_and_not_waited_for():
    call = Away(1, sqlite_error("database or disk is full"))

    with pytest.raises(DataError, match="storage's disk is full"):
        Patience(60).wait_for(call)
    assert call.n_calls == 1


def test_a_request_to_stop_now_ends_the_wait():
    stop = StopRequest()
    call = Away(10**9, sqlite_error("database is locked"))
    threading.Timer(0.2, stop.at_once, [Stop.INTERRUPTED]).start()

    with pytest.raises(StorageError, match="still unavailable"):
        Patience(10**6, stop).wait_for(call)


@pytest.mark.fault("F12")
def test_reads_and_writes_of_a_study_wait_for_a_locked_database(cwd):
    """Another process holds the file for longer than SQLite itself would wait."""
    storage = Storage(URL, patience=Patience(120))
    study = optuna.create_study(study_name="s", storage=storage.optuna)
    storage.engine.dispose()
    holder = sqlite3.connect("studies.db", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    tried = _impatient(storage)
    results: list[object] = []

    def act() -> None:
        trial = study.ask()
        trial.report(0.5, step=1)
        study.tell(trial, 0.5)
        results.append(study.best_value)

    worker = threading.Thread(target=act)
    worker.start()
    assert tried.wait(60)
    holder.execute("COMMIT")
    worker.join(60)

    assert results == [0.5]


def _impatient(storage: Storage) -> threading.Event:
    """Have SQLite give up at once; the event is set when it has done so."""
    from sqlalchemy import event

    gave_up = threading.Event()

    @event.listens_for(storage.engine, "connect", insert=True)
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 0")

    @event.listens_for(storage.engine, "handle_error")
    def on_error(_context: object) -> None:
        gave_up.set()

    return gave_up


class LosesAnswers(InMemoryStorage):
    """Does what it is told, and loses the first answer on the way back."""

    def __init__(self) -> None:
        super().__init__()
        self.losing = True

    def set_trial_state_values(self, trial_id, state, values=None):  # type: ignore[no-untyped-def]
        done = super().set_trial_state_values(trial_id, state, values)
        if self.losing:
            self.losing = False
            raise sqlite_error("database is locked")
        return done


@pytest.fixture
def losing() -> tuple[LosesAnswers, BaseStorage]:
    backend = LosesAnswers()
    return backend, cast(BaseStorage, PatientStorage(backend, Patience(60)))


def test_a_trial_is_told_once_although_the_answer_was_lost(losing):
    _, storage = losing
    study = optuna.create_study(storage=storage)

    study.tell(study.ask(), 0.5)

    assert [trial.value for trial in study.trials] == [0.5]


def test_a_waiting_trial_is_taken_up_once_although_the_answer_was_lost(losing):
    backend, storage = losing
    study = optuna.create_study(storage=storage)
    study.enqueue_trial({"x": 1})
    backend.losing = True

    assert study.ask().number == 0
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING]


def test_a_trial_that_somebody_else_has_told_is_not_told_again(losing):
    backend, storage = losing
    backend.losing = False
    study = optuna.create_study(storage=storage)
    study.tell(study.ask(), 0.5)

    with pytest.raises(UpdateFinishedTrialError):
        storage.set_trial_state_values(0, TrialState.COMPLETE, [0.7])


@pytest.mark.parametrize("read", [lambda s: s.get_all_studies(), lambda s: s.get_n_trials(1)])
def test_a_reading_verb_says_in_a_line_that_the_storage_failed(
    cwd: Path, read: Callable[[BaseStorage], object]
):
    Storage(URL).engine.dispose()
    storage = Storage(URL, read_only=True)
    with sqlite3.connect("studies.db") as connection:
        connection.execute("DROP TABLE trials")
        connection.execute("DROP TABLE studies")
    connection.close()

    with pytest.raises(StorageError, match="the storage failed: no such table"):
        read(storage.optuna)


def test_a_storage_behind_a_proxy_is_waited_for_too(cwd):
    """Optuna's gRPC proxy, which is away for a while."""
    rdb = Storage("sqlite:///studies.db").backend
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    server = make_server(rdb, "localhost", port)
    server.start()
    said: list[str] = []
    storage = Storage(f"grpc://localhost:{port}", patience=Patience(HANG_S, say=said.append))
    study = optuna.create_study(study_name="s", storage=storage.optuna)
    server.stop(None).wait()

    asked = threading.Thread(target=lambda: study.tell(study.ask(), 1.0))
    asked.start()
    wait_until(lambda: said)
    again = make_server(rdb, "localhost", port)
    again.start()
    asked.join(HANG_S)

    assert [trial.value for trial in study.trials] == [1.0]
    assert said[0].startswith("the storage is unavailable (")
    assert "\n" not in said[0]
    again.stop(None).wait()


def test_a_proxy_that_nobody_serves_is_one_line(cwd, monkeypatch):
    monkeypatch.setattr("hpsearch.study.storage.CONNECT_S", 0.1)

    with pytest.raises(StorageError, match="cannot reach grpc at localhost:9: nobody answered"):
        Storage("grpc://localhost:9")
