"""Jobs for trial processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpsearch.messages import EpochDone, Job, Verdict
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from tests.toy import write_toy


def job_of(folder: Path, *, curve: str = "curve", epochs: int = 3, **code: Any) -> Job:
    """Train the toy's baseline.

    Args:
        folder: Takes the study file and the curve.
        curve: The name of the curve's folder.
        epochs: How many.
        code: Of the study file, as `write_toy` takes it.
    """
    study_file = read_study_file(str(write_toy(folder, **code)))
    return Job(
        study_file=study_file.text,
        study_file_name=study_file.filename,
        params={**study_file.task.baseline, "epochs": epochs},
        seed=1,
        data=str(prepare_data(study_file, None).folder),
        curve=str(folder / curve),
    )


def go_on(_message: EpochDone) -> Verdict:
    """The answer of who stops nothing."""
    return Verdict.GO_ON
