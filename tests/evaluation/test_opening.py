"""Openings of the test split: read whole or not at all, and what their figures say."""

from __future__ import annotations

from dataclasses import replace

import optuna
import pytest

from hpsearch.errors import StorageError
from hpsearch.evaluation.candidates import Candidate
from hpsearch.evaluation.opening import ATTR, Opening, judge, read_openings, record_opening
from hpsearch.goal import Goal

ACCURACY = Goal("val_accuracy", "maximize")


def opening(metric: str = "val_accuracy") -> Opening:
    candidate = Candidate(
        name="trial 3",
        number=3,
        params={"epochs": 2, "batch_size": 16, "rate": 0.1},
        is_baseline=True,
        searched=0.75,
        valid=[0.5, 0.75],
        test=[{"accuracy": 0.5, "loss": 1.0}, {"accuracy": 0.25, "loss": 2.0}],
    )
    return Opening(
        opened="2026-11-25T01:38:28+00:00",
        n_top=1,
        seeds=[1, 2],
        metric=metric,
        direction="maximize",
        candidates=[candidate],
        n_valid=100,
        n_test=100,
        versions={"keras": "3.15.1"},
        model="toy/opening-1",
        model_sha256="0" * 64,
    )


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(study_name="toy")


def test_a_study_that_was_not_evaluated_has_no_openings(study):
    assert read_openings(study) == []


def test_openings_are_kept_in_their_order(study):
    record_opening(study, opening())
    record_opening(study, opening("val_recall"))

    assert read_openings(study) == [opening(), opening("val_recall")]


def test_an_opening_of_a_newer_hpsearch_is_refused(study):
    record_opening(study, opening())
    newer = {"schema": "hpsearch.opening/2", "winners": []}
    study.set_user_attr(ATTR, [*study.user_attrs[ATTR], newer])

    with pytest.raises(StorageError, match=r"evaluation of study 'toy' .* newer hpsearch"):
        read_openings(study)


def test_what_a_newer_hpsearch_added_stays_when_an_opening_is_recorded(study):
    record_opening(study, opening())
    [content] = study.user_attrs[ATTR]
    study.set_user_attr(ATTR, [{**content, "power_w": 40}])

    record_opening(study, opening())

    assert [content.get("power_w") for content in study.user_attrs[ATTR]] == [40, None]
    assert read_openings(study) == [opening(), opening()]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(5, id="no list"),
        pytest.param([None], id="no opening"),
        pytest.param([{"schema": "hpsearch.opening/1"}], id="nothing but its schema"),
    ],
)
def test_damaged_openings_are_refused(study, content):
    study.set_user_attr(ATTR, content)

    with pytest.raises(StorageError, match="the evaluation of study 'toy' is damaged"):
        read_openings(study)


@pytest.mark.parametrize(
    ("metric", "value", "is_share"),
    [
        pytest.param("val_accuracy", 0.9, True, id="an accuracy"),
        pytest.param("val_binary_accuracy", 0.9, True, id="another accuracy"),
        pytest.param("val_acc_percent", 90.0, False, id="in percent"),
        pytest.param("val_acceleration", 0.9, False, id="of something else"),
    ],
)
def test_only_a_share_of_examples_is_judged_by_their_number(metric, value, is_share):
    [candidate] = opening().candidates
    test = [{metric.removeprefix("val_"): value}]

    found = replace(opening(metric), candidates=[replace(candidate, valid=[value], test=test)])

    assert found.is_share == is_share


def test_overlapping_figures_cannot_be_told_apart():
    verdict = judge([0.90, 0.94, 0.92], [0.91, 0.89, 0.93], None, ACCURACY)

    assert not verdict.is_told_apart


@pytest.mark.parametrize(("direction", "is_better"), [("maximize", True), ("minimize", False)])
def test_figures_far_apart_are_told_apart_in_the_direction_of_the_task(direction, is_better):
    goal = Goal("val_accuracy", direction)

    verdict = judge([0.95, 0.96, 0.95], [0.80, 0.81, 0.79], None, goal)

    assert verdict.is_told_apart
    assert verdict.is_better == is_better


def test_figures_of_one_seed_of_no_share_are_never_told_apart():
    verdict = judge([0.9], [0.1], None, ACCURACY)

    assert verdict.interval is None
    assert not verdict.is_told_apart
