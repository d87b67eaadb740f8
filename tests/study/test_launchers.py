"""Several launchers on one study: who is alive, whose trial it is, whose turn."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import optuna
import psycopg
import pytest
from optuna.study import Study
from optuna.trial import Trial, TrialState

from hpsearch.errors import StorageError, StudyBusy
from hpsearch.processes.stop import Stop, StopRequest
from hpsearch.study.claims import TrialTaken
from hpsearch.study.launchers import Launchers, Together, join
from hpsearch.study.lock import is_locked, study_lock
from hpsearch.study.optuna_internals import frozen, set_trial_state
from hpsearch.study.patience import Patience
from hpsearch.study.session import TurnLost
from hpsearch.study.storage import Storage
from tests.postgres import PostgresServer
from tests.proxy import Proxy, proxy_to
from tests.waiting import HANG_S, wait_until

PATIENT = Patience(HANG_S)
LOOK_S = 0.05


class Launcher:
    """A launcher's view of study `s`."""

    def __init__(self, storage: Storage, launchers: Launchers) -> None:
        self.storage, self.launchers = storage, launchers
        self.study: Study = optuna.create_study(
            study_name="s", storage=storage.optuna, load_if_exists=True
        )
        self.said: list[str] = []

    def take(self) -> Trial:
        with self.launchers.turn():
            self.launchers.adopt(self.study, self.said.append)
            trial = self.study.ask()
            self.launchers.claim(trial)
        return trial

    def adopt(self) -> list[str]:
        with self.launchers.turn():
            self.launchers.adopt(self.study, self.said.append)
        return self.said

    def states(self) -> list[TrialState]:
        return [trial.state for trial in self.study.get_trials(deepcopy=False)]


@contextmanager
def launcher(url: str) -> Iterator[Launcher]:
    with (
        closing(Storage(url, patience=PATIENT)) as storage,
        join(storage, "s", LOOK_S) as launchers,
    ):
        yield Launcher(storage, launchers)


@pytest.fixture
def two(postgres_url: str) -> Iterator[tuple[Launcher, Launcher]]:
    with launcher(postgres_url) as one, launcher(postgres_url) as other:
        yield one, other


def end_sessions(url: str, label: str) -> None:
    """End sessions from the server's side, as if their connections had broken."""
    query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> %s"
    with psycopg.connect(url, autocommit=True) as admin:
        pid = admin.info.backend_pid
        admin.execute(f"{query} AND application_name LIKE %s", (pid, label))


@pytest.mark.fault("F15")
def test_the_trials_of_a_launcher_that_ended_go_on_elsewhere(postgres_url):
    with launcher(postgres_url) as one:
        with launcher(postgres_url) as other:
            trial = other.take()
            assert one.adopt() == []

        wait_until(one.adopt)
        assert one.said == ["trial 0 was interrupted: it continues"]
        assert one.take().number == trial.number


def test_a_launcher_that_was_killed_is_gone_at_once_on_its_own_machine(two, postgres_url):
    one, _ = two
    code = f"""
import os, signal
from tests.study.test_launchers import launcher
with launcher({postgres_url!r}) as it:
    it.take()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False, timeout=HANG_S)

    wait_until(lambda: not is_held_by_others(one))
    assert one.adopt() == ["trial 0 was interrupted: it continues"]


def is_held_by_others(one: Launcher) -> bool:
    """Whether the server still has the session of the process that was killed."""
    with one.storage.engine.connect() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'hpsearch %%:%%'"
        return bool(connection.exec_driver_sql(query).scalar() != 2)


def test_a_launcher_whose_connection_broke_keeps_its_trials(two, postgres_url):
    one, other = two
    trial = one.take()

    end_sessions(postgres_url, "hpsearch%")
    other.take()

    assert other.said == []
    one.study.tell(trial, 1.0)
    assert one.states()[0] is TrialState.COMPLETE


@pytest.fixture
def cut_off(postgres: PostgresServer) -> Iterator[tuple[Launcher, Launcher, Trial, Proxy]]:
    """A launcher whose connection was cut, another one that queued its trial, and the cut."""
    database = postgres.new_database()
    with (
        proxy_to(postgres.port) as proxy,
        launcher(postgres.url(database, port=proxy.port)) as one,
        launcher(postgres.url(database)) as other,
    ):
        trial = one.take()
        proxy.cut()
        wait_until(other.adopt)
        yield one, other, trial, proxy


@pytest.mark.fault("F15")
def test_a_launcher_that_was_cut_off_finds_its_trial_taken_and_tells_nothing(cut_off):
    one, other, trial, proxy = cut_off
    taken = other.take()
    proxy.mend()

    with pytest.raises(TrialTaken, match=r"taken over by process \d+ on "):
        trial.report(0.5, 1)
    with pytest.raises(TrialTaken):
        one.study.tell(trial.number, 0.5)
    other.study.tell(taken, 0.75)
    assert [one.study.trials[0].value, len(one.study.trials)] == [0.75, 1]


@pytest.mark.fault("F15")
def test_a_launcher_that_came_back_since_the_last_look_keeps_what_it_begins(cut_off):
    one, other, trial, proxy = cut_off
    assert isinstance(other.launchers, Together)
    other.launchers._left.set()  # it looks no more: what it saw last becomes old
    other.launchers._watch.join()
    proxy.mend()

    one.launchers.release(trial)
    one.take()

    assert other.adopt() == ["trial 0 was interrupted: it continues"]  # as before
    assert one.states() == [TrialState.RUNNING]


@pytest.mark.fault("F15")
def test_a_search_that_remembers_its_trials_sees_one_that_was_taken_over(two):
    """Its own trials it does not read again at each look."""
    one, other = two
    with one.storage.remembering():
        trial = one.take()
        assert one.states() == [TrialState.RUNNING]
        with other.launchers.turn():
            set_trial_state(other.study, frozen(trial), TrialState.WAITING)
            again = other.study.ask()
            other.launchers.claim(again)
        other.study.tell(again, 0.75)
        other.study.add_trial(other.study.trials[0])

        one.storage.look()
        assert len(one.states()) == 2
        with pytest.raises(TrialTaken):
            one.study.tell(trial, 0.25)
        one.storage.look()

        assert one.states() == [TrialState.COMPLETE] * 2
        assert one.study.trials[0].value == 0.75


def test_a_trial_that_was_taken_and_finished_is_not_told_again(two):
    one, other = two
    trial = one.take()
    other.study._storage.set_trial_user_attr(trial._trial_id, "launcher", "lab4:99:abcd:1")
    other.study.tell(trial.number, 0.75)

    with pytest.raises(TrialTaken, match="process 99 on lab4"):
        one.study._storage.set_trial_user_attr(trial._trial_id, "slot", 1)


def test_a_trial_whose_launcher_died_before_it_could_claim_it_is_found(two):
    one, other = two
    one.study.ask()

    assert other.adopt() == ["trial 0 was interrupted: it continues"]


def test_each_launcher_knows_of_the_other(two):
    one, other = two

    assert [len(one.launchers.others()), len(other.launchers.others())] == [1, 1]
    assert one.launchers.others()[0].startswith("process ")


def test_only_one_launcher_has_its_turn(two):
    one, other = two
    order = []
    has_begun = threading.Event()

    def second() -> None:
        has_begun.set()
        with other.launchers.turn():
            order.append("other")

    with one.launchers.turn():
        thread = threading.Thread(target=second)
        thread.start()
        has_begun.wait(HANG_S)
        thread.join(0.3)
        order.append("one")
    thread.join(HANG_S)

    assert order == ["one", "other"]


def test_who_must_stop_now_does_not_wait_for_anothers_turn(two, postgres_url):
    one, _ = two
    stop = StopRequest()
    stop.at_once(Stop.INTERRUPTED)

    with (
        one.launchers.turn(),
        closing(Storage(postgres_url, patience=Patience(HANG_S, stop))) as storage,
        join(storage, "s", LOOK_S) as launchers,
        pytest.raises(StorageError, match="another launcher had its turn"),
    ):
        launchers.turn().__enter__()


def test_a_turn_that_was_not_held_to_its_end_is_lost(two, postgres_url):
    one, other = two

    turn = one.launchers.turn()
    turn.__enter__()
    end_sessions(postgres_url, "hpsearch%:%")
    with other.launchers.turn():
        pass

    with pytest.raises(TurnLost):
        turn.__exit__(None, None, None)


def test_a_study_that_is_run_cannot_be_evaluated_and_the_other_way_round(postgres_url):
    with closing(Storage(postgres_url)) as storage:
        assert not is_locked(storage, "s")
        with launcher(postgres_url):
            assert is_locked(storage, "s")
            with pytest.raises(StudyBusy, match=r"is being run by process \d+ on "):
                study_lock(storage, "s").__enter__()
        with (
            study_lock(storage, "s"),
            pytest.raises(StudyBusy, match=r"process \d+ on "),
            launcher(postgres_url),
        ):
            pass
        assert not is_locked(storage, "s")


def test_a_server_that_restarts_costs_nobody_a_trial(postgres: PostgresServer):
    url = postgres.url(postgres.new_database())
    with launcher(url) as one, launcher(url) as other:
        first, second = one.take(), other.take()

        postgres.stop("immediate")
        postgres.start()

        assert (one.adopt(), other.adopt()) == ([], [])
        one.study.tell(first, 1.0)
        other.study.tell(second, 2.0)
        assert other.states() == [TrialState.COMPLETE] * 2


def test_launchers_that_start_together_make_one_set_of_tables(postgres_url):
    errors: list[BaseException] = []

    def start() -> None:
        try:
            Storage(postgres_url).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG_S)

    assert errors == []
