"""Trial processes come from a server that has Keras, and outlive neither it nor the launcher."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from hpsearch.errors import NothingFinished, UsageError
from hpsearch.messages import EpochDone, Verdict
from hpsearch.processes.runner import LocalRunner
from hpsearch.processes.supervisor import NO_LIMITS, Ending, How, supervise
from tests.processes.jobs import go_on, job_of
from tests.waiting import is_alive, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("measured")]

START_A_SERVER = """
import sys
from hpsearch.processes.runner import LocalRunner
LocalRunner()
print("started", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def runner() -> LocalRunner:
    return LocalRunner()


@pytest.fixture
def slow_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Keras that is imported once the file returned exists, and then fails."""
    go = tmp_path / "go"
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "keras.py").write_text(
        f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)\n"
        "raise SystemExit('no such luck')\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'slow'}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("KERAS_OF_TEST", str(tmp_path))  # else the server of other tests is taken
    yield go
    go.touch()


def servers(launcher: int | None = None) -> list[psutil.Process]:
    """The fork servers of a launcher, by default of this process."""
    children = psutil.Process(launcher).children()
    alive = [child for child in children if is_alive(child.pid)]
    return [child for child in alive if "hpsearch.training.fork_server" in child.cmdline()]


def new_server(launcher: int | None = None, before: Sequence[psutil.Process] = ()):
    """The server that has just been started; for a moment, it has no command line yet."""

    def new() -> list[psutil.Process]:
        return [server for server in servers(launcher) if server not in before]

    wait_until(new)
    (server,) = new()
    return server


def end_of(runner: LocalRunner, folder: Path, **code: str) -> Ending:
    return supervise(runner, job_of(folder, **code), answer=go_on, limits=NO_LIMITS)


def test_a_trial_works_in_the_current_folder_and_finds_the_launchers_modules(
    runner, tmp_path, cwd, monkeypatch
):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a_module_of_the_users_own.py").write_text("WORDS = 'found it in '")
    monkeypatch.syspath_prepend(tmp_path / "lib")
    monkeypatch.setattr(sys, "path", [*sys.path, tmp_path])  # which Python ignores
    in_build = "import a_module_of_the_users_own as m; raise ValueError(m.WORDS + os.getcwd())"

    ending = end_of(runner, tmp_path, in_build=in_build)

    assert ending.reason == f"ValueError: found it in {cwd}"


def test_a_trial_that_waits_for_keras_uses_no_memory(slow_keras, tmp_path):
    process = LocalRunner().start(job_of(tmp_path))

    assert process.memory() == 0
    process.end()


def test_a_trial_has_no_descriptors_but_its_own(runner, tmp_path):
    """Standard input is empty, output and errors are one file, the fourth is the pipe."""
    in_build = """
        import sys
        folder = "/dev/fd" if sys.platform == "darwin" else "/proc/self/fd"
        found = {fd for fd in map(int, os.listdir(folder)) if os.path.exists(f"{folder}/{fd}")}
        kinds = [os.readlink(f"/proc/self/fd/{fd}").partition(":")[0] for fd in sorted(found)]
        raise ValueError([kind for kind in kinds if kind in ("socket", "pipe")])
        """

    assert end_of(runner, tmp_path, in_build=in_build).reason == "ValueError: ['socket']"


def test_a_launcher_keeps_no_descriptor_of_a_trial_that_has_ended(runner, tmp_path):
    end_of(runner, tmp_path, in_build="1 / 0")
    before = psutil.Process().num_fds()

    end_of(runner, tmp_path, in_build="1 / 0")

    assert psutil.Process().num_fds() == before


def test_what_trials_print_leaves_no_file_behind_when_the_launcher_is_killed(
    runner, tmp_path, monkeypatch
):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))

    def answer(message: EpochDone) -> Verdict:
        assert list((tmp_path / "tmp").iterdir()) == []
        return Verdict.STOP

    ending = supervise(runner, job_of(tmp_path), answer=answer, limits=NO_LIMITS)

    assert ending.how is How.STOPPED


def test_the_temporary_files_of_a_trial_go_with_it_also_if_it_is_killed(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("KERAS_OF_TEST", str(tmp_path))  # a server of its own
    runner = LocalRunner()
    leave_a_file = "import tempfile; tempfile.mkstemp('.left')"
    kill = "epochs_done == 2 and os.kill(os.getpid(), 9)"

    def answer(message: EpochDone) -> Verdict:
        assert len(list((tmp_path / "tmp").rglob("*.left"))) == 1
        return Verdict.GO_ON

    for each_epoch, how in (("pass", How.FINISHED), (kill, How.KILLED)):
        job = job_of(tmp_path, curve=how.name, in_build=leave_a_file, each_epoch=each_epoch)
        ending = supervise(runner, job, answer=answer, limits=NO_LIMITS)

        assert ending.how is how
        (of_the_server,) = (tmp_path / "tmp").iterdir()
        assert list(of_the_server.iterdir()) == []


def test_the_terminals_ctrl_c_does_not_reach_the_server(runner):
    sessions = {os.getsid(server.pid) for server in servers()}

    assert sessions
    assert os.getsid(0) not in sessions


def test_a_trial_whose_server_is_killed_dies_with_it_and_the_next_one_has_another(
    runner, tmp_path, monkeypatch
):
    monkeypatch.setenv("KERAS_OF_TEST", "to be killed")
    before = servers()
    runner = LocalRunner()
    mine = new_server(before=before)

    def answer(message: EpochDone) -> Verdict:
        mine.kill()
        return Verdict.GO_ON

    killed = supervise(
        runner,
        job_of(tmp_path, each_epoch="time.sleep(1000 * (epochs_done == 2))"),
        answer=answer,
        limits=NO_LIMITS,
    )

    assert (killed.how, killed.reason) == (How.KILLED, "the process died with its server")
    assert end_of(runner, tmp_path).how is How.FINISHED


@pytest.mark.parametrize("when", ["imports Keras", "waits"])
def test_a_server_ends_when_its_launcher_is_killed(when, tmp_path, slow_keras, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    if when == "waits":
        (tmp_path / "slow" / "keras.py").unlink()
    launcher = subprocess.Popen(
        [sys.executable, "-c", START_A_SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with launcher:
        assert launcher.stdout is not None
        launcher.stdout.readline()
        server = new_server(launcher.pid)

        launcher.kill()
        slow_keras.touch()

        wait_until(lambda: not is_alive(server.pid))

    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_launcher_that_ends_does_not_wait_for_its_server_to_import_keras(
    slow_keras, tmp_path, monkeypatch
):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    launcher = subprocess.Popen(
        [sys.executable, "-c", START_A_SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert launcher.stdout is not None
    launcher.stdout.readline()
    server = new_server(launcher.pid)

    launcher.communicate()

    assert launcher.returncode == 0
    assert not is_alive(server.pid)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_keras_that_cannot_be_imported_is_one_line(slow_keras, tmp_path):
    slow_keras.touch()

    with pytest.raises(NothingFinished, match=r"^the server .* died: no such luck; the same"):
        end_of(LocalRunner(), tmp_path)


def test_a_server_that_is_killed_before_it_forks_is_one_line(slow_keras, tmp_path):
    before = servers()
    runner = LocalRunner()
    mine = new_server(before=before)
    process = runner.start(job_of(tmp_path))

    mine.kill()

    with pytest.raises(NothingFinished, match="died: killed by SIGKILL; the same command"):
        process.wait(timeout_s=60)
    process.end()


def test_it_is_said_once_in_a_while_that_keras_takes_long_to_start(slow_keras, tmp_path):
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if len(said) == 2:
            slow_keras.touch()

    with pytest.raises(NothingFinished):
        end_of(LocalRunner(say, patience_s=0.1), tmp_path)

    assert re.fullmatch(r"waiting for Keras to start \(\d+ s so far\)", said[1])


def test_a_trial_that_waits_for_keras_can_be_stopped(slow_keras, tmp_path):
    ending = supervise(
        LocalRunner(),
        job_of(tmp_path),
        answer=go_on,
        limits=NO_LIMITS,
        must_stop_now=lambda: True,
    )

    assert ending == Ending(how=How.INTERRUPTED)


def test_a_trial_that_waits_for_keras_is_given_up_if_no_epoch_may_begin_any_more(
    slow_keras, tmp_path
):
    """As after the first Ctrl-C, which lets running epochs finish, and there is none."""
    job = job_of(tmp_path)

    ending = supervise(LocalRunner(), job, answer=go_on, limits=NO_LIMITS, may_begin=lambda: False)

    assert ending == Ending(how=How.INTERRUPTED)


def test_a_trial_that_has_begun_is_not_given_up_for_that(runner, tmp_path):
    epochs: list[int] = []

    def answer(message: EpochDone) -> Verdict:
        epochs.append(message.epoch)
        return Verdict.STOP

    supervise(
        runner, job_of(tmp_path), answer=answer, limits=NO_LIMITS, may_begin=lambda: not epochs
    )

    assert epochs == [1]


def test_a_keras_that_is_configured_otherwise_gets_a_server_of_its_own(
    runner, tmp_path, monkeypatch
):
    """As in a notebook that sets `KERAS_BACKEND` or the like between two searches."""
    floatx = "raise ValueError(keras.config.floatx())"
    (tmp_path / "keras.json").write_text('{"floatx": "float64"}')

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    other = LocalRunner()

    assert end_of(other, tmp_path, in_build=floatx).reason == "ValueError: float64"
    assert end_of(runner, tmp_path, in_build=floatx).reason == "ValueError: float32"


def test_a_system_that_cannot_fork_is_told_so(monkeypatch):
    monkeypatch.delattr(os, "fork")

    with pytest.raises(UsageError, match="use WSL"):
        LocalRunner()
