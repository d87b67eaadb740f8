"""One array or several by name: taken apart, put together, refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.data.structure import mapped, named, of_named, place_in, require_names
from hpsearch.errors import DataError

NUMBERS = st.lists(st.integers(), max_size=3)  # a list is one thing, not several
NAMES = st.text("abc_ .", min_size=1)
STRUCTURES = st.one_of(
    st.none(),
    NUMBERS,
    st.dictionaries(NAMES, NUMBERS, min_size=1),
    st.lists(NUMBERS, min_size=1, max_size=12).map(tuple),
)


@given(STRUCTURES)
def test_a_structure_is_what_its_named_parts_make(structure: Any):
    assert of_named(named(structure)) == structure


def test_the_parts_of_a_dict_have_an_order_of_their_own():
    assert list(named({"b": 1, "a": 2})) == list(named({"a": 2, "b": 1}))


def test_a_function_of_several_structures_gets_the_parts_of_the_same_name():
    assert mapped(lambda a, b: a - b, {"x": 5, "y": 7}, {"y": 3, "x": 1}) == {"x": 4, "y": 4}
    assert mapped(lambda a, b: a - b, (5, 7), (1, 3)) == (4, 4)
    assert mapped(lambda a: -a, 5) == -5


def test_a_part_is_called_as_python_code_would():
    assert [place_in("x", name) for name in ("", "image", "0")] == ["x", "x['image']", "x[0]"]


@pytest.mark.parametrize(
    ("structure", "words"),
    [
        ({}, "x is an empty dict: give it an array"),
        ((), "x is an empty tuple"),
        ({3: 1}, "x has the name 3: use the name of an input or output of the network"),
        ({"3": 1}, "x has the name '3': .* or a tuple in their order"),
        ({"": 1}, "x has the name ''"),
        ({"a/b": 1}, "x has the name 'a/b'"),
        ({"a\n": 1}, r"x has the name 'a\\n'"),
    ],
)
def test_names_that_are_none_are_refused(structure: Any, words: str):
    with pytest.raises(DataError, match=words):
        require_names(structure, "x")
