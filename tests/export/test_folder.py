"""The exported folder: written whole or not at all, and read only as it was written."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.sparse import csr_array

import hpsearch.training
from hpsearch.errors import DataCorrupt, DataError, UsageError
from hpsearch.export import folder as folders
from hpsearch.export.folder import is_export, open_folder, write_folder
from hpsearch.export.network_code import network_code
from hpsearch.export.winner import Winner, find_winner
from hpsearch.study.storage import Storage
from hpsearch.study_file import run_study_file
from hpsearch.task import epochs_of
from tests.evaluated import TEXT, copy_study
from tests.used import REVIEWS, copy_used, used_study

# the studies are made once a process
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluated")]

STORAGE = "sqlite:///runs/studies.db"
FILES = {
    "MANIFEST.json",
    "README.md",
    "curve.csv",
    "data.npz",
    "hyperparameters.py",
    "loop.py",
    "metrics.json",
    "model.keras",
    "network.py",
    "params.json",
    "params.yaml",
    "requirements.txt",
    "study.py",
    "train.py",
    "training.json",
}


@pytest.fixture
def winner(cwd: Path) -> Winner:
    """The winner of the evaluated study `clouds`, whose `runs/` is in the current folder."""
    copy_study(cwd)
    return find_winner(Storage(STORAGE, read_only=True), "clouds")


@pytest.fixture
def exported(winner: Winner) -> Path:
    """Its export."""
    write_folder(Path("out"), winner, winner.load_data(None))
    return Path("out")


@pytest.fixture
def reviews(cwd: Path) -> Path:
    """The export of a study with sparse examples and a vocabulary."""
    copy_used("reviews", cwd, "out")
    return cwd / "out"


def read_json(path: Path) -> dict:
    return json.loads(path.read_text())


def test_the_manifest_holds_the_hash_of_every_file(exported: Path):
    manifest = read_json(exported / "MANIFEST.json")

    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in exported.iterdir()
        if path.name != "MANIFEST.json"
    }
    assert manifest["sha256"] == found
    assert {*found, "MANIFEST.json"} == FILES
    assert manifest["classes"] == ["left", "middle", "right"]


def test_train_py_and_loop_py_are_our_modules_and_network_py_is_the_study_files_code(
    exported: Path,
):
    training = Path(hpsearch.training.__file__).parent

    assert (exported / "train.py").read_bytes() == Path(folders.__file__).with_name(
        "train.py"
    ).read_bytes()
    assert (exported / "loop.py").read_bytes() == (training / "loop.py").read_bytes()
    study_file = run_study_file(TEXT, "clouds.py")
    assert (exported / "network.py").read_text() == network_code(study_file)
    assert (exported / "study.py").read_text() == TEXT


def test_params_figures_and_curve_are_those_of_the_winner(exported: Path, winner: Winner):
    opening = winner.opening
    params = opening.winner.params

    assert read_json(exported / "params.json") == params
    assert yaml.safe_load((exported / "params.yaml").read_text()) == params
    metrics = read_json(exported / "metrics.json")
    assert metrics["test"]["winner"]["values"] == opening.test_values(opening.winner)
    training = read_json(exported / "training.json")
    assert training["recorded"] == opening.test_values(opening.winner)[0]
    assert training["seed"] == opening.seeds[0]
    with (exported / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(1, epochs_of(params) + 1))


def test_the_data_are_all_examples_and_need_no_pickle(exported: Path):
    data = np.load(exported / "data.npz", allow_pickle=False)

    assert data["x_train"].shape == (300, 2)
    assert data["x_test"].shape == (100, 2)


def test_sparse_data_and_vocabulary_are_in_the_folder(reviews: Path):
    data = np.load(reviews / "data.npz", allow_pickle=False)
    dataset = run_study_file(REVIEWS, "reviews.py").task.load(Path())
    known = dataset.train + dataset.valid

    for part, split in (("train", known), ("test", dataset.test)):
        fields = [data[f"x_{part}_{name}"] for name in ("data", "indices", "indptr")]
        x = csr_array(tuple(fields), shape=tuple(data[f"x_{part}_shape"]))
        assert (x != split.x).nnz == 0
        assert (data[f"y_{part}"] == split.y).all()
    assert tuple(read_json(reviews / "vocabulary.json")) == dataset.vocabulary
    assert "scipy==" in (reviews / "requirements.txt").read_text()


def test_what_was_written_is_read(reviews: Path):
    dataset = run_study_file(REVIEWS, "reviews.py").task.load(Path())
    known = dataset.train + dataset.valid

    folder = open_folder(reviews)

    assert folder.study == "reviews"
    assert folder.classes == ["negative", "positive"]
    assert folder.model() == reviews / "model.keras"
    assert folder.study_file().text == REVIEWS
    assert folder.vocabulary() == dataset.vocabulary
    assert (folder.split("train").x != known.x).nnz == 0
    assert (folder.split("train").y == known.y).all()


def test_a_folder_without_words_has_no_vocabulary(exported: Path):
    assert open_folder(exported).vocabulary() == ()


@pytest.mark.parametrize("read", ["model", "study_file", "vocabulary", "split"])
def test_a_file_that_changed_is_not_read(reviews: Path, read: str):
    for path in reviews.iterdir():
        if path.name != "MANIFEST.json":
            path.write_bytes(path.read_bytes() + b" ")

    folder = open_folder(reviews)

    with pytest.raises(DataCorrupt, match="has changed since the export"):
        getattr(folder, read)(*(["test"] if read == "split" else []))


def test_a_file_that_is_missing_is_named(reviews: Path):
    (reviews / "data.npz").unlink()

    with pytest.raises(DataError, match="data.npz is missing: copy the whole folder"):
        open_folder(reviews).split("train")


@pytest.mark.parametrize(
    ("manifest", "kind", "message"),
    [
        pytest.param('{"schema": "hp', DataCorrupt, "cannot be read: export", id="torn"),
        pytest.param("[" * 100_000, DataCorrupt, "cannot be read: export", id="deep"),
        pytest.param("[1]", UsageError, "is of another kind", id="a list"),
        pytest.param('{"schema": "other/1"}', UsageError, "is of another kind", id="another"),
        pytest.param(
            '{"schema": "hpsearch.manifest/2"}',
            UsageError,
            r"exported by a newer hpsearch \(hpsearch.manifest/2\): upgrade hpsearch",
            id="newer",
        ),
        pytest.param(
            '{"schema": "hpsearch.manifest/1", "study": "x", "sha256": {}}',
            UsageError,
            "exported by an older hpsearch: export the study again",
            id="older",
        ),
        pytest.param(
            '{"schema": "hpsearch.manifest/1", "study": "x", "classes": [], "sha256": []}',
            DataCorrupt,
            "is damaged",
            id="no hashes",
        ),
        pytest.param(
            '{"schema": "hpsearch.manifest/1", "study": "x", "classes": [], "sha256": {}}',
            DataCorrupt,
            "does not list vocabulary.json, which is there",
            id="a vocabulary from elsewhere",
        ),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(
    cwd: Path, manifest: str, kind: type[Exception], message: str
):
    (cwd / "vocabulary.json").write_text("[]")
    (cwd / "MANIFEST.json").write_text(manifest)

    with pytest.raises(kind, match=message):
        open_folder(cwd)


def test_a_folder_is_an_export_when_it_has_a_manifest(cwd: Path):
    assert not is_export(cwd)
    (cwd / "MANIFEST.json").touch()
    assert is_export(cwd)
    assert not is_export(Path("w" * 300))


def test_a_place_that_cannot_be_written_is_an_error_of_the_disk(winner: Winner):
    with pytest.raises(DataError, match="cannot write no-such-folder/out: No such file"):
        write_folder(Path("no-such-folder/out"), winner, winner.load_data(None))


@pytest.mark.fault("F11")
@pytest.mark.fault("F26")
def test_a_full_disk_leaves_nothing(winner: Winner, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folders, "_write_manifest", full)
    with pytest.raises(DataError, match="No space left"):
        write_folder(Path("out"), winner, winner.load_data(None))

    assert [path.name for path in Path().iterdir()] == ["runs"]


def test_an_export_that_is_killed_leaves_no_folder_of_that_name(winner: Winner):
    code = (
        "import os; from pathlib import Path; from hpsearch.export import folder; "
        "from hpsearch.verbs.export import export; "
        f"folder._write_manifest = lambda *_: os.kill(os.getpid(), {int(signal.SIGKILL)}); "
        f"export({STORAGE!r}, 'clouds', Path('out'), data=None)"
    )

    killed = subprocess.run([sys.executable, "-c", code], check=False, env=dict(os.environ))

    assert killed.returncode == -signal.SIGKILL
    (left,) = [path.name for path in Path().iterdir() if path.name != "runs"]
    assert left.startswith("out.tmp-")


def test_what_a_task_asks_for_is_told_to_train_py():
    training = read_json(used_study("tones") / "out" / "training.json")

    asked = ("build", "callbacks", "also_log", "jit_compile", "test_metric", "n_threads")
    assert [training[name] for name in asked] == [
        *("build", "callbacks", "in_bits"),
        *(True, "bits", 1),
    ]
    assert training["class_weight"] == {"0": 1.0, "1": 2.0}
