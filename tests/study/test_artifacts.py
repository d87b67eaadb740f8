"""What networks wrote: shown with a trial, kept as its file, served to the dashboard."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore, download_artifact, get_all_artifact_meta

from hpsearch.curves.curve import Curve, Written
from hpsearch.study.artifacts import attach_texts, describe_texts
from tests.conftest import Cli
from tests.used import copy_used

# the studies are made once a process
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluated")]

WRITTEN = [
    None,
    Written(window="the ra", temperatures=[0.0, 0.7], texts=["bbit", "in\nroof"]),
]


def test_texts_are_told_by_epoch_and_temperature():
    assert describe_texts(WRITTEN) == [
        "written after epoch 2, from 'the ra'",
        "  at temperature 0: bbit",
        "  at temperature 0.7: in roof",
    ]


@pytest.fixture
def curve(tmp_path: Path) -> Curve:
    curve = Curve(tmp_path / "curve")
    for epoch, written in enumerate(WRITTEN, 1):
        curve.append(epoch, {"loss": 1.0}, {"model/0000": np.zeros(1)}, {}, written)
    return curve


def test_a_trial_gets_its_texts_as_a_file_before_it_is_told(curve, tmp_path):
    study = optuna.create_study()
    trial = study.ask()

    attach_texts(trial, curve, 2, tmp_path)
    study.tell(trial, 1.0)

    (meta,) = get_all_artifact_meta(study.trials[0], storage=study._storage)
    assert (meta.filename, meta.mimetype) == ("written.txt", "text/plain")
    store = FileSystemArtifactStore(tmp_path / "artifacts")
    download_artifact(
        artifact_store=store, file_path=str(tmp_path / "copy"), artifact_id=meta.artifact_id
    )
    assert (tmp_path / "copy").read_text().splitlines() == describe_texts(WRITTEN)


def test_a_trial_whose_network_wrote_nothing_gets_no_file(curve, tmp_path):
    trial = optuna.create_study().ask()

    attach_texts(trial, curve, 1, tmp_path)

    assert not (tmp_path / "artifacts").exists()


def test_show_prints_the_texts_of_a_trial_and_has_them_in_json(inside: Cli, cwd: Path):
    copy_used("letters", cwd, "runs")

    shown = inside("show", "letters", "--trial", "0").stdout
    content = json.loads(inside("show", "letters", "--trial", "0", "--json").stdout)

    assert len(content["texts"]) == len(content["curve"]) > 0
    for epoch, written in enumerate(content["texts"], 1):
        assert f"written after epoch {epoch}, from {written['window']!r}" in shown
        assert written["temperatures"] == [0.0, 0.7]
        for text in written["texts"]:
            assert len(text) == 8
            assert set(text) <= set(" abc")
            assert f": {text}" in shown
    assert len(list((cwd / "runs" / "artifacts").iterdir())) >= 1
