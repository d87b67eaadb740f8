"""Ranges: refused where training could not use them, described, counted, drawn from."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpsearch.errors import StudyFileError
from hpsearch.study.distributions import (
    choices_of,
    describe_distribution,
    draw,
    lies_in,
    n_values,
    number_range,
    whole_number_range,
)


@pytest.mark.parametrize(
    ("low", "high", "step", "log"),
    [
        pytest.param(math.nan, 1, None, False, id="nan"),
        pytest.param(0, math.inf, None, False, id="infinite"),
        pytest.param("0", 1, None, False, id="text"),
        pytest.param(False, True, None, False, id="truth values"),
        pytest.param(1, 0, None, False, id="the wrong way round"),
        pytest.param(0, 1, None, True, id="log from 0"),
        pytest.param(0.1, 1, 0.1, True, id="log with steps"),
        pytest.param(0, 1, 0, False, id="steps of 0"),
        pytest.param(0, 1, math.nan, False, id="steps of nan"),
    ],
)
def test_a_range_of_numbers_that_makes_no_sense_is_refused_by_name(low, high, step, log):
    with pytest.raises(StudyFileError, match=r"^rate: "):
        number_range("rate", low, high, step, log)


def test_steps_are_counted_in_decimals_as_they_are_written():
    """In binary, 3 * 0.1 is not 0.3."""
    assert n_values(number_range("rate", 0.0, 0.3, 0.1, False)) == 4


def test_steps_that_miss_the_end_are_refused_with_the_end_that_they_reach():
    with pytest.raises(StudyFileError, match=r"high=0\.9"):
        number_range("rate", 0.0, 1.0, 0.3, False)


@pytest.mark.parametrize("value", [1.5, "8", True])
def test_a_range_of_whole_numbers_takes_no_others(value):
    with pytest.raises(StudyFileError, match=r"^units: "):
        whole_number_range("units", value, 8, 1, False)


@pytest.mark.parametrize("name", ["epochs", "batch_size"])
def test_what_the_trainer_reads_is_a_whole_number_of_1_or_more(name):
    with pytest.raises(StudyFileError, match=name):
        number_range(name, 1.0, 8.0, None, False)
    with pytest.raises(StudyFileError, match=name):
        whole_number_range(name, 0, 8, 1, False)
    with pytest.raises(StudyFileError, match=name):
        choices_of(name, [16, 32.0])


@pytest.mark.parametrize(
    "choices",
    [
        pytest.param("tanh", id="a text"),
        pytest.param([], id="none"),
        pytest.param([(1, 2)], id="a tuple"),
        pytest.param([math.nan], id="nan"),
        pytest.param(["relu", "tanh", "relu"], id="one twice"),
        pytest.param([1, "2"], id="a number in quotes"),
    ],
)
def test_choices_that_make_no_sense_are_refused_by_name(choices):
    with pytest.raises(StudyFileError, match=r"^kind: "):
        choices_of("kind", choices)


def test_choices_that_are_equal_but_of_another_kind_are_two():
    assert n_values(choices_of("bias", [1, True, None, "none"])) == 4


@pytest.mark.parametrize(
    ("distribution", "text"),
    [
        (CategoricalDistribution(["relu", None]), "one of relu, None"),
        (IntDistribution(1, 8), "whole number 1 to 8"),
        (IntDistribution(1, 8, log=True), "whole number 1 to 8, log scale"),
        (IntDistribution(0, 8, step=4), "whole number 0 to 8 in steps of 4"),
        (FloatDistribution(1e-4, 0.1, log=True), "number 0.0001 to 0.1, log scale"),
        (FloatDistribution(0.0, 0.5, step=0.25), "number 0 to 0.5 in steps of 0.25"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_range_is_described_as_people_would(distribution, text):
    assert describe_distribution(distribution) == text


@pytest.mark.parametrize(
    ("value", "distribution", "lies"),
    [
        pytest.param(4, IntDistribution(0, 8, step=4), True, id="on a step"),
        pytest.param(3, IntDistribution(0, 8, step=4), False, id="between steps"),
        pytest.param(4.0, IntDistribution(0, 8), False, id="no whole number"),
        pytest.param(True, IntDistribution(0, 8), False, id="a truth value"),
        pytest.param(1, FloatDistribution(0.0, 1.0), True, id="a whole number"),
        pytest.param("0.5", FloatDistribution(0.0, 1.0), False, id="text"),
        pytest.param(math.nan, FloatDistribution(0.0, 1.0), False, id="nan"),
        pytest.param(2, CategoricalDistribution([2, 4]), True, id="a choice"),
        pytest.param(3, CategoricalDistribution([2, 4]), False, id="no choice"),
    ],
)
def test_a_value_lies_in_a_range_of_its_kind(value, distribution, lies):
    assert lies_in(value, distribution) == lies


@pytest.mark.parametrize(
    ("distribution", "n"),
    [
        (CategoricalDistribution(["a", "b", "c"]), 3),
        (IntDistribution(1, 8), 8),
        (IntDistribution(0, 8, step=4), 3),
        (IntDistribution(1, 8, log=True), 8),
        (FloatDistribution(0.0, 0.5, step=0.25), 3),
        (FloatDistribution(0.5, 0.5), 1),
        (FloatDistribution(0.0, 1.0), None),
    ],
    ids=str,
)
def test_values_are_counted_unless_there_are_infinitely_many(distribution, n):
    assert n_values(distribution) == n


@given(
    st.sampled_from(
        [
            CategoricalDistribution(["a", None, True]),
            IntDistribution(1, 8),
            IntDistribution(0, 9, step=3),
            IntDistribution(1, 1000, log=True),
            FloatDistribution(0.0, 0.3, step=0.1),
            FloatDistribution(1e-4, 0.1, log=True),
        ]
    ),
    st.integers(),
)
def test_whatever_is_drawn_lies_in_the_range(distribution, seed):
    assert lies_in(draw(distribution, random.Random(seed)), distribution)
