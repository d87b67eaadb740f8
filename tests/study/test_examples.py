"""Examples and what their numbers stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from hpsearch.data.arrays import Split
from hpsearch.data.imdb.reviews import Reviews
from hpsearch.data.texts import join_texts
from hpsearch.errors import UsageError
from hpsearch.study.examples import example_of_reviews, example_of_task
from hpsearch.study_file import run_study_file
from hpsearch.task import Writing
from tests.study_texts import study_text

TASK = run_study_file(study_text(classes="['odd', 'even']"), "toy.py").task
WORDS = ("[padding]", "[start]", "[unknown]", "[unused]", "good", "film")


def split(*rows: list[float], labels: tuple[int, ...] = (1, 0), dtype: str = "uint8") -> Split:
    return Split(np.array(rows, dtype), np.array(labels))


def test_a_label_has_the_name_that_the_task_gives_it():
    found = example_of_task(TASK, split([1, 2], [3, 4]), (), 1)

    assert (found.label, found.name, found.n_examples) == (0, "odd", 2)
    assert found.x.tolist() == [3, 4]


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_that_the_task_has_no_name_for_has_none(label):
    found = example_of_task(TASK, split([1, 2], labels=(label,)), (), 0)

    assert (found.label, found.name) == (label, None)


def test_whole_numbers_with_a_vocabulary_stand_for_words():
    assert (
        example_of_task(TASK, split([1, 4, 5], labels=(1,)), WORDS, 0).text == "[start] good film"
    )


def test_other_numbers_stand_for_nothing_although_there_is_a_vocabulary():
    found = example_of_task(TASK, split([0.5, 1.5], labels=(1,), dtype="float32"), WORDS, 0)

    assert found.text is None


def test_a_bag_of_words_is_given_in_full_and_stands_for_the_words_in_it():
    bags = Split(csr_array(np.array([[0, 0, 0, 0, 2, 1]], "float32")), np.array([1]))

    found = example_of_task(TASK, bags, WORDS, 0)

    assert found.x.tolist() == [0, 0, 0, 0, 2, 1]
    assert found.text == "good film"


def test_where_a_task_writes_numbers_and_label_stand_for_characters():
    writes = replace(TASK, writing=Writing())

    found = example_of_task(writes, split([0, 2, 2], labels=(1,)), ("a", " ", "b"), 0)

    assert (found.text, found.name) == ("abb", " ")


@pytest.mark.parametrize("number", [2, 99])
def test_a_number_beyond_the_last_example_is_refused_with_those_there_are(number):
    with pytest.raises(UsageError, match=f"{number}.* 0 to 1"):
        example_of_task(TASK, split([1, 2], [3, 4]), (), number)


def test_a_review_is_one_of_those_for_training_with_its_words():
    train = join_texts([np.array([1, 4, 5]), np.array([1, 5])], [1, 0])
    reviews = Reviews(train, join_texts([np.array([1])], [0]), WORDS)

    found = example_of_reviews(reviews, 0)

    assert (found.text, found.name, found.n_examples) == ("[start] good film", "positive", 2)
    with pytest.raises(UsageError, match="0 to 1"):
        example_of_reviews(reviews, 2)
