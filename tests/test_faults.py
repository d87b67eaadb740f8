"""Faults of the world around a search: storages that go away, full disks, clocks, power.

Toy trials, real launchers, real servers. Outages last a tenth of what users will see: nothing
here depends on how long they last, as long as it is less than hpsearch waits.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from hpsearch.study.trials import Outcome
from tests.crashing import PROMISE, URL, Crashing, folder_in_memory
from tests.needed import lacks
from tests.postgres import PostgresServer
from tests.proxy import Proxy, proxy_to
from tests.toy_runner import Launcher
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """An empty current folder in memory."""
    with folder_in_memory(tmp_path) as folder, chdir(folder):
        yield folder


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[Proxy]:
    with proxy_to(postgres.port) as proxy:
        yield proxy


def has_finished(launcher: Launcher, n: int) -> bool:
    return launcher.has_ended_by_now or len(PROMISE.findall(launcher.said)) >= n


@pytest.mark.fault("F9")
@pytest.mark.parametrize("away_s", [0, 2, 6])
def test_a_storage_that_is_away_for_a_while_costs_no_trial(here, postgres, proxy, away_s):
    crashing = Crashing(postgres.url(postgres.new_database(), port=proxy.port), slots=2)
    launcher = crashing.start(pace="0.1")
    wait_until(lambda: has_finished(launcher, 1))

    proxy.cut()
    time.sleep(away_s)
    proxy.mend()

    said = launcher.join()[1]
    assert "Error" not in said
    assert ("the storage is unavailable" in said) or away_s == 0
    summary = crashing.check()
    assert summary is not None
    assert summary.n_trials == 4
    assert summary.counts[Outcome.FAILED] == summary.counts[Outcome.CRASHED] == 0


@pytest.mark.fault("F9")
def test_a_storage_that_comes_and_goes_costs_no_trial_either(here, postgres, proxy):
    """Cut again and again, also while launchers take turns: the budget is spent all the same."""
    dice = random.Random(2)
    crashing = Crashing(postgres.url(postgres.new_database(), port=proxy.port), slots=2)
    launcher = crashing.start(pace="0.05")
    wait_until(lambda: has_finished(launcher, 1))
    for _ in range(5):
        proxy.cut()
        time.sleep(dice.uniform(0.0, 0.5))
        proxy.mend()
        time.sleep(dice.uniform(0.1, 0.8))

    code, said = launcher.join()

    assert code == 0, said
    summary = crashing.check()
    assert summary is not None
    assert summary.n_trials == 4
    assert summary.counts[Outcome.WAITING] == summary.counts[Outcome.RUNNING] == 0


@pytest.mark.fault("F9")
def test_a_search_that_starts_while_its_storage_is_away_waits_for_it(here, postgres, proxy):
    crashing = Crashing(postgres.url(postgres.new_database(), port=proxy.port), slots=2)
    proxy.cut()

    launcher = crashing.start()
    wait_until(lambda: "the storage is unavailable" in launcher.said)
    proxy.mend()

    code, said = launcher.join()
    assert code == 0, said
    summary = crashing.check()
    assert summary is not None
    assert summary.n_trials == 4


@pytest.mark.fault("F10")
def test_a_storage_that_stays_away_ends_the_search_with_4_and_the_same_command_goes_on(
    here, postgres, proxy
):
    crashing = Crashing(postgres.url(postgres.new_database(), port=proxy.port), slots=2)
    launcher = crashing.start(pace="0.1", away="1")
    wait_until(lambda: has_finished(launcher, 1))

    proxy.cut()
    code, said = launcher.join()
    proxy.mend()

    assert code == 4
    assert re.search(r"^Error: the storage is still unavailable: .+$", said, re.M)
    assert "Traceback" not in said
    for number, outcome, value in PROMISE.findall(said):
        crashing.promised[int(number)] = outcome, value
    assert crashing.finish().n_trials == 4


@contextmanager
def small_disk(kib: int, folder: Path) -> Iterator[None]:
    """A disk of its own at a folder."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "small", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        lacks("a disk of its own can be mounted by root only")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.fault("F11")
@pytest.mark.parametrize("kib", [64, 148, 172, 180])
def test_a_full_disk_is_one_line_and_what_was_there_stays_whole(tmp_path, kib):
    """Wherever it fills up: as the storage is made, at a checkpoint, a curve, a write to SQLite."""
    with small_disk(kib, tmp_path), chdir(tmp_path):
        crashing = Crashing(trials=3)
        code, said = crashing.start().join()
        for number, outcome, value in PROMISE.findall(said):
            crashing.promised[int(number)] = outcome, value

        assert code == 5, said
        assert said.splitlines()[-1].startswith("Error: ")
        assert "disk is full" in said
        assert "the same command continues" in said
        crashing.check()
        subprocess.run(["mount", "-o", "remount,size=10m", tmp_path], check=True)
        crashing.finish()
    assert not any(tmp_path.iterdir())


@pytest.mark.fault("F29")
def test_a_folder_that_cannot_be_written_is_named_before_anything_is_trained(tmp_path):
    with small_disk(10_000, tmp_path), chdir(tmp_path):
        crashing = Crashing()
        subprocess.run(["mount", "-o", "remount,ro", tmp_path], check=True)

        code, said = crashing.start().join()

        assert code == 4
        assert re.fullmatch(r"Error: cannot open studies.db: .*Read-only.*; nothing .*\n", said)


@pytest.mark.fault("F29")
def test_curves_that_cannot_be_written_are_one_line_and_count_against_no_network(here):
    Path("curves").touch()
    crashing = Crashing()

    code, said = crashing.start().join()

    assert code == 5
    assert said.splitlines()[-1].startswith("Error: cannot write ")
    Path("curves").unlink()
    crashing.finish()


@pytest.mark.fault("F11")
def test_output_that_a_full_disk_does_not_take_is_one_line(cwd):
    Crashing(trials=1).finish()
    command = [sys.executable, "-m", "hpsearch", "show", "toy", "--storage", URL]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 5
    assert done.stderr == (
        "Error: the output could not be written: the disk is full; free some space\n"
    )


@pytest.mark.fault("F12")
def test_a_search_waits_for_whoever_holds_its_database(here):
    """A backup, say, that takes a tenth of the 30 s that it may."""
    crashing = Crashing()
    launcher = crashing.start(pace="0.05")
    wait_until(lambda: has_finished(launcher, 1))

    holder = sqlite3.connect("studies.db", isolation_level=None, timeout=60)
    holder.execute("BEGIN EXCLUSIVE")
    time.sleep(3)
    assert not launcher.has_ended_by_now
    holder.execute("COMMIT")
    holder.close()

    assert crashing.end(launcher) == 0
    summary = crashing.finish()
    assert summary.counts[Outcome.FAILED] == 0


@pytest.mark.fault("F14")
def test_of_launchers_that_start_at_once_one_runs_the_study(here):
    crashing = Crashing(trials=30, pruner="none")
    for _ in range(5):
        one, other = crashing.start(pace="0.05"), crashing.start(pace="0.05")
        wait_until(lambda pair=(one, other): any(x.has_ended_by_now for x in pair))
        refused, runs = (one, other) if one.has_ended else (other, one)
        code, said = refused.join()
        assert (code, "is being run by process" in said) == (6, True), said
        runs.kill()
        assert crashing.end(runs) == -signal.SIGKILL


@pytest.mark.fault("F21")
@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_was_set_while_trials_ran_fails_none_and_no_time_is_negative(
    cwd, inside, hours
):
    """Set back, they began after they ended; set forward, hours before."""
    crashing = Crashing(pruner="none")
    crashing.end(crashing.start("stored:60:kill"))
    with sqlite3.connect("studies.db") as connection:
        connection.execute(
            f"UPDATE trials SET datetime_start = datetime(datetime_start, '{hours:+d} hours')"
        )
    connection.close()

    summary = crashing.finish()

    assert summary.counts[Outcome.FINISHED] >= 4
    assert all(0 <= row.seconds < 3600 for row in summary.rows)
    shown = inside("show", "toy", "--storage", URL, "--json")
    assert shown.returncode == 0, shown.stderr
    assert all(trial["seconds"] >= 0 for trial in json.loads(shown.stdout)["trials"])


@pytest.mark.fault("F8")
@pytest.mark.parametrize("is_half", [True, False], ids=["cut in half", "a page of zeros"])
def test_a_damaged_database_is_named_and_what_was_trained_outlives_it(cwd, inside, is_half):
    crashing = Crashing(trials=2, pruner="none")
    before = crashing.finish()
    path = Path("studies.db")
    whole = path.read_bytes()
    torn = whole[: len(whole) // 2] if is_half else whole[:81920] + bytes(4096) + whole[86016:]
    path.write_bytes(torn)

    done = inside("verify", "toy", "--storage", URL)

    assert done.returncode in {4, 6}  # 6 where the study can still be read
    said = done.stdout + done.stderr
    assert "move it away and run the study again" in said
    assert "Traceback" not in said
    assert path.read_bytes() == torn
    path.rename("damaged.db")
    again = Crashing(trials=2, pruner="none").finish()
    assert [row.value for row in again.rows] == [row.value for row in before.rows]
    assert sum(row.epochs_trained for row in again.rows) == 0


def test_an_empty_database_is_a_new_one(here):
    """What a power cut leaves of a file that was just created."""
    Path("studies.db").touch()

    Crashing(trials=1).finish()


def stopped(launcher: Launcher) -> Iterator[psutil.Process]:
    """All processes of a search."""
    with suppress(psutil.Error):
        process = psutil.Process(launcher.pid)
        yield process
        yield from process.children(recursive=True)


@pytest.mark.fault("F8")
def test_whatever_a_power_cut_leaves_the_study_goes_on(tmp_path):
    """Images of the folder at moments of the dice's; then the newest file is torn, too."""
    dice = random.Random(0)
    with folder_in_memory(tmp_path) as folder:
        live = folder / "live"
        live.mkdir()
        images: list[tuple[Path, str]] = []
        with chdir(live):
            crashing = Crashing(slots=2, pruner="none")
            launcher = crashing.start(pace="0.05")
            wait_until(lambda: (live / "curves").exists())
            while len(images) < 4 and not launcher.has_ended_by_now:
                time.sleep(dice.uniform(0.02, 0.25))
                processes = list(stopped(launcher))
                for process in processes:
                    process.suspend()
                images.append((folder / f"image-{len(images)}", launcher.said))
                shutil.copytree(live, images[-1][0])
                for process in processes:
                    with suppress(psutil.Error):
                        process.resume()
            assert launcher.join()[0] == 0
        assert images
        for place, said in images:
            tear(place, dice)
            with chdir(place):
                resumed = Crashing(slots=2, pruner="none")
                for number, outcome, value in PROMISE.findall(said):
                    resumed.promised[int(number)] = outcome, value
                resumed.check()
                resumed.finish()


def tear(folder: Path, dice: random.Random) -> None:
    """Damage the newest file but the database, whose writes are on the disk when they return."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]
    files = [path for path in files if path.name not in {"studies.db", "toy.py"}]
    newest = max(files, key=lambda path: path.stat().st_mtime_ns, default=None)
    if newest is None:
        return
    content = newest.read_bytes()
    n = dice.randrange(1, len(content) + 1)
    newest.write_bytes(content[:-n] + bytes(n if dice.random() < 0.5 else 0))
