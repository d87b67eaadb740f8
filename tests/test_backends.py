"""Keras's other backends train, continue and export as TensorFlow does."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hpsearch.curves.curve import Curve
from hpsearch.processes.runner import LocalRunner
from hpsearch.study_file import run_study_file
from tests.conftest import Cli
from tests.training.test_averaged_weights import ADAM, EPOCHS, TEXT, take

pytestmark = pytest.mark.slow


@pytest.fixture(params=["jax", "torch"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A backend that processes started from now on compute with."""
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed: pip install -e '.[{request.param}]'")
    monkeypatch.setenv("KERAS_BACKEND", request.param)
    return request.param


def test_the_digits_lab_comes_to_the_recorded_figure_without_hpsearch(
    backend: str, inside: Cli, cwd: Path
):
    for command in (
        "run digits --trials 1 --slots 1 --set epochs=5",
        "evaluate digits --top 1 --seeds 1",
        "export digits -o out",
    ):
        done = inside(*command.split())
        assert done.returncode == 0, done.stderr
    metrics = json.loads(Path("out/metrics.json").read_text())

    trained = subprocess.run(
        [sys.executable, "train.py"],
        cwd="out",
        env={name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert trained.returncode == 0, trained.stderr
    assert json.loads(Path("out/training.json").read_text())["backend"] == backend
    (recorded,) = metrics["test"]["winner"]["values"]
    assert f"test accuracy: {recorded}\n" in trained.stdout


@pytest.mark.usefixtures("backend")
def test_a_curve_that_is_continued_is_the_one_trained_in_one_go(tmp_path: Path):
    """With dropout, and an optimizer whose averages are measured in between."""
    study_file = run_study_file(TEXT.replace("{optimizer}", ADAM.format("")), "clouds.py")
    runner = LocalRunner()

    in_one_go = take(runner, study_file, tmp_path / "in one go", EPOCHS)
    take(runner, study_file, tmp_path / "continued", EPOCHS - 1)
    continued = take(runner, study_file, tmp_path / "continued", EPOCHS)

    assert continued == in_one_go
    one, other = (Curve(tmp_path / name / "curve") for name in ("in one go", "continued"))
    assert [logs["val_loss"] for logs in one.logs] == [logs["val_loss"] for logs in other.logs]
    last = f"epoch-{EPOCHS:05d}.npz"
    with np.load(one.folder / last) as states, np.load(other.folder / last) as other_states:
        assert states.files == other_states.files
        for name in states.files:
            np.testing.assert_array_equal(states[name], other_states[name])
