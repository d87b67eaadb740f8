"""Confusions and mistakes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hpsearch.export.predictions import rate
from hpsearch.pictures.answers import (
    Confusion,
    Mistake,
    draw_confusion,
    draw_mistakes,
    draw_predictions,
)
from tests.pictures.seen import note, texts, title

LABELS = np.array([0, 0, 0, 1, 1, 2])
ANSWERS = np.array([0, 1, 1, 1, 1, 2])


def mistake(number: int, x: np.ndarray, text: str | None = None) -> Mistake:
    return Mistake(number=number, label="shirt", answer="coat", probability=0.98, x=x, text=text)


def test_a_confusion_counts_answers_by_label_and_rates_each_class():
    confusion = Confusion.of(LABELS, ANSWERS, ["a", "b", "c"])

    assert confusion.counts.tolist() == [[1, 2, 0], [0, 2, 0], [0, 0, 1]]
    assert confusion.recall == pytest.approx([1 / 3, 1, 1])
    assert confusion.precision == pytest.approx([1, 0.5, 1])
    assert confusion.f1 == pytest.approx([0.5, 2 / 3, 1])


def test_predicted_numbers_are_drawn_with_their_errors_in_their_unit():
    true = np.array([100.0, 200.0, 300.0])

    figure = draw_predictions(true, true + [10, -20, 30], unit="EUR", split="test")

    assert title(figure) == "On average, predictions are 20.000 EUR off"
    assert "R² is 0.9300" in note(figure)
    assert "predicted (EUR)" in texts(figure)
    assert "predicted minus true (EUR)" in texts(figure)


def test_numbers_that_do_not_vary_have_no_share_of_variance():
    assert math.isnan(rate(np.ones(3), np.zeros(3)).r2)


def test_a_class_that_nobody_names_has_a_precision_of_0():
    confusion = Confusion.of(np.array([0, 1]), np.array([0, 0]), ["a", "b"])

    assert confusion.precision.tolist() == [0.5, 0.0]


def test_the_picture_has_counts_shares_and_a_table_and_names_the_commonest_mistake():
    figure = draw_confusion(Confusion.of(LABELS, ANSWERS, ["a", "b", "c"]), split="test")

    found = texts(figure)
    assert "67%" in found
    assert "precision" in found
    assert "0.333" in found
    assert title(figure) == "Most often a is taken for b: 2 of 3"
    assert note(figure) == "4 of 6 test examples are right."


def test_many_classes_are_the_commonest_and_the_others_together():
    labels = np.repeat(np.arange(30), np.arange(1, 31))

    confusion = Confusion.of(labels, labels, [str(n) for n in range(30)])

    assert confusion.classes == [*(str(n) for n in range(19, 30)), "others"]
    assert confusion.counts.sum() == len(labels)
    assert title(draw_confusion(confusion, split="test")) == "No example is mistaken"


def test_images_are_shown_as_images():
    pixels = np.eye(8, dtype="uint8")

    figure = draw_mistakes([mistake(3, pixels), mistake(5, pixels[..., None])], 9, split="test")

    assert [panel.images[0].get_array().tolist() for panel in figure.axes if panel.images] == [
        pixels.tolist()
    ] * 2
    assert title(figure) == "Surest mistake: shirt, taken for coat with 98.0%"
    assert note(figure).startswith("2 of 9 mistakes on test")


def test_texts_are_shown_as_texts_cut_where_they_are_long():
    figure = draw_mistakes([mistake(3, np.arange(9), "dull & $bad$ " * 99)], 1, split="test")

    found = texts(figure)
    assert "3: shirt, not coat (98.0%)" in found
    assert "dull & $bad$" in found
    assert found.rstrip().count("dull") < 20


def test_numbers_are_shown_as_numbers():
    figure = draw_mistakes([mistake(3, np.array([0.25, 7.0]))], 1, split="test")

    assert "0.25 7" in texts(figure)


def test_a_network_without_mistakes_has_none_to_show():
    figure = draw_mistakes([], 0, split="test")

    assert (title(figure), note(figure)) == ("No mistakes", "All test examples are right.")
