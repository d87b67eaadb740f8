"""What a task adds to Keras's logs, and what it may not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hpsearch.errors import StudyFileError
from hpsearch.training.logs import complete
from tests.training.letters import letters

LOGS = {"loss": np.float32(0.5), "accuracy": 1.0}


def with_more(also_log):
    return complete(replace(letters().task, also_log=also_log), LOGS)


def test_logs_are_plain_numbers_and_what_the_task_makes_of_them():
    found = complete(letters().task, LOGS)

    assert found == {"loss": 0.5, "accuracy": 1.0, "bits_per_char": 0.5 / math.log(2)}
    assert {type(value) for value in found.values()} == {float}
    assert with_more(None) == {"loss": 0.5, "accuracy": 1.0}
    assert with_more(lambda logs: {"twice": np.float32(2 * logs["loss"])})["twice"] == 1.0


@pytest.mark.parametrize(
    ("also_log", "message"),
    [
        (
            lambda logs: {"x": logs["val_loss"]},
            r"test_logs.py:\d+: also_log, given Keras's logs \['accuracy', 'loss'\], "
            r"raised KeyError: 'val_loss'",
        ),
        (lambda logs: {"x": "high"}, "returned 'high' for 'x'"),
        (lambda logs: {1: 2.0}, "returned 2.0 for 1"),
        (lambda logs: None, "returned None, not a dict"),
        (lambda logs: {**logs, "x": 1.0}, "returned 'loss', which Keras logs already"),
    ],
)
def test_what_is_no_log_is_an_error_in_one_line(also_log, message):
    with pytest.raises(StudyFileError, match=message) as error:
        with_more(also_log)

    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("also_log", "message"),
    [
        (lambda logs: {"half": logs["val_loss"] / 2}, r"\['loss'\], raised KeyError: 'val_loss'"),
        (
            lambda logs: {"val_half": 1.0} if "val_loss" in logs else {},
            "returned 'val_half', but no 'half' where it got logs without validation",
        ),
    ],
)
def test_what_will_not_work_on_test_is_told_after_the_first_epoch(also_log, message):
    task = replace(letters().task, also_log=also_log, metric="val_half")

    with pytest.raises(StudyFileError, match=message):
        complete(task, {"loss": 1.0, "val_loss": 2.0})


def test_a_function_that_changes_what_it_is_given_changes_nothing():
    def spoil(logs):
        logs.clear()
        return {}

    assert with_more(spoil) == {"loss": 0.5, "accuracy": 1.0}
