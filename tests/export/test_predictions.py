"""Predictions: outputs read as classes where they are probabilities."""

from __future__ import annotations

import pytest

from hpsearch.export.predictions import Guess, interpret, most_probable


@pytest.mark.parametrize(
    ("outputs", "classes", "labels"),
    [
        pytest.param([0.25], ["no", "yes"], ["no", "yes"], id="one probability"),
        pytest.param([0.25], [], [], id="a number, and no classes"),
        pytest.param([1.5], ["no", "yes"], [], id="no probability"),
        pytest.param([0.2, 0.8], [], ["1", "0"], id="probabilities without names"),
        pytest.param([0.2, 0.8], ["a", "b", "c"], ["1", "0"], id="names of something else"),
        pytest.param([-3.0, 2.0], ["a", "b"], [], id="scores"),
        pytest.param([[0.5, 0.5]], ["a", "b"], [], id="a table"),
        pytest.param(0.25, ["no", "yes"], [], id="a number that is no list"),
    ],
)
def test_outputs_are_classes_where_they_are_probabilities(outputs, classes, labels):
    assert [guess.label for guess in interpret(outputs, classes)] == labels


def test_of_many_classes_the_three_most_probable_are_shown_unless_more_are_asked_for():
    outputs = [0.1, 0.4, 0.2, 0.3]

    assert [guess.label for guess in most_probable(outputs, "abcd", None)] == ["b", "d", "c"]
    assert [guess.label for guess in most_probable(outputs, "abcd", 9)] == ["b", "d", "c", "a"]


def test_of_a_single_output_the_likelier_class_is_shown():
    assert most_probable([0.25], ["no", "yes"], None) == [Guess("no", 0.75)]
