"""A trial process that dies, hangs or grows ends alone, and says why."""

from __future__ import annotations

import time

import numpy as np
import pytest

from hpsearch.curves.curve import Curve
from hpsearch.messages import EpochDone, Job, Verdict
from hpsearch.processes.runner import LocalRunner
from hpsearch.processes.supervisor import Ending, How, Limits, supervise
from tests.processes.jobs import go_on, job_of
from tests.waiting import is_alive, wait_until

pytestmark = pytest.mark.usefixtures("measured")


@pytest.fixture(scope="module")
def runner() -> LocalRunner:
    return LocalRunner()


def end_of(runner: LocalRunner, job: Job, **limits: float) -> Ending:
    return supervise(runner, job, answer=go_on, limits=Limits(**limits))  # type: ignore[arg-type]


def test_a_trial_process_reports_each_epoch_once_and_finishes(runner, tmp_path):
    epochs = []

    def answer(message: EpochDone) -> Verdict:
        epochs.append(message.epoch)
        return Verdict.GO_ON

    ending = supervise(runner, job_of(tmp_path), answer=answer, limits=Limits())

    assert ending.how is How.FINISHED, ending
    assert epochs == [1, 2, 3]


def test_a_trial_process_stops_after_the_epoch_it_is_told_to(runner, tmp_path):
    def answer(message: EpochDone) -> Verdict:
        return Verdict.STOP if message.epoch == 2 else Verdict.GO_ON

    ending = supervise(runner, job_of(tmp_path), answer=answer, limits=Limits())

    assert ending.how is How.STOPPED
    assert len(Curve(tmp_path / "curve").logs) == 2


@pytest.mark.slow
def test_three_and_three_epochs_are_bit_for_bit_six_with_dropout_in_the_network(runner, tmp_path):
    for curve, epochs in (("whole", 6), ("parts", 3), ("parts", 6)):
        end_of(runner, job_of(tmp_path, curve=curve, epochs=epochs, run_eagerly=False))
    whole, parts = Curve(tmp_path / "whole"), Curve(tmp_path / "parts")

    assert parts.starts == [[0, 0], [3, 3]]
    state, continued = whole.state(6), parts.state(6)
    assert state is not None and continued is not None
    assert all(np.array_equal(state[name], continued[name]) for name in state)
    assert without_seconds(whole) == without_seconds(parts)


@pytest.mark.parametrize(
    ("in_build", "how", "reason"),
    [
        pytest.param("os.abort()", How.CRASHED, "SIGABRT", id="abort"),
        pytest.param(
            "import ctypes; ctypes.string_at(0)", How.CRASHED, "SIGSEGV", id="segmentation fault"
        ),
        pytest.param("os._exit(3)", How.CRASHED, "exit code 3", id="exit"),
        pytest.param("raise SystemExit(3)", How.FAILED, "SystemExit: 3", id="sys.exit"),
        pytest.param("1 / 0", How.FAILED, "ZeroDivisionError: division by zero", id="exception"),
        pytest.param("os.kill(os.getpid(), 9)", How.KILLED, "SIGKILL", id="kill -9"),
    ],
)
@pytest.mark.fault("F3")
def test_a_death_has_its_reason_and_the_tail_of_the_output(runner, tmp_path, in_build, how, reason):
    job = job_of(tmp_path, in_build=f"os.write(2, b'last words'); {in_build}")

    ending = end_of(runner, job)

    assert ending.how is how
    assert reason in ending.reason
    assert ("toy.py" if how is How.FAILED else "last words") in ending.output


@pytest.mark.fault("F5")
def test_a_hanging_trial_is_killed_at_its_time_limit(runner, tmp_path):
    ending = end_of(runner, job_of(tmp_path, in_build="time.sleep(1000)"), trial_s=0.5)

    assert (ending.how, ending.reason) == (How.TIMED_OUT, "ran longer than 0.5 s")


@pytest.mark.slow
def test_an_epoch_that_takes_too_long_is_killed_and_those_before_it_stay(runner, tmp_path):
    """Six epochs take longer than the limit of one, and the seventh never ends."""
    began_s = time.monotonic()
    end_of(runner, job_of(tmp_path, curve="first", epochs=1))
    limit_s = round(3 * (time.monotonic() - began_s) + 2)
    each_epoch = f"time.sleep({limit_s / 10} if epochs_done < 6 else 1000)"
    job = job_of(tmp_path, each_epoch=each_epoch, epochs=9)

    ending = end_of(runner, job, epoch_s=limit_s)

    assert (ending.how, ending.reason) == (
        How.TIMED_OUT,
        f"an epoch took longer than {limit_s} s",
    )
    assert len(Curve(tmp_path / "curve").logs) == 5


def test_time_that_the_launcher_takes_to_answer_is_not_the_trials(runner, tmp_path, monkeypatch):
    """As when the storage is away for an hour."""
    away_s = 0.0
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + away_s)

    def answer(message: EpochDone) -> Verdict:
        nonlocal away_s
        away_s += 3600
        return Verdict.GO_ON

    limits = Limits(trial_s=600, epoch_s=600)
    ending = supervise(runner, job_of(tmp_path), answer=answer, limits=limits)

    assert ending.how is How.FINISHED, ending


WRITE_EVERYWHERE = """
    for fd in range(3, 64):
        try: os.write(fd, {junk})
        except OSError: pass
    {then}
    """


@pytest.mark.parametrize(
    ("junk", "then"),
    [
        pytest.param("b'junk'", "time.sleep(1000)", id="a length that is none"),
        pytest.param("b'junk' * 10_000", "pass", id="much"),
        pytest.param("(0).to_bytes(4, 'big')", "time.sleep(1000)", id="an empty message"),
        pytest.param(r"b'\0\0\0\2[]'", "time.sleep(1000)", id="JSON of no kind"),
        pytest.param(r"b'\0\0\0\4\xff\xff\xff\xff'", "time.sleep(1000)", id="not even text"),
    ],
)
def test_junk_in_the_pipe_ends_the_trial_that_wrote_it(runner, tmp_path, junk, then):
    job = job_of(tmp_path, in_build=WRITE_EVERYWHERE.format(junk=junk, then=then))

    ending = end_of(runner, job)

    assert ending.how is How.FAILED
    assert "wrote into the pipe" in ending.reason


def test_a_death_in_the_middle_of_a_message_is_a_death(runner, tmp_path):
    in_build = WRITE_EVERYWHERE.format(
        junk=r"b'\0\0\1\0half of it'", then="os.kill(os.getpid(), 9)"
    )

    ending = end_of(runner, job_of(tmp_path, in_build=in_build))

    assert (ending.how, ending.reason) == (How.KILLED, "the process died of SIGKILL")


def test_only_the_end_of_what_a_trial_printed_is_kept(runner, tmp_path):
    in_build = "print('x' * 100_000 + 'the end', flush=True); os._exit(3)"

    ending = end_of(runner, job_of(tmp_path, in_build=in_build))

    assert ending.output.endswith("xthe end\n")
    assert len(ending.output) == 4000


def test_a_trial_is_killed_when_its_launcher_is_told_to_stop_now(runner, tmp_path):
    in_build = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(1000)"

    ending = supervise(
        runner,
        job_of(tmp_path, in_build=in_build),
        answer=go_on,
        limits=Limits(),
        must_stop_now=lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "",
    )

    assert ending.how is How.INTERRUPTED
    assert not is_alive(int((tmp_path / "pid").read_text()))


@pytest.mark.fault("F2")
def test_an_allocation_beyond_the_limit_is_killed(runner, tmp_path):
    job = job_of(tmp_path, in_build="big = np.ones(250_000_000); time.sleep(1000)")

    ending = end_of(runner, job, memory=1_500_000_000)

    assert ending.how is How.OUT_OF_MEMORY
    assert "allowed were 1431 MiB" in ending.reason


@pytest.mark.fault("F5")
def test_what_a_trial_process_started_ends_with_it(runner, tmp_path):
    pid_file = tmp_path / "pid"
    in_build = f"""
        import subprocess
        child = subprocess.Popen(["sleep", "1000"])
        open({str(pid_file)!r}, "w").write(str(child.pid))
        """

    end_of(runner, job_of(tmp_path, in_build=in_build))

    wait_until(lambda: not is_alive(int(pid_file.read_text())))


def without_seconds(curve: Curve) -> list[dict[str, float]]:
    return [{k: v for k, v in logs.items() if k != "seconds"} for logs in curve.logs]
