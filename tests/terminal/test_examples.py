"""Examples as people read them."""

from __future__ import annotations

import numpy as np
import pytest

from hpsearch.study.examples import Example
from hpsearch.terminal.examples import draw_example


@pytest.mark.parametrize(
    ("x", "text", "drawn"),
    [
        pytest.param([0.5, 12345.678, -1], None, "0.5 1.235e+04 -1", id="a row"),
        pytest.param([[0, 9], [4.5, 0]], None, "  @@\n==  ", id="an image"),
        pytest.param([[[0, 0, 0], [3, 3, 3]]], None, "  @@", id="colours"),
        pytest.param([[0, 0], [0, 0]], None, "    \n    ", id="a black image"),
        pytest.param([1, 2, 2], "a b", "'a b'", id="characters"),
        pytest.param([1, 2], "a film", "a film", id="words"),
    ],
)
def test_an_example_is_drawn_as_what_it_is(x: object, text: str | None, drawn: str):
    assert draw_example(Example(np.array(x), 0, 1, text=text)) == drawn


def test_a_long_text_is_broken_into_lines():
    lines = draw_example(Example(np.arange(3), 0, 1, text="word " * 100)).splitlines()

    assert len(lines) > 5
    assert max(map(len, lines)) <= 88
