"""`train.py` of an export: it comes to the recorded figure, to the last digit, by itself."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from hpsearch.data import Dataset, Split
from hpsearch.evaluation.opening import TRAIN_AND_VALID
from hpsearch.export import train
from hpsearch.export.folder import _write_data
from hpsearch.verbs.export import export
from tests.evaluated import copy_study
from tests.several import copy_houses
from tests.used import copy_used

# the studies are made once a process
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluated")]


def run_train(folder: Path) -> subprocess.CompletedProcess[str]:
    """`python train.py` in an exported folder, where hpsearch cannot be imported."""
    blocked = folder.parent / "blocked"
    blocked.mkdir()
    (blocked / "hpsearch.py").write_text("raise ImportError('not on this machine')")
    return subprocess.run(
        [sys.executable, "train.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(blocked)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("clouds", id="dense, with dropout"),
        pytest.param("letters", id="of whole numbers"),
        pytest.param("reviews", id="sparse"),
        pytest.param("tones", id="all that a task can ask for"),
        pytest.param("houses", id="two inputs, two outputs, weights, and an array in a file"),
    ],
)
def test_it_comes_to_the_recorded_figure_without_hpsearch(cwd: Path, name: str):
    if name == "clouds":
        copy_study(cwd)
        export("sqlite:///runs/studies.db", name, Path("out"), data=None)
    elif name == "houses":
        copy_houses(cwd)
    else:
        copy_used(name, cwd, "out")
    metrics = json.loads((cwd / "out" / "metrics.json").read_text())
    metric, (recorded, *_) = metrics["test_metric"], metrics["test"]["winner"]["values"]

    done = run_train(cwd / "out")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        f"test {metric}: {recorded!r}",
        f"recorded: {recorded!r}",
    ]


def test_another_figure_than_the_recorded_one_is_an_error(cwd: Path):
    copy_used("reviews", cwd, "out")
    path = cwd / "out" / "training.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({**settings, "recorded": settings["recorded"] + 0.1}))

    done = run_train(cwd / "out")

    assert done.returncode == 1
    assert done.stderr.endswith("Error: the figures differ by 0.1000\n")


@pytest.mark.parametrize(
    ("found", "recorded", "agree"),
    [
        (0.904, 0.9, True),
        (0.906, 0.9, False),
        (10.04, 10.0, True),
        (10.06, 10.0, False),
        (math.nan, 0.9, False),
    ],
)
def test_figures_agree_up_to_half_a_percent_of_those_above_1(
    found: float, recorded: float, agree: bool
):
    assert train.agree(found, recorded) == agree


def test_importing_it_trains_nothing_and_needs_no_keras(cwd: Path):
    code = "import sys; import hpsearch.export.train; print({'keras', 'loop'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


def test_examples_are_read_as_they_were_saved(cwd: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(train, "FOLDER", cwd)
    x, y = np.eye(3), np.arange(3)
    np.savez(cwd / "data.npz", x_train=x, y_train=y)

    found_x, found_y = train.read_examples("train")

    assert (found_x == x).all()
    assert (found_y == y).all()


@pytest.mark.parametrize(
    "split",
    [
        pytest.param(
            Split({"a": np.eye(3), "b_test": csr_array(np.eye(3, 4))}, np.arange(3)), id="dict"
        ),
        pytest.param(
            Split((np.eye(3),) * 11, (np.arange(3), np.ones(3)), np.ones(3)), id="tuples, weights"
        ),
    ],
)
def test_several_inputs_and_outputs_are_read_as_they_were_saved(
    cwd: Path, monkeypatch: pytest.MonkeyPatch, split: Split
):
    monkeypatch.setattr(train, "FOLDER", cwd)
    _write_data(cwd / "data.npz", Dataset(split, split, split[:2]), fitted_on=TRAIN_AND_VALID)

    for part, expected in (("train", split + split), ("test", split[:2])):
        found = Split(*train.read_examples(part)).arrays()
        assert found.keys() == expected.arrays().keys()
        for name, array in expected.arrays().items():
            np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_backend_and_threads_are_set_before_keras_is_imported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "environ", {"TF_CPP_MIN_LOG_LEVEL": "0"})

    train.set_environment({"backend": "jax", "n_threads": 3})

    assert os.environ == {
        "KERAS_BACKEND": "jax",
        "TF_CPP_MIN_LOG_LEVEL": "0",
        "TF_NUM_INTRAOP_THREADS": "3",
        "OMP_NUM_THREADS": "3",
        "TF_NUM_INTEROP_THREADS": "1",
    }
