"""What a lab published: wrong declarations are refused in one line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from hpsearch.errors import StudyFileError
from hpsearch.messages import TRAIN, TRAIN_AND_VALID
from hpsearch.published import Finding, Published, Splits
from hpsearch.study_file import run_study_file
from tests.study_texts import study_text


def test_a_network_was_published_trained_on_the_splits_that_ours_are_trained_on():
    assert get_args(Splits) == (TRAIN, TRAIN_AND_VALID)


def test_published_logs_are_found_by_epoch():
    curve = {"val_accuracy": [0.7, 0.8, 0.9]}

    assert published(curve=curve).logs[2] == {"val_accuracy": 0.8}
    assert list(published(curve=curve, epochs=[1, 5, 10]).logs) == [1, 5, 10]
    assert published().logs == {}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"test_accuracy": 87}, "a share between 0 and 1, not 87"),
        ({"trained_on": "all"}, r"trained_on= takes 'train' or 'train\+valid', not 'all'"),
        ({"curve": {"loss": [1.0], "val_loss": [1.0, 2.0]}}, "different numbers of epochs"),
        ({"curve": {"loss": [1.0]}, "epochs": [1, 2]}, "different numbers of epochs"),
    ],
)
def test_wrong_results_are_refused(fields: dict[str, Any], words: str):
    with pytest.raises(StudyFileError, match=words):
        published(**fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"claim": "good", "factor": "units"}, "claim= takes one of 'better', .*, not 'good'"),
        ({"claim": "better"}, "the finding 'so' needs factor="),
        ({"claim": "overfits", "factor": "units"}, "needs factor=, unless it claims 'overfits'"),
        ({"claim": "best", "factor": "units"}, "the finding 'so' needs one level"),
    ],
)
def test_wrong_findings_are_refused(fields: dict[str, Any], words: str):
    with pytest.raises(StudyFileError, match=words):
        Finding(words="so", **fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"factor": "unit"}, "the task has no factor 'unit', only units, the path"),
        ({"factor": "units", "levels": [3]}, "the factor 'units' has no level 3"),
        ({"factor": "units", "than": 3}, "the factor 'units' has no level 3"),
    ],
)
def test_a_finding_names_a_factor_and_levels_of_the_task(fields: dict[str, Any], words: str):
    task = run_study_file(
        study_text(
            "trial.suggest_int('units', 1, 9)",
            factors="units=[2, 4]",
            paths="{'the path': [dict(units=3), dict(epochs=2)]}",
        ),
        "task.py",
    ).task
    assert task.level("the path", {"epochs": 2}) == {"units": 3, "epochs": 2}

    with pytest.raises(StudyFileError, match=words):
        replace(task, published=published(findings=[Finding(words="", claim="better", **fields)]))


def published(**fields: Any) -> Published:
    return Published(**{"test_accuracy": 0.9, "source": "a lab", **fields})
