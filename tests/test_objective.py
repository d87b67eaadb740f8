"""The Python API: a task for people who call Optuna themselves, and a search as a call."""

from __future__ import annotations

import subprocess
import sys

import optuna
import pytest
from optuna.trial import TrialState

import hpsearch
from hpsearch.errors import MetricNotFound, UsageError
from tests.toy import write_toy
from tests.training.letters import letters
from tests.waiting import HANG_S

pytestmark = pytest.mark.slow


def optimize(toy, n_trials: int = 1, direction: str = "maximize", **options) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction=direction, sampler=optuna.samplers.RandomSampler(seed=0), **options
    )
    study.optimize(hpsearch.objective(toy), n_trials=n_trials)
    return study


def test_an_objective_trains_reports_each_epoch_and_returns_the_last_value(cwd):
    study = optimize(write_toy(cwd), 2)

    for trial in study.trials:
        assert sorted(trial.intermediate_values) == list(range(1, trial.params["epochs"] + 1))
        assert trial.value == trial.intermediate_values[trial.params["epochs"]]


def test_an_objective_returns_a_metric_that_the_task_adds_to_keras_logs(cwd):
    (cwd / "letters.py").write_text(letters().text)

    (trial,) = optimize("letters.py", direction="minimize").trials

    assert 0 < trial.value < 10  # bits, of five letters about log2(5)


def test_an_objective_stops_after_the_epoch_its_pruner_gives_up_on(cwd):
    toy = write_toy(cwd, max_epochs=6)
    hopeless = optuna.pruners.ThresholdPruner(lower=2.0)  # more than the metric can be

    study = optimize(toy, 3, pruner=hopeless)

    assert all(
        trial.state is TrialState.PRUNED or trial.params["epochs"] == 1 for trial in study.trials
    )
    assert all(len(trial.intermediate_values) == 1 for trial in study.trials)


def test_an_objective_gives_up_a_diverged_trial(cwd):
    study = optimize(write_toy(cwd, in_build="params['level'] = float('inf')"))

    assert study.trials[0].state is TrialState.PRUNED


def test_a_metric_that_keras_does_not_log_is_an_error_not_a_search_without_pruning(cwd):
    with pytest.raises(MetricNotFound, match=r"Keras logged \[.*'val_score'\], not 'val_acc'"):
        optimize(write_toy(cwd, metric="val_acc"))


def test_a_script_without_a_main_guard_may_search(cwd):
    """Trial processes do not import the script again, which would search in each."""
    write_toy(cwd)
    (cwd / "script.py").write_text(
        "import hpsearch\n"
        "print('once')\n"
        "study = hpsearch.search('toy.py', trials=2, storage='sqlite:///s.db')\n"
        "print(study.best_value > 0)\n"
    )

    done = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, timeout=HANG_S, check=True
    )

    assert done.stdout == "once\nTrue\n"


def test_a_study_of_the_other_direction_is_refused_before_anything_trains(cwd):
    objective = hpsearch.objective(write_toy(cwd, in_build="raise SystemExit"))

    with pytest.raises(UsageError, match="does not maximize val_score: create it with direction="):
        optuna.create_study(direction="minimize").optimize(objective, n_trials=1)
