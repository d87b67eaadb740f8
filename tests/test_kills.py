"""Whatever is killed, and whenever: nothing lost, nothing counted twice, nothing left."""

from __future__ import annotations

import os
import pty
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, suppress
from pathlib import Path

import psutil
import pytest
from optuna.trial import TrialState

from hpsearch.study import lock
from hpsearch.study.invariants import violations
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from hpsearch.study.summary import Summary, summarize
from hpsearch.study.trials import Outcome
from tests.crashing import folder_in_memory, kill_until_done
from tests.toy import write_toy
from tests.waiting import HANG_S, is_alive, wait_until

pytestmark = pytest.mark.slow

URL = "sqlite:///studies.db"
N_TRIALS = 4
SLOW = "time.sleep(0.05)"
RUN = ["run", "toy.py", "--storage", URL, "--trials", str(N_TRIALS), "--slots", "2"]
RUN += ["--pruner", "none"]


Launch = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def launch(cwd: Path) -> Iterator[Launch]:
    """`launch()` starts a launcher on the toy in the background; its standard error is
    appended to the file `said`."""
    launchers = []

    def start(*more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "hpsearch", *RUN, *more]
        with Path("said").open("ab") as said:
            launcher = subprocess.Popen(command, stderr=said, start_new_session=True)
        launchers.append(launcher)
        return launcher

    yield start
    for launcher in launchers:
        launcher.kill()
        launcher.wait()


def read() -> Summary:
    storage = Storage(URL, read_only=True)
    study, record = load_study(storage, "toy")
    assert violations(storage, study, record) == []
    return summarize(study, record)


def trial_processes() -> list[psutil.Process]:
    return lock.trial_processes(Storage(URL), "toy")


def wait_for_epochs(launcher: subprocess.Popen[bytes], n: int) -> None:
    """Until the launcher's trials have done some epochs, or it has ended."""
    curves = Path("curves")

    def n_epochs() -> int:
        return sum(text.read_text().count('"seconds"') for text in curves.glob("*/curve.json"))

    wait_until(lambda: launcher.poll() is not None or n_epochs() >= n)


@pytest.mark.fault("F18")
def test_a_killed_launcher_leaves_no_process_and_the_same_command_goes_on(cwd, launch, inside):
    write_toy(cwd, each_epoch=SLOW)
    launcher = launch()
    wait_for_epochs(launcher, 3)
    pids = [process.pid for process in trial_processes()]
    assert pids

    launcher.kill()
    launcher.wait()
    wait_until(lambda: not any(is_alive(pid) for pid in pids))

    n_before = read().n_trials
    assert inside(*RUN).returncode == 0
    summary = read()
    assert n_before <= summary.n_trials == N_TRIALS
    assert summary.counts[Outcome.FINISHED] == N_TRIALS


def test_a_launcher_killed_in_its_third_fold_goes_on_there(cwd, launch, inside):
    write_toy(cwd, each_epoch=SLOW, epochs=4, folds=4)
    launcher = launch("--trials", "1", "--slots", "1")
    wait_for_epochs(launcher, 2 * 4 + 1)

    launcher.kill()
    launcher.wait()

    (trial,) = read().rows
    assert trial.progress == "2 of 4 folds"
    assert inside(*RUN, "--trials", "1", "--slots", "1").returncode == 0
    trial = read().rows[0]
    assert trial.outcome is Outcome.FINISHED
    assert (trial.epochs_trained, trial.epochs_reused) == (16, 0)


@pytest.mark.fault("F16")
def test_one_ctrl_c_finishes_the_epochs_and_the_study_goes_on_later(cwd, launch, inside):
    each_epoch = f"""
        while epochs_done == 2 and not os.path.exists({str(cwd / "go")!r}):
            open(f"{cwd}/second-epoch-{{os.getpid()}}", "w").close()
            time.sleep(0.02)
        """
    write_toy(cwd, each_epoch=each_epoch, epochs=6)
    launcher = launch()
    wait_until(lambda: len(list(cwd.glob("second-epoch-*"))) == 2)

    launcher.send_signal(signal.SIGINT)
    wait_until(lambda: "finishing the running epochs" in Path("said").read_text())
    assert launcher.poll() is None
    (cwd / "go").touch()

    assert launcher.wait(timeout=HANG_S) == 130
    assert "hpsearch resume toy" in Path("said").read_text()
    summary = read()
    assert summary.counts[Outcome.RUNNING] == 0
    assert summary.counts[Outcome.WAITING] >= 1
    assert [row.epochs_done for row in summary.rows[:2]] == [2, 2]
    assert inside(*RUN).returncode == 0
    assert read().counts[Outcome.FINISHED] == N_TRIALS


@pytest.mark.fault("F16")
def test_a_second_ctrl_c_stops_at_once_in_the_middle_of_an_epoch(cwd, launch):
    write_toy(cwd, each_epoch="time.sleep(1000 * (epochs_done == 1))")
    launcher = launch()
    wait_until(lambda: len(trial_processes()) == 2)
    pids = [process.pid for process in trial_processes()]

    launcher.send_signal(signal.SIGINT)
    wait_until(lambda: "finishing the running epochs" in Path("said").read_text())
    launcher.send_signal(signal.SIGINT)

    assert launcher.wait(timeout=HANG_S) == 130
    assert not any(is_alive(pid) for pid in pids)
    assert read().counts[Outcome.WAITING] == 2


@pytest.mark.fault("F17")
def test_sigterm_stops_as_ctrl_c_does_with_its_own_exit_code(cwd, launch):
    write_toy(cwd, each_epoch=SLOW, epochs=6)
    launcher = launch()
    wait_for_epochs(launcher, 2)

    launcher.send_signal(signal.SIGTERM)

    assert launcher.wait(timeout=HANG_S) == 143
    assert read().counts[Outcome.RUNNING] == 0


@pytest.mark.fault("F17")
def test_a_search_under_nohup_outlives_the_terminal(cwd, launch):
    """`nohup` ignores SIGHUP, which a closed terminal sends."""
    write_toy(cwd, each_epoch=SLOW)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        launcher = launch("--trials", "2")
    finally:
        signal.signal(signal.SIGHUP, before)
    wait_for_epochs(launcher, 1)

    launcher.send_signal(signal.SIGHUP)

    assert launcher.wait(timeout=HANG_S) == 0
    assert read().counts[Outcome.FINISHED] == 2


@pytest.mark.fault("F17")
def test_a_terminal_that_is_gone_ends_no_trial(cwd):
    """As after `disown`: to print fails, and nothing else does."""
    write_toy(cwd, each_epoch=SLOW)
    terminal, stderr = pty.openpty()
    launcher = subprocess.Popen(
        [sys.executable, "-m", "hpsearch", *RUN, "--trials", "2"],
        stdout=stderr,
        stderr=stderr,
        start_new_session=True,
    )
    os.close(stderr)
    while b"run " not in os.read(terminal, 4096):  # until the live table shows a trial
        pass

    os.close(terminal)

    assert launcher.wait(timeout=HANG_S) == 0
    assert read().counts[Outcome.FINISHED] == 2


def test_a_second_launcher_of_a_study_is_refused_and_told_who_runs_it(cwd, launch, inside):
    write_toy(cwd, each_epoch="time.sleep(1000)")
    launcher = launch()
    wait_until(lambda: Path("studies.db").exists() and trial_processes())

    second = inside("run", "toy.py", "--storage", URL)
    os.kill(launcher.pid, signal.SIGKILL)
    launcher.wait()

    assert second.returncode == 6
    assert f"is being run by process {launcher.pid}" in second.stderr


def test_a_study_whose_time_is_up_stops_with_success_and_goes_on_later(cwd, launch, inside):
    write_toy(cwd, each_epoch="time.sleep(0.5)", epochs=6)

    returncode = launch("--timeout", "4s").wait(timeout=HANG_S)

    assert returncode in {0, 3}  # 3 while there is no trial to use
    assert read().counts[Outcome.WAITING] >= 1
    assert inside(*RUN).returncode == 0
    assert read().counts[Outcome.FINISHED] == N_TRIALS


@pytest.mark.parametrize("seed", range(1))
@pytest.mark.fault("F1")
def test_random_kills_until_done_lose_nothing_and_count_nothing_twice(cwd, launch, seed):
    """Launchers and trial processes are killed at random moments, in random order.

    What a launcher said of a finished trial must still be true in the end.
    """
    write_toy(cwd, each_epoch=SLOW)
    dice = random.Random(seed)
    kills = ["launcher", *["trial process"] * 9]  # a launcher takes seconds to start
    dice.shuffle(kills)
    while True:
        launcher = launch("--retries", "50")
        wait_for_epochs(launcher, 1)
        while kills and launcher.poll() is None:
            time.sleep(dice.uniform(0.0, 1.5))  # the moment of the kill is the dice's
            victims = [launcher] if kills.pop() == "launcher" else trial_processes()
            if victims:
                kill(dice.choice(victims))
        returncode = launcher.wait(timeout=HANG_S)
        wait_until(lambda: not trial_processes())
        summary = read()
        if returncode == 0:
            break
        assert returncode == -signal.SIGKILL, Path("said").read_text()
    assert summary.n_trials == summary.counts[Outcome.FINISHED] == N_TRIALS
    assert summary.counts[Outcome.RUNNING] == summary.counts[Outcome.WAITING] == 0
    said = re.findall(
        r"^trial (\d+) (?:finished|read off) (\d\.\d+)", Path("said").read_text(), re.M
    )
    for number, value in said:
        assert f"{summary.rows[int(number)].value:.4f}" == value
    storage = Storage(URL, read_only=True)
    study, _ = load_study(storage, "toy")
    assert all(trial.state is TrialState.COMPLETE for trial in study.trials)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.fault("F1")
def test_random_kills_of_toy_trials_lose_nothing_either(tmp_path, seed):
    """More seeds than Keras allows; `scripts/bench kills` takes hundreds."""
    with folder_in_memory(tmp_path) as folder, chdir(folder):
        killed = kill_until_done(seed)

    print(killed)
    assert killed.launchers + killed.trials > 0


@pytest.mark.parametrize("seed", range(2))
def test_random_kills_with_two_launchers_on_postgresql_lose_and_double_nothing(
    tmp_path, seed, postgres_url
):
    with folder_in_memory(tmp_path) as folder, chdir(folder):
        killed = kill_until_done(seed, postgres_url, n_trials=12, n_launchers=2)

    print(killed)
    assert killed.launchers + killed.trials > 0


def test_a_launcher_killed_while_it_promotes_and_repeats_loses_nothing(cwd, launch, inside):
    """The pruner that promotes, replicates, and kills of the launcher at random moments."""
    write_toy(cwd, each_epoch=SLOW, epochs=6, peak=6)
    dice = random.Random(0)
    options = ("--pruner", "halving", "--replicates", "auto", "--trials", "9")
    for _ in range(4):
        launcher = launch(*options)
        wait_for_epochs(launcher, 1)
        time.sleep(dice.uniform(0.0, 3.0))  # the moment of the kill is the dice's
        kill(launcher)
        launcher.wait()
        wait_until(lambda: not trial_processes())
        read()

    assert inside(*RUN, *options).returncode == 0
    summary = read()
    assert any(row.replicate_of is not None for row in summary.rows)
    assert summary.n_trials == 9
    assert summary.counts[Outcome.RUNNING] == summary.counts[Outcome.WAITING] == 0
    assert summary.counts[Outcome.FINISHED] >= 3


def kill(process: psutil.Process | subprocess.Popen[bytes]) -> None:
    with suppress(psutil.NoSuchProcess):  # it may have ended by itself just now
        process.kill()
