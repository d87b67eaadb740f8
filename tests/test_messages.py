"""Launcher and trial process understand each other, whatever the numbers are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.codec import decode, encode
from hpsearch.goal import Logs
from hpsearch.messages import TRAIN, EpochDone, Failed, Finished, Job, Message, Reply, Verdict

logs = st.dictionaries(st.text(), st.floats(allow_nan=False))


@given(
    st.builds(EpochDone, epoch=st.integers(1), logs=logs)
    | st.builds(Finished, test=logs)
    | st.builds(Failed, error=st.text(), traceback=st.text(), is_fatal=st.booleans())
)
def test_what_a_trial_process_says_arrives_as_it_was_said(message: Message):
    assert decode(encode(message).encode(), EpochDone, Finished, Failed) == message


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_logs_of_a_network_that_diverged_arrive(value: float):
    message = EpochDone(epoch=2, logs={"loss": value})

    found = decode(encode(message), EpochDone).logs["loss"]

    assert found == value or math.isnan(found) and math.isnan(value)


def test_a_job_arrives_with_params_of_each_kind():
    job = Job(
        study_file="TASK = ...\n",
        study_file_name="toy.py",
        params={"epochs": 3, "batch_size": 20, "rate": 0.1, "relu": True, "name": "é", "no": None},
        seed=2**40,
        data="arrays",
        curve="curve",
        export="out",
    )

    found = decode(encode(job), Job)

    assert found == job
    assert found.params["relu"] is True
    assert found.fit_on == TRAIN


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_arrives(verdict: Verdict):
    assert decode(encode(Reply(verdict=verdict)), Reply).verdict is verdict


def test_the_launcher_takes_no_job_from_a_trial_process():
    line = encode(Reply(verdict=Verdict.STOP))

    with pytest.raises(ValueError, match="no message of the kind EpochDone or Finished or Failed"):
        decode(line, EpochDone, Finished, Failed)


def test_logs_that_are_not_numbers_are_refused():
    logs: Logs = {"loss": "low"}  # type: ignore[dict-item]

    with pytest.raises(ValueError, match="Expected `float`, got `str`"):
        decode(encode(EpochDone(epoch=1, logs=logs)), EpochDone)
