"""The trial process: what it does to a curve, and how it says what went wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hpsearch.curves.curve import Curve
from hpsearch.curves.store import evict
from hpsearch.goal import Logs
from hpsearch.messages import EpochDone, Job, Verdict
from hpsearch.processes.supervisor import Ending, How, Limits, ProcessServer, supervise
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from tests.toy import write_toy


@pytest.fixture(scope="module")
def server() -> ProcessServer:
    return ProcessServer()


def take(
    server: ProcessServer,
    folder: Path,
    epochs: int,
    *,
    curve: str = "curve",
    stop_after: int | None = None,
    **code: str,
) -> tuple[Ending, list[EpochDone]]:
    """Take a curve to an epoch, and collect what the process says on its way."""
    study_file = read_study_file(str(write_toy(folder, **code)))
    job = Job(
        study_file=study_file.text,
        study_file_name=study_file.filename,
        params={**study_file.task.baseline, "epochs": epochs},
        seed=1,
        data=str(prepare_data(study_file, None).folder),
        curve=str(folder / curve),
    )
    said: list[EpochDone] = []

    def answer(message: EpochDone) -> Verdict:
        said.append(message)
        return Verdict.STOP if message.epoch == stop_after else Verdict.GO_ON

    return supervise(server, job, answer=answer, limits=Limits()), said


def figures(logs: list[Logs]) -> list[Logs]:
    return [{name: value for name, value in one.items() if name != "seconds"} for one in logs]


def test_a_longer_trial_over_an_evicted_curve_keeps_the_logs_that_others_share(server, tmp_path):
    take(server, tmp_path, 5)
    stored = Curve(tmp_path / "curve").logs
    evict(tmp_path, max_bytes=0)

    ending, said = take(server, tmp_path, 6, stop_after=2)

    assert ending.how is How.STOPPED
    assert [message.logs for message in said] == stored[:2]
    assert Curve(tmp_path / "curve").logs == stored

    take(server, tmp_path, 6)
    take(server, tmp_path, 6, curve="in-one-go")

    again, whole = Curve(tmp_path / "curve"), Curve(tmp_path / "in-one-go")
    assert again.logs[:5] == stored
    assert figures(again.logs) == figures(whole.logs)
    state, expected = again.state(6), whole.state(6)
    assert state is not None and expected is not None
    assert all(np.array_equal(state[name], expected[name]) for name in expected)
