"""`hpsearch export`: the winner of an evaluation in a folder that stands alone."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.files import files_in, sha256_of
from tests.conftest import Cli
from tests.evaluated import copy_study

# the study is made once a process
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluated")]


def test_it_writes_a_folder_and_says_what_to_do_next(inside: Cli, cwd: Path):
    copy_study(cwd)

    done = inside("export", "clouds", "-o", "the best")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("exported ")
    assert done.stdout.endswith(" of clouds to the best\n")
    assert done.stderr == "next: cd 'the best' && python train.py\n"
    assert (cwd / "the best" / "train.py").exists()


def test_the_model_loads_safely_and_comes_to_the_recorded_figure(inside: Cli, cwd: Path):
    copy_study(cwd)
    assert inside("export", "clouds", "-o", "out").returncode == 0
    metrics = json.loads((cwd / "out" / "metrics.json").read_text())
    code = """
import sys
sys.modules["hpsearch"] = None  # whoever imports it gets an ImportError
import keras, numpy as np
data = np.load("data.npz")
model = keras.saving.load_model("model.keras", safe_mode=True)
logs = model.evaluate(
    data["x_test"], data["y_test"], batch_size=1000, return_dict=True, verbose=0
)
print(repr(float(logs["accuracy"])))
"""

    done = subprocess.run(
        [sys.executable, "-c", code], cwd="out", capture_output=True, text=True, check=False
    )

    assert done.stdout.splitlines() == [repr(metrics["test"]["winner"]["values"][0])], done.stderr


def test_a_saved_model_and_onnx_come_along_and_are_in_the_manifest(inside: Cli, cwd: Path):
    """What they predict is compared as they are written: see tests/training/test_converting.py."""
    copy_study(cwd)
    has_onnx = importlib.util.find_spec("tf2onnx") is not None
    forms = ["--also", "saved_model", *(["--also", "onnx"] if has_onnx else [])]

    done = inside("export", "clouds", "-o", "out", *forms, KERAS_BACKEND="jax")

    assert done.returncode == 0, done.stderr
    manifest = json.loads((cwd / "out" / "MANIFEST.json").read_text())["sha256"]
    assert "saved_model/1/saved_model.pb" in manifest
    assert ("model.onnx" in manifest) == has_onnx
    files = {path.relative_to(cwd / "out").as_posix(): path for path in files_in(cwd / "out")}
    assert manifest == {
        name: sha256_of(path) for name, path in files.items() if name != "MANIFEST.json"
    }
    readme = (cwd / "out" / "README.md").read_text()
    assert 'tf.saved_model.load("saved_model/1")' in readme
    assert ('InferenceSession("model.onnx")' in readme) == has_onnx


def test_a_form_whose_packages_are_missing_is_said_first(
    inside: Cli, cwd: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)

    refused = inside("export", "clouds", "-o", "out", "--also", "onnx")

    assert refused.returncode == 2
    assert refused.stderr == "Error: --also onnx needs tf2onnx: pip install 'hpsearch[onnx]'\n"


def test_a_folder_that_exists_is_refused(inside: Cli, cwd: Path):
    copy_study(cwd)
    (cwd / "out").mkdir()

    refused = inside("export", "clouds", "-o", "out")

    assert refused.returncode == 2
    assert refused.stderr == "Error: out exists: export writes a new folder, name another\n"


def test_a_study_that_was_not_evaluated_is_told_how(inside: Cli, cwd: Path):
    copy_study(cwd, stage="searched")

    refused = inside("export", "clouds", "-o", "out")

    assert refused.returncode == 3
    assert "first run hpsearch evaluate clouds" in refused.stderr
    assert not (cwd / "out").exists()


def test_a_place_that_cannot_be_written_is_an_error_of_the_disk(inside: Cli, cwd: Path):
    copy_study(cwd)

    refused = inside("export", "clouds", "-o", "no-such-folder/out")

    assert refused.returncode == 5
    assert "cannot write no-such-folder/out" in refused.stderr
