"""A goal decides what is better, and refuses what cannot be searched for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.errors import MetricNotFound, StudyFileError
from hpsearch.goal import Direction, Goal, front_of, objectives_of

ACCURACY = Goal("val_accuracy", "maximize")
LOSS = Goal("val_loss", "minimize")

values = st.floats(allow_nan=False)
goals = st.sampled_from([ACCURACY, LOSS])


@given(goals, st.lists(values, min_size=1))
def test_the_best_value_sorts_first_and_nothing_beats_it(goal: Goal, found: list[float]):
    best = goal.best(found)

    assert best == sorted(found, key=goal.key)[0]
    assert best == (max(found) if goal.maximize else min(found))
    assert not any(goal.is_better(value, best) for value in found)


@given(goals, values)
def test_a_value_beats_none_but_not_itself(goal: Goal, value: float):
    assert goal.is_better(value, None)
    assert not goal.is_better(value, value)


@pytest.mark.parametrize(
    ("metric", "label", "limits"),
    [
        ("val_mae", "val_mae (EUR)", (0, math.inf)),
        ("val_price_mean_absolute_error", "val_price_mean_absolute_error (EUR)", (0, math.inf)),
        ("val_mse", "val_mse", (0, math.inf)),  # in square euros
        ("val_r2", "val_r2", (-math.inf, 1)),
        ("val_loss", "val_loss", (-math.inf, math.inf)),
    ],
)
def test_an_error_is_shown_in_the_unit_of_what_is_predicted(metric, label, limits):
    goal = Goal(metric, "minimize", "EUR")

    assert goal.label == label
    assert str(goal) == f"minimize {label}"
    assert goal.limits == limits
    assert Goal("val_mae", "minimize").label == "val_mae"


def test_a_goal_is_shown_in_words_and_knows_its_metric_on_test():
    assert str(ACCURACY) == "maximize val_accuracy"
    assert (ACCURACY.test_metric, LOSS.test_metric) == ("accuracy", "loss")


def test_the_value_is_the_metric_after_the_epoch():
    assert LOSS.value({"loss": 0.5, "val_loss": 0.25}) == 0.25


def test_a_metric_that_was_not_logged_is_named_beside_those_that_were():
    with pytest.raises(MetricNotFound, match=r"\['loss', 'val_acc'\], not 'val_accuracy'"):
        ACCURACY.value({"loss": 0.5, "val_acc": 0.25, "seconds": 3.0})


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["loss", "val_accuracy"])
def test_training_has_diverged_when_loss_or_metric_is_no_number(name: str, bad: float):
    sound = {"loss": 0.5, "val_accuracy": 0.75, "val_loss": math.nan}  # who asks for the third?

    assert ACCURACY.is_finite(sound)
    assert not ACCURACY.is_finite({**sound, name: bad})


@pytest.mark.parametrize(
    ("metric", "values", "is_share"),
    [
        ("val_accuracy", [0.0, 0.5, 1.0], True),
        ("val_sparse_categorical_accuracy", [0.5], True),
        ("val_acc", [0.5], True),
        ("val_accuracy", [0.5, 98.0], False),
        ("val_loss", [0.5], False),
        ("val_inaccuracy", [0.5], False),
    ],
)
def test_an_accuracy_is_a_share_of_examples(metric: str, values: list[float], is_share: bool):
    assert Goal(metric, "maximize").is_share(values) is is_share


@pytest.mark.parametrize("goal", [ACCURACY, LOSS, Goal("val_attestation", "maximize")])
def test_a_metric_of_validation_is_accepted(goal: Goal):
    goal.check()


@pytest.mark.parametrize(
    ("metric", "direction", "message"),
    [
        ("val_accuracy", "maximise", "did you mean 'maximize'"),
        ("val_accuracy", "up", "'maximize' or 'minimize', not 'up'"),
        ("", "maximize", "takes a key of Keras's logs, not ''"),
        (None, "maximize", "takes a key of Keras's logs, not None"),
        ("val_loss", "maximize", "direction='minimize'"),
        ("test_accuracy", "maximize", "belongs to the test split"),
        ("accuracy", "maximize", "with 'val_accuracy'"),
    ],
)
def test_what_cannot_be_searched_for_is_refused_with_the_cure(
    metric: str, direction: Direction, message: str
):
    with pytest.raises(StudyFileError, match=message):
        Goal(metric, direction).check()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))))
def test_each_item_is_on_the_front_or_beaten_by_one_that_is(items: list[tuple[int, int, int]]):
    goals = objectives_of(ACCURACY, ["seconds_per_epoch", "n_weights"])
    front = front_of(items, lambda item: item, goals)

    def beats(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
        return one[0] >= other[0] and one[1] <= other[1] and one[2] <= other[2]

    assert len(set(front)) == len(front)
    assert not any(beats(a, b) for a in front for b in front if a != b)
    assert all(any(beats(one, item) for one in front) for item in items)
    assert [one[0] for one in front] == sorted((one[0] for one in front), reverse=True)


def test_of_equals_the_first_is_on_the_front():
    goals = objectives_of(ACCURACY, ["n_weights"])

    assert front_of(["a", "b"], lambda _item: (0.5, 9.0), goals) == ["a"]
