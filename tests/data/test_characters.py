"""Characters as numbers, and the windows that predict the next one."""

from __future__ import annotations

import numpy as np
import pytest

from hpsearch.data import encode_characters, encode_window, one_line, windows


def test_a_text_becomes_one_line_of_small_ascii_letters():
    text = "\ufeffCHAPTER I.\r\n\r\n  “Oh dear!”—she said,\n it’s late… \n"

    assert one_line(text.encode()) == 'chapter i. "oh dear!"--she said, it\'s late'


def test_each_window_predicts_the_character_after_it():
    split = windows(np.arange(6, dtype=np.uint8), 3)

    assert split.x.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert split.y.tolist() == [3, 4, 5]


def test_characters_outside_of_the_vocabulary_are_left_out():
    assert encode_characters("a-b", "ab").tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "x", "n_unknown"),
    [
        pytest.param("Abba", [1, 2, 2, 1], 0, id="just so long"),
        pytest.param("bbabba", [1, 2, 2, 1], 0, id="too long"),
        pytest.param("b", [0, 0, 0, 2], 0, id="too short"),
        pytest.param("a5b", [0, 0, 1, 2], 1, id="with an unknown one"),
        pytest.param("a\nb ", [1, 0, 2, 0], 0, id="a space at the end stays"),
        pytest.param("aéb", [0, 0, 1, 2], 1, id="a letter that is not ASCII"),
        pytest.param("a \n", [0, 0, 1, 0], 0, id="the end of the last line goes"),
        pytest.param("", [0, 0, 0, 0], 0, id="empty"),
    ],
)
def test_a_text_from_outside_gives_its_last_characters(text: str, x: list[int], n_unknown: int):
    encoded = encode_window(text.encode(), (" ", "a", "b"), 4)

    assert encoded.x.tolist() == x
    assert encoded.n_unknown == n_unknown
