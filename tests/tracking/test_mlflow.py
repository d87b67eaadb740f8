"""MLflow in a database of its own: a run for each trial, each epoch once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.study.trials import Outcome
from hpsearch.study_file import read_study_file
from tests.toy import write_toy

mlflow = pytest.importorskip("mlflow", reason="the extra mlflow is not installed: it is large")

PARAMS = {"units": 8, "layer": None}


def test_a_trial_goes_on_in_its_run(cwd: Path):
    from hpsearch.tracking.mlflow import MLflow

    study_file = read_study_file(str(write_toy(cwd)))
    uri = f"sqlite:///{cwd}/ml.db"
    first = MLflow(uri, "it's a toy", study_file)
    assert first.begin(7, PARAMS, "curve") == 0
    first.log(7, 1, {"loss": 1.0, "val_loss": 2.0})
    first.end(7, None)
    second = MLflow(uri, "it's a toy", study_file)
    assert second.begin(7, PARAMS, "curve") == 1
    second.log(7, 2, {"loss": 0.5, "val_loss": 1.0})
    second.end(7, Outcome.PRUNED)
    assert second.begin(7, PARAMS, "another") == 0

    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("it's a toy").experiment_id
    (run,) = client.search_runs([experiment], "tags.`hpsearch.curve` = 'curve'")
    history = client.get_metric_history(run.info.run_id, "val_loss")
    assert [(one.step, one.value) for one in history] == [(1, 2.0), (2, 1.0)]
    assert (run.info.run_name, run.info.status) == ("trial 7", "FINISHED")
    assert run.data.params == {"units": "8", "layer": "None"}
    assert run.data.tags["hpsearch.state"] == "pruned"
    assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["study.py"]
