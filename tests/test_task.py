"""A task refuses fields that make no sense, and completes the params of a trial."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hpsearch.data import File, Source
from hpsearch.errors import StudyFileError
from hpsearch.files import as_json
from hpsearch.goal import Goal
from hpsearch.published import Published
from hpsearch.task import (
    Budget,
    Question,
    Task,
    Writing,
    describe_params,
    epochs_of,
    without_epochs,
)


def anything(*_: object) -> Any: ...


def task(**fields: Any) -> Task:
    needed = {"load": anything, "space": anything, "build": anything}
    return Task(**{**needed, "baseline": {"epochs": 3, "batch_size": 20}, **fields})


def test_the_trainer_takes_from_the_baseline_what_the_space_leaves_alone():
    fixed = task(baseline={"epochs": 3, "batch_size": 20, "units": 4})

    assert fixed.complete({"units": 8}) == {"epochs": 3, "batch_size": 20, "units": 8}
    assert fixed.complete({"epochs": 9}) == {"epochs": 9, "batch_size": 20}


def test_a_task_needs_little():
    least = task()

    assert least.goal == Goal("val_accuracy", "maximize")
    assert least.budget == Budget(n_trials=40)
    assert not least.factors


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"load": None}, "load= takes a function, not None"),
        ({"build": "build"}, "build= takes a function, not 'build'"),
        ({"encode": 5}, "encode= takes a function, not 5"),
        ({"source": "digits"}, r"source= takes a Source\(...\), not 'digits'"),
        ({"published": 0.5}, r"published= takes a Published\(...\), not 0.5"),
        ({"writing": True}, r"writing= takes a Writing\(...\), not True"),
        ({"budget": 40}, r"budget= takes a Budget\(...\), not 40"),
        ({"classes": "ab"}, "classes= takes a list of names, not 'ab'"),
        ({"metric": "accuracy"}, "with 'val_accuracy'"),
        ({"factors": {"units": []}}, r"the factor 'units' needs a list of values, not \[\]"),
        ({"factors": {"mode": "ab"}}, "the factor 'mode' needs a list of values, not 'ab'"),
        ({"factors": {"mode": [["a"]]}}, "the factor 'mode' takes values, or dicts of values"),
        ({"factors": {"mode": [{}]}}, "the factor 'mode' takes values, or dicts of values"),
        ({"paths": {"up": {"units": 4}}}, "the factor 'up' needs a list of values"),
        ({"factors": {"a": [1]}, "paths": {"a": [1]}}, "'a' is both a factor and a path"),
        ({"evaluated_epochs": 0}, "evaluated_epochs must be a whole number of 1 or more, not 0"),
        ({"baseline": {"epochs": 3}}, "needs 'batch_size', a whole number of 1 or more, not None"),
        ({"baseline": {"epochs": True, "batch_size": 20}}, "needs 'epochs', .* not True"),
        ({"baseline": {"epochs": 0, "batch_size": 20}}, "needs 'epochs', .* not 0"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_takes(fields: dict[str, Any], message: str):
    with pytest.raises(StudyFileError, match=message):
        task(**fields)


def test_what_a_task_may_have():
    task(
        encode=anything,
        also_log=anything,
        source=Source("digits", files=(File("digits.csv", sha256=None),)),
        published=Published(test_accuracy=0.87, source="a book"),
        writing=Writing(n_chars=5, temperatures=(0.5,)),
        classes=["zero", "one"],
        factors={"units": [4, 8]},
    )


def test_the_levels_of_a_factor_are_sets_of_values_and_those_of_a_path_add_up():
    factors = task(
        factors={"units": [4, 8], "layer": [{"layers": 1}, {"layers": 2, "units_2": None}]},
        paths={"up": [{"layers": 3}, {"loss": "mse"}]},
    ).all_factors()

    assert [(f.name, *map(f.describe, f.levels)) for f in factors] == [
        ("units", "4", "8"),
        ("layer", "layers=1", "layers=2 units_2=None"),
        ("up", "layers=3", "layers=3 loss=mse"),
    ]
    assert factors[0].levels == ({"units": 4}, {"units": 8})


@pytest.mark.parametrize("n_trials", [0, -1, 1.5, True, None])
def test_a_budget_is_a_number_of_trials(n_trials: Any):
    with pytest.raises(StudyFileError, match="n_trials must be a whole number"):
        Budget(n_trials=n_trials)


@pytest.mark.parametrize("timeout_s", [0, -5.0, math.nan])
def test_a_time_limit_is_more_than_nothing(timeout_s: float):
    with pytest.raises(StudyFileError, match="timeout_s must be more than 0"):
        Budget(n_trials=1, timeout_s=timeout_s)


@pytest.mark.parametrize("test_accuracy", [-0.1, 87.0, math.nan])
def test_a_published_accuracy_is_a_share(test_accuracy: float):
    with pytest.raises(StudyFileError, match="a share between 0 and 1"):
        Published(test_accuracy=test_accuracy, source="a book")


@pytest.mark.parametrize(
    "fields", [{"n_chars": 0}, {"temperatures": ()}, {"temperatures": (-1.0,)}]
)
def test_writing_is_refused_where_nothing_could_be_written(fields: dict[str, Any]):
    with pytest.raises(StudyFileError, match="must be"):
        Writing(**fields)


def test_params_are_told_in_a_line():
    params = {"epochs": 3, "rate": 0.000123456, "relu": True, "units_2": None}

    assert describe_params(params) == "epochs=3 rate=0.0001235 relu=True"


def test_epochs_say_how_far_and_the_rest_which_network():
    params = {"epochs": 3, "batch_size": 20, "units": 4}

    assert epochs_of(params) == 3
    assert without_epochs(params) == {"batch_size": 20, "units": 4}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"evidence": "magic"}, "names evidence 'magic', which is none of 'levels', 'time'"),
        ({"evidence": "levels"}, "factor= goes with evidence 'levels', .*, and only there"),
        ({"evidence": "search", "factor": "units"}, "factor= goes with evidence"),
        ({"factor": "units"}, "factor= goes with evidence"),
    ],
)
def test_a_question_names_evidence_that_there_is(fields: dict[str, str], words: str):
    with pytest.raises(StudyFileError, match=f"the question 'Why\\?'.*{words}"):
        Question(words="Why?", **fields)


@pytest.mark.parametrize(
    ("questions", "words"),
    [
        (["Why?"], r"questions= takes a list of Question\(...\), not \['Why\?'\]"),
        (
            [Question(words="Why?", evidence="time", factor="unit")],
            "the task has no factor 'unit', only units",
        ),
    ],
)
def test_a_question_is_about_a_factor_of_the_task(questions: list[object], words: str):
    with pytest.raises(StudyFileError, match=words):
        task(factors={"units": [2, 4]}, questions=questions)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("balance", "a dict of weights by label, 0, 1, ..., or 'balanced', not 'balance'"),
        ([1.0, 2.0], "a dict of weights by label"),
        ({"rare": 2.0}, "a dict of weights by label"),
        ({-1: 2.0}, "a dict of weights by label"),
        ({0: -1.0, 1: 1.0}, "weights of 0 or more, not all 0"),
        ({0: math.nan, 1: 1.0}, "weights of 0 or more, not all 0"),
        ({0: 0.0, 1: 0.0}, "weights of 0 or more, not all 0"),
    ],
)
def test_class_weights_that_weigh_nothing_are_refused(weights: Any, message: str):
    with pytest.raises(StudyFileError, match=message):
        task(class_weight=weights)
    with pytest.raises(StudyFileError, match=message):
        task(class_weight=lambda params: weights).class_weight_of({"units": 4, "epochs": 2})


def test_class_weights_may_depend_on_the_params():
    by_params = task(class_weight=lambda params: {0: 1.0, 1: params["rare"]})

    assert by_params.class_weight_of({"rare": 3.0, "epochs": 2}) == {0: 1.0, 1: 3.0}
    assert task(class_weight="balanced").class_weight_of({"epochs": 2}) == "balanced"


def test_class_weights_of_numpy_can_be_exported():
    counted = dict(zip(np.unique([0, 0, 1]), np.array([1.5, 3.0], np.float32), strict=True))

    for declared in (counted, lambda params: counted):
        weights = task(class_weight=declared).class_weight_of({"epochs": 2})
        assert json.loads(as_json(weights)) == {"0": 1.5, "1": 3.0}


def test_a_figure_published_for_more_data_is_not_compared_with_callbacks():
    published = Published(test_accuracy=0.9, source="a book")

    with pytest.raises(StudyFileError, match="evaluate fits networks on train alone"):
        task(callbacks=lambda params: [], published=published)
    task(callbacks=lambda params: [], published=replace(published, trained_on="train"))
