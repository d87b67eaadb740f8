"""MLflow: a run for each trial, in an experiment of the study's name."""

from __future__ import annotations

import logging
import os
import time

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from hpsearch.goal import Logs
from hpsearch.study.trials import Outcome
from hpsearch.study_file import StudyFile
from hpsearch.task import Params
from hpsearch.tracking.tracker import FAILURES

STUDY, TRIAL = "hpsearch.study", "hpsearch.trial"
CURVE, STATE = "hpsearch.curve", "hpsearch.state"
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


class MLflow:
    """Writes to a tracking server, or to a database.

    Args:
        uri: What `MLFLOW_TRACKING_URI` takes: `http://HOST:PORT`, `sqlite:///FILE`.
        study: The study's name.
        study_file: An artifact of each run.

    Raises:
        OSError: No server answers.
        MlflowException: MLflow refuses the URI.
    """

    def __init__(self, uri: str, study: str, study_file: StudyFile) -> None:
        for name, value in PATIENCE.items():  # by default it tries for minutes
            os.environ.setdefault(name, value)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        self._client = MlflowClient(tracking_uri=uri)
        self._study, self._study_file = study, study_file
        try:
            found = self._client.get_experiment_by_name(study)
        except MlflowException as error:
            if "Max retries exceeded" in str(error):
                raise OSError("no server answers there") from error
            raise
        self._experiment = (
            self._client.create_experiment(study) if found is None else found.experiment_id
        )
        self._runs: dict[int, str] = {}  # MLflow's name of each trial's run

    def begin(self, number: int, params: Params, curve: str) -> int:
        found = self._find(number, curve)
        if found is not None:
            self._runs[number] = found.info.run_id
            self._client.update_run(found.info.run_id, status="RUNNING")
            return self._last_step(found)
        tags = {STUDY: self._study, TRIAL: str(number), CURVE: curve, STATE: Outcome.RUNNING.value}
        run = self._client.create_run(self._experiment, tags=tags, run_name=f"trial {number}")
        self._runs[number] = run.info.run_id
        self._client.log_batch(
            run.info.run_id, params=[Param(name, str(value)) for name, value in params.items()]
        )
        self._client.log_text(run.info.run_id, self._study_file.text, "study.py")
        return 0

    def log(self, number: int, epoch: int, logs: Logs) -> None:
        now_ms = time.time_ns() // 1_000_000
        # one call: an epoch is logged whole or not at all
        self._client.log_batch(
            self._runs[number], [Metric(name, value, now_ms, epoch) for name, value in logs.items()]
        )

    def end(self, number: int, outcome: Outcome | None) -> None:
        run = self._runs.pop(number)
        state = Outcome.WAITING if outcome is None else outcome
        self._client.log_batch(run, tags=[RunTag(STATE, state.value)])
        if outcome is None:
            self._client.update_run(run, status="SCHEDULED")
        else:
            self._client.set_terminated(run, "FAILED" if outcome in FAILURES else "FINISHED")

    def close(self) -> None:
        """Each call was complete."""

    def _find(self, number: int, curve: str) -> Run | None:
        same = f"tags.`{TRIAL}` = '{number}' and tags.`{CURVE}` = '{curve}'"
        return next(iter(self._client.search_runs([self._experiment], same, max_results=1)), None)

    def _last_step(self, run: Run) -> int:
        histories = (
            self._client.get_metric_history(run.info.run_id, name) for name in run.data.metrics
        )
        return max((one.step for history in histories for one in history), default=0)
