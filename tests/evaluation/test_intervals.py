"""Intervals: textbook examples, and what can be said of few figures."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from hpsearch.evaluation.intervals import (
    contrast,
    difference,
    interval,
    newcombe,
    prediction,
    student,
    welch,
    wilson,
)


def test_student_gives_the_interval_of_the_textbook() -> None:
    found = student([1.0, 2.0, 3.0])

    assert (found.low, found.high) == pytest.approx((-0.484138, 4.484138), abs=1e-6)


def test_welch_gives_what_scipy_gives() -> None:
    ours, theirs = [0.91, 0.93, 0.92], [0.85, 0.90, 0.89, 0.80]
    expected = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)

    found = welch(ours, theirs)

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_wilson_gives_the_published_example() -> None:
    found = wilson(81 / 263, 263)

    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize(
    ("ours", "theirs", "n", "expected"),
    [(9, 3, 10, (0.1705, 0.8090)), (6, 2, 7, (0.0582, 0.8062))],
)
def test_newcombe_gives_the_published_examples(
    ours: int, theirs: int, n: int, expected: tuple[float, float]
) -> None:
    found = newcombe(ours / n, theirs / n, n)

    assert (found.low, found.high) == pytest.approx(expected, abs=5e-5)


def test_one_seed_is_judged_by_the_number_of_examples_and_says_so() -> None:
    found = interval([0.9], 100)

    assert found is not None
    assert found.method == "Wilson over 100 examples"


def test_a_loss_with_one_seed_has_no_interval() -> None:
    assert interval([0.3], None) is None


def test_seeds_that_all_agree_are_no_proof_of_certainty() -> None:
    found = interval([0.9, 0.9, 0.9], 100)

    assert found is not None
    assert found.high - found.low > 0.1


def test_an_error_has_no_interval_below_zero() -> None:
    found = interval([0.01, 0.5, 0.02], None, (0.0, math.inf))

    assert found is not None
    assert found.low == 0.0
    assert found.high == student([0.01, 0.5, 0.02]).high


def test_an_accuracy_has_no_interval_beyond_what_is_possible() -> None:
    found = interval([0.9, 0.99], 100)

    assert found is not None
    assert found.high == 1.0


@pytest.mark.parametrize(
    ("ours", "theirs", "n_examples", "method"),
    [
        pytest.param([0.9, 0.8], [0.7, 0.6], 100, "Welch's t over seeds", id="seeds"),
        pytest.param([0.9], [0.7], 100, "Newcombe over 100 examples", id="one seed"),
        pytest.param([0.9, 0.9], [0.7, 0.7], 100, "Newcombe over 100 examples", id="no spread"),
        pytest.param([0.9], [0.7], None, None, id="one seed of no share"),
    ],
)
def test_a_difference_says_what_it_is_judged_by(
    ours: list[float], theirs: list[float], n_examples: int | None, method: str | None
) -> None:
    found = difference(ours, theirs, n_examples)

    assert (None if found is None else found.method) == method


def test_a_contrast_of_two_networks_is_welchs_difference() -> None:
    ours, theirs = [0.9, 0.8, 0.85], [0.7, 0.6]

    assert contrast([(1, ours), (-1, theirs)]) == welch(ours, theirs)


def test_a_contrast_of_four_networks_adds_up_their_variances() -> None:
    groups = [(1.0, [0.9, 0.8]), (1.0, [0.5, 0.6]), (-1.0, [0.7, 0.8]), (-1.0, [0.6, 0.7])]

    found = contrast(groups)

    assert found is not None
    # equal variances and sizes: Student's t with four degrees of freedom, 2.776
    assert (found.high - found.low) / 2 == pytest.approx(2.7764 * math.sqrt(4 * 0.005 / 2), 1e-4)
    assert (found.high + found.low) / 2 == pytest.approx(0.85 + 0.55 - 0.75 - 0.65)


@pytest.mark.parametrize("others", [[0.5], [0.5, 0.5]])
def test_a_contrast_needs_a_spread(others: list[float]) -> None:
    assert contrast([(1, [0.9, 0.9]), (-1, others)]) is None


def test_one_more_training_lies_further_off_than_the_mean() -> None:
    values = [0.8, 0.82, 0.84]

    found = prediction(values)

    assert found is not None
    # 4.3027 is Student's t with two degrees of freedom
    assert found.high - 0.82 == pytest.approx(4.3027 * 0.02 * math.sqrt(4 / 3), rel=1e-4)
    assert prediction([0.8]) is None
    assert prediction([0.8, 0.8]) is None
