"""The trial process: what it does to a curve, and how it says what went wrong."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpsearch.codec import decode, encode
from hpsearch.curves.curve import Curve
from hpsearch.curves.store import CurveStore
from hpsearch.data.file_array import FileArray
from hpsearch.goal import Logs
from hpsearch.messages import EpochDone, Failed, Finished, Job, Message, Reply, Verdict
from hpsearch.processes.runner import LocalRunner
from hpsearch.processes.supervisor import Ending, How, Limits, supervise
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from tests.toy import write_toy

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("measured")]


@pytest.fixture(scope="module")
def runner() -> LocalRunner:
    return LocalRunner()


def job_of(folder: Path, epochs: int, *, curve: str = "curve", **code: str) -> Job:
    study_file = read_study_file(str(write_toy(folder, **code)))
    return Job(
        study_file=study_file.text,
        study_file_name=study_file.filename,
        params={**study_file.task.baseline, "epochs": epochs},
        seed=1,
        data=str(prepare_data(study_file, None).folder),
        curve=str(folder / curve),
        n_threads=3,
    )


def last_words(runner: LocalRunner, job: Job) -> Message:
    """What a process says at its end; it is told to go on after each epoch."""
    process = runner.start(job)
    go_on = encode(Reply(verdict=Verdict.GO_ON)).encode()
    try:
        while True:
            line = process.connection.recv_bytes()
            message = decode(line, EpochDone, Finished, Failed)
            if not isinstance(message, EpochDone):
                return message
            process.connection.send_bytes(go_on)
    finally:
        process.end()


def take(
    runner: LocalRunner,
    folder: Path,
    epochs: int,
    *,
    curve: str = "curve",
    stop_after: int | None = None,
    **code: str,
) -> tuple[Ending, list[EpochDone]]:
    """Take a curve to an epoch, and collect what the process says on its way."""
    said: list[EpochDone] = []

    def answer(message: EpochDone) -> Verdict:
        said.append(message)
        return Verdict.STOP if message.epoch == stop_after else Verdict.GO_ON

    job = job_of(folder, epochs, curve=curve, **code)
    return supervise(runner, job, answer=answer, limits=Limits()), said


def figures(logs: list[Logs]) -> list[Logs]:
    return [{name: value for name, value in one.items() if name != "seconds"} for one in logs]


def test_a_longer_trial_over_an_evicted_curve_keeps_the_logs_that_others_share(runner, tmp_path):
    take(runner, tmp_path, 5)
    stored = Curve(tmp_path / "curve").logs
    CurveStore(tmp_path).evict(max_bytes=0)

    ending, said = take(runner, tmp_path, 6, stop_after=2)

    assert ending.how is How.STOPPED
    assert [message.logs for message in said] == stored[:2]
    assert Curve(tmp_path / "curve").logs == stored

    take(runner, tmp_path, 6)
    take(runner, tmp_path, 6, curve="in-one-go")

    again, whole = Curve(tmp_path / "curve"), Curve(tmp_path / "in-one-go")
    assert again.logs[:5] == stored
    assert figures(again.logs) == figures(whole.logs)
    state, expected = again.state(6), whole.state(6)
    assert state is not None and expected is not None
    assert all(np.array_equal(state[name], expected[name]) for name in expected)


def test_a_disk_that_takes_no_more_is_the_fault_of_the_machine(runner, tmp_path):
    """A limit on the size of files, below that of a checkpoint, from the second epoch on."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))"
    each_epoch = f"if epochs_done == 2: {limit}"

    failed = last_words(runner, job_of(tmp_path, 3, each_epoch=each_epoch))

    assert isinstance(failed, Failed)
    assert failed.is_machine_fault
    assert not failed.is_fatal
    assert "OSError: [Errno 27]" in failed.error
    assert len(Curve(tmp_path / "curve").logs) == 1
    assert sorted(path.name for path in (tmp_path / "curve").iterdir()) == [
        "curve.json",
        "epoch-00001.npz",
    ]


def test_a_file_of_the_data_that_was_changed_is_no_fault_of_the_network(runner, tmp_path):
    job = job_of(tmp_path, 1)
    folder = shutil.copytree(job.data, tmp_path / "arrays")
    mapped = np.load(shutil.move(folder / "train_x.npy", tmp_path / "x.npy"), mmap_mode="r")
    place = FileArray.of(mapped)
    assert place is not None
    (folder / "train_x.json").write_text(replace(place, changed_ns=0).as_json())

    failed = last_words(runner, replace(job, data=str(folder)))

    assert isinstance(failed, Failed)
    assert failed.is_machine_fault
    assert failed.error.startswith(f"{tmp_path / 'x.npy'} was changed after hpsearch had read it")


@pytest.mark.parametrize(
    ("in_build", "is_machine_fault"),
    [
        pytest.param("raise OSError(28, 'No space left on device')", True, id="full"),
        pytest.param(
            "try: raise OSError(122, 'Disk quota exceeded')\n"
            "except OSError as error: raise RuntimeError('cannot save') from error",
            True,
            id="in another error",
        ),
        pytest.param("open('/no/such/file')", False, id="another error of files"),
        pytest.param("raise MemoryError", False, id="memory"),
    ],
)
def test_what_a_disk_cannot_take_is_told_from_what_the_network_cannot(
    runner, tmp_path, in_build, is_machine_fault
):
    failed = last_words(runner, job_of(tmp_path, 1, in_build=in_build))

    assert isinstance(failed, Failed)
    assert failed.is_machine_fault is is_machine_fault


def test_the_machine_is_shared_with_other_slots(runner, tmp_path):
    names = ("OMP_NUM_THREADS", "TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE")
    in_build = f"raise ValueError([os.environ[name] for name in {names}])"

    failed = last_words(runner, job_of(tmp_path, 1, in_build=in_build))

    assert isinstance(failed, Failed)
    assert failed.error == "ValueError: ['3', 'true', 'false']"
