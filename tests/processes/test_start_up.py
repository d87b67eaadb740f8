"""A search that is stopped before anything runs ends in silence, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from optuna.trial import TrialState

from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from tests.toy import write_toy
from tests.waiting import HANG_S, is_alive, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("measured")]

URL = "sqlite:///studies.db"

Launch = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def launch(cwd: Path) -> Iterator[Launch]:
    """`launch()` starts `hpsearch run toy.py` in a process group of its own, as a shell does;
    its standard error goes to the file `said`."""
    launchers = []

    def start(**env: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "hpsearch", "run", "toy.py", "--storage", URL]
        with Path("said").open("wb") as said:
            launcher = subprocess.Popen(
                [*command, "--slots", "2"], stderr=said, env={**os.environ, **env}, process_group=0
            )
        launchers.append(launcher)
        return launcher

    yield start
    for launcher in launchers:
        launcher.kill()
        launcher.wait()


def said() -> str:
    return Path("said").read_text()


def keras_that_is_never_imported(folder: Path) -> str:
    """A `PYTHONPATH` whose Keras says that it is there, and no more."""
    (folder / "slow").mkdir()
    (folder / "slow" / "keras.py").write_text(
        f"import time; open({str(folder / 'importing')!r}, 'w').close(); time.sleep(1000)"
    )
    return f"{folder / 'slow'}:{os.environ.get('PYTHONPATH', '')}"


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_a_signal_while_the_data_are_prepared_ends_the_command(cwd, launch, number, code):
    path = write_toy(cwd)
    slow = "    open('loading', 'w').close(); time.sleep(1000)\n"
    path.write_text(path.read_text().replace("def load(folder):\n", f"def load(folder):\n{slow}"))
    launcher = launch()
    wait_until(Path("loading").exists)
    children = psutil.Process(launcher.pid).children(recursive=True)

    os.killpg(launcher.pid, number)

    assert launcher.wait(timeout=HANG_S) == code
    assert "Traceback" not in said()
    assert not any(is_alive(child.pid) for child in children)


def test_ctrl_c_while_keras_is_imported_does_not_kill_the_server(cwd, launch):
    """A second one stops the trials that wait for it."""
    write_toy(cwd)
    launcher = launch(PYTHONPATH=keras_that_is_never_imported(cwd))
    wait_until(lambda: "side by side" in said() and Path("importing").exists())
    (server,) = psutil.Process(launcher.pid).children()

    os.killpg(launcher.pid, signal.SIGINT)
    wait_until(lambda: "finishing the running epochs" in said())
    assert is_alive(server.pid)
    os.killpg(launcher.pid, signal.SIGINT)

    assert launcher.wait(timeout=HANG_S) == 130
    assert "Traceback" not in said()
    assert not is_alive(server.pid)
    study, _ = load_study(Storage(URL, read_only=True), "toy")
    assert TrialState.RUNNING not in {trial.state for trial in study.trials}


def test_a_killed_launcher_whose_trials_wait_for_keras_leaves_no_trial_process(cwd, launch):
    write_toy(cwd)
    launcher = launch(PYTHONPATH=keras_that_is_never_imported(cwd))
    wait_until(lambda: "side by side" in said() and Path("importing").exists())
    (server,) = psutil.Process(launcher.pid).children()

    launcher.kill()
    launcher.wait()

    assert server.children() == []
    server.kill()
