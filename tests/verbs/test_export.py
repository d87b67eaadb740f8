"""Exporting: a folder that stands alone, written whole or not at all."""

from __future__ import annotations

import ast
import csv
import errno
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.sparse import csr_array

from hpsearch.errors import DataError, StudyFileError
from hpsearch.evaluation.opening import read_openings
from hpsearch.export.train_script import Script, imports_of, write_script
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from hpsearch.study_file import run_study_file
from hpsearch.verbs import export as verb
from tests.conftest import Cli
from tests.evaluated import TEXT, copy_study, evaluated_study, hpsearch
from tests.used import REVIEWS, used_study
from tests.waiting import HANG_S

pytestmark = pytest.mark.xdist_group("evaluated")  # the studies are made once a process

STORAGE = "sqlite:///runs/studies.db"
WITHOUT_HPSEARCH = "import sys, runpy; sys.modules['hpsearch'] = None; "


@pytest.fixture(scope="module")
def exported() -> Path:
    """An export; read it only."""
    folder = evaluated_study().folder
    if not (folder / "out").exists():
        subprocess.run(hpsearch("export", "clouds", "-o", "out"), cwd=folder, check=True)
    return folder / "out"


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )


def recorded(folder: Path) -> float:
    metrics = json.loads((folder / "metrics.json").read_text())
    return float(metrics["test"]["winner"]["values"][0])


def test_the_manifest_holds_the_hash_of_every_file(exported: Path) -> None:
    manifest = json.loads((exported / "MANIFEST.json").read_text())

    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in exported.iterdir()
        if path.name != "MANIFEST.json"
    }
    assert manifest["sha256"] == found
    assert set(found) == {
        "README.md",
        "curve.csv",
        "data.npz",
        "metrics.json",
        "model.keras",
        "params.json",
        "params.yaml",
        "requirements.txt",
        "study.py",
        "train.py",
    }
    assert manifest["classes"] == ["left", "middle", "right"]


def test_the_study_file_is_the_one_that_the_study_stored(exported: Path) -> None:
    assert (exported / "study.py").read_text() == TEXT


def test_the_readme_shows_the_verbs_that_the_task_allows(exported: Path) -> None:
    readme = (exported / "README.md").read_text()

    assert "hpsearch predict . FILE-OR-TEXT" in readme
    assert "hpsearch generate" not in readme
    assert "generate" in (used_study("letters") / "out" / "README.md").read_text()


def test_sparse_data_and_vocabulary_are_in_the_folder() -> None:
    folder = used_study("reviews") / "out"
    data = np.load(folder / "data.npz", allow_pickle=False)
    dataset = run_study_file(REVIEWS, "reviews.py").task.load(Path())
    known = dataset.train + dataset.valid

    for part, split in (("train", known), ("test", dataset.test)):
        fields = [data[f"x_{part}_{name}"] for name in ("data", "indices", "indptr")]
        x = csr_array(tuple(fields), shape=tuple(data[f"x_{part}_shape"]))
        assert (x != split.x).nnz == 0
        assert (data[f"y_{part}"] == split.y).all()
    assert tuple(json.loads((folder / "vocabulary.json").read_text())) == dataset.vocabulary
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    assert {"vocabulary.json", "study.py", "data.npz"} <= manifest["sha256"].keys()
    assert "vocabulary.json" in (folder / "README.md").read_text()


def test_params_figures_and_curve_are_those_of_the_winner(exported: Path) -> None:
    storage = Storage(f"sqlite:///{exported.parent}/runs/studies.db", read_only=True)
    (opening,) = read_openings(load_study(storage, "clouds")[0])
    params = opening.winner.params

    assert json.loads((exported / "params.json").read_text()) == params
    assert yaml.safe_load((exported / "params.yaml").read_text()) == params
    assert recorded(exported) == opening.test_values(opening.winner)[0]
    with (exported / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(1, int(str(params["epochs"])) + 1))


def test_the_data_are_all_examples_and_need_no_pickle(exported: Path) -> None:
    data = np.load(exported / "data.npz", allow_pickle=False)

    assert data["x_train"].shape == (300, 2)
    assert data["x_test"].shape == (100, 2)


@pytest.mark.parametrize("name", ["clouds", "reviews", "letters"])
def test_train_py_comes_to_the_recorded_figure_without_hpsearch(exported: Path, name: str) -> None:
    folder = exported if name == "clouds" else used_study(name) / "out"

    done = python(WITHOUT_HPSEARCH + "runpy.run_path('train.py', run_name='__main__')", folder)

    assert done.returncode == 0, done.stderr
    assert f"test accuracy: {recorded(folder)!r}" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("found", "recorded", "is_off"),
    [(0.904, 0.9, 0), (0.906, 0.9, 1), (10.04, 10.0, 0), (10.06, 10.0, 1), (math.nan, 0.9, 1)],
)
def test_train_py_complains_of_more_than_a_share_of_half_a_percent(
    exported: Path, found: float, recorded: float, is_off: int
) -> None:
    code = f"""
script = runpy.run_path("train.py")
class Model:
    def evaluate(self, *args, **options):
        return {{"accuracy": float("{found}")}}
script["main"].__globals__.update(train=lambda x, y: Model(), RECORDED={recorded})
sys.exit(script["main"]())
"""

    assert python(WITHOUT_HPSEARCH + code, exported).returncode == is_off


def test_requirements_pin_what_train_py_imports(exported: Path) -> None:
    pinned = (exported / "requirements.txt").read_text().split()
    own = set(sys.stdlib_module_names)

    wanted = imports_of((exported / "train.py").read_text()) - own

    assert wanted == {"keras", "numpy", "tensorflow"}
    assert wanted <= {line.partition("==")[0] for line in pinned if "==" in line}


def test_the_model_loads_safely_and_train_py_notices_another_figure(exported: Path) -> None:
    code = """
script = runpy.run_path("train.py")
import keras, numpy as np
data = np.load("data.npz")
model = keras.saving.load_model("model.keras", safe_mode=True)
logs = model.evaluate(
    data["x_test"], data["y_test"], batch_size=1000, return_dict=True, verbose=0
)
print("loaded", repr(float(logs["accuracy"])))
script["main"].__globals__["RECORDED"] += 0.1
sys.exit(script["main"]())
"""

    done = python(WITHOUT_HPSEARCH + code, exported)

    assert f"loaded {recorded(exported)!r}" in done.stdout.splitlines()
    assert done.returncode == 1
    assert "Error: that is off by 0.1000" in done.stderr


def test_a_folder_that_exists_is_refused(cli: Cli, cwd: Path) -> None:
    copy_study(cwd)
    (cwd / "out").mkdir()

    refused = cli("export", "clouds", "-o", "out")

    assert refused.returncode == 2
    assert "out exists" in refused.stderr


def test_a_study_that_was_not_evaluated_is_told_how(cli: Cli, cwd: Path) -> None:
    copy_study(cwd, stage="searched")

    refused = cli("export", "clouds", "-o", "out")

    assert refused.returncode == 3
    assert "first run hpsearch evaluate clouds" in refused.stderr
    assert not (cwd / "out").exists()


def test_a_place_that_cannot_be_written_is_an_error_of_the_disk(cli: Cli, cwd: Path) -> None:
    copy_study(cwd)

    refused = cli("export", "clouds", "-o", "no-such-folder/out")

    assert refused.returncode == 5
    assert "cannot write no-such-folder/out" in refused.stderr


def test_a_full_disk_leaves_nothing(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_study(cwd)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(verb, "_write_manifest", full)
    with pytest.raises(DataError, match="No space left"):
        verb.export(STORAGE, "clouds", Path("out"), data=None)

    assert [path.name for path in cwd.iterdir()] == ["runs"]


def test_an_export_that_is_killed_leaves_no_folder_of_that_name(cwd: Path) -> None:
    copy_study(cwd)
    code = (
        "import os; from pathlib import Path; from hpsearch.verbs import export as verb; "
        f"verb._write_manifest = lambda *_: os.kill(os.getpid(), {int(signal.SIGKILL)}); "
        f"verb.export({STORAGE!r}, 'clouds', Path('out'), data=None)"
    )

    killed = subprocess.run([sys.executable, "-c", code], check=False, env=dict(os.environ))

    assert killed.returncode == -signal.SIGKILL
    (left,) = [path.name for path in cwd.iterdir() if path.name != "runs"]
    assert left.startswith("out.tmp-")


def test_a_kept_model_that_was_changed_is_not_exported(cli: Cli, cwd: Path) -> None:
    copy_study(cwd)
    (model,) = cwd.glob("runs/models/*/*/model.keras")
    model.write_bytes(model.read_bytes()[:-1])

    refused = cli("export", "clouds", "-o", "out")

    assert refused.returncode == 5
    assert "--again makes it anew" in refused.stderr


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_names_of_the_study_file_and_of_the_script_do_not_collide(backend: str) -> None:
    text = write_script(script(TEXT, backend))

    assert "SEED = 0.25" in text
    assert "SEED_ = 5" in text
    assert "set_random_seed(SEED_)" in text


@pytest.mark.parametrize("name", ["model", "x", "batches"])
def test_a_build_may_be_called_like_a_variable_of_the_script(name: str) -> None:
    text = TEXT.replace("def build(", f"def {name}(").replace("build=build", f"build={name}")

    written = write_script(script(text, "tensorflow"))

    assert f"\n_{name} = {name}\n" in written
    assert f"model = _{name}(" in written


def test_a_name_of_a_study_is_no_code() -> None:
    text = write_script(replace(script(TEXT, "tensorflow"), study='x"""\nimport os\n"""\\u'))

    assert "winner of the study x'''" in ast.get_docstring(ast.parse(text))


def test_a_build_that_needs_hpsearch_cannot_be_exported() -> None:
    text = TEXT.replace("import keras\n", "import keras, hpsearch\n")

    with pytest.raises(StudyFileError, match="build\\(\\) uses hpsearch"):
        write_script(script(text, "tensorflow"))


def script(text: str, backend: str) -> Script:
    return Script(
        study="clouds",
        study_file=run_study_file(text, "clouds.py"),
        params={"epochs": 1, "batch_size": 16, "units": 4},
        seed=5,
        backend=backend,
        test_metric="accuracy",
        recorded=0.5,
    )
