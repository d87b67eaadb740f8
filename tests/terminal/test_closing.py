"""What a search leaves on the screen: the best networks, why it stopped, what to do next."""

from __future__ import annotations

from dataclasses import replace

import optuna
import pytest
from optuna.study import Study
from optuna.trial import create_trial

from hpsearch.processes.stop import Stop
from hpsearch.study.record import ATTR, SCHEMA
from hpsearch.terminal.closing import N_NETWORKS, print_closing
from tests.summaries import record


@pytest.fixture
def study() -> Study:
    """A study of one trial more than are shown, the last of them the best."""
    study = optuna.create_study(study_name="toy", direction="maximize")
    study.set_user_attr(ATTR, SCHEMA.encode(record()))
    for i in range(N_NETWORKS + 1):
        study.add_trial(create_trial(value=0.5 + i / 100, user_attrs={"curve": str(i)}))
    return study


def test_the_best_networks_are_shown_on_standard_error(study, capsys):
    print_closing(study, Stop.BUDGET)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "0.5500" in captured.err
    assert "0.5100" in captured.err
    assert "0.5000" not in captured.err


def test_a_study_without_test_is_not_sent_to_evaluate(study, capsys):
    splits = {"train": 8, "valid": 2}
    study.set_user_attr(ATTR, SCHEMA.encode(replace(record(), splits=splits)))

    print_closing(study, Stop.BUDGET)

    assert "next: hpsearch plot toy curves" in capsys.readouterr().err


@pytest.mark.parametrize("stop", Stop)
def test_why_a_search_stopped_is_told(study, capsys, stop):
    print_closing(study, stop)

    assert stop.value in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stop", "command"),
    [
        (Stop.INTERRUPTED, "hpsearch resume toy"),
        (Stop.TERMINATED, "hpsearch resume toy"),
        (Stop.TIMEOUT, "hpsearch resume toy"),
        (Stop.BUDGET, "hpsearch evaluate toy"),
        (Stop.EXHAUSTED, "hpsearch evaluate toy"),
    ],
)
def test_a_search_that_was_stopped_goes_on_and_one_that_is_done_is_evaluated(
    study, capsys, stop, command
):
    print_closing(study, stop)

    assert command in capsys.readouterr().err


def test_a_search_without_a_finished_trial_is_summed_up_too(capsys):
    empty = optuna.create_study(study_name="toy", direction="maximize")
    empty.set_user_attr(ATTR, SCHEMA.encode(record()))

    summary = print_closing(empty, Stop.INTERRUPTED)

    assert summary.best is None
    assert "hpsearch resume toy" in capsys.readouterr().err
