"""Inputs to predict from: which arguments are files, and which are texts."""

from __future__ import annotations

import pytest

from hpsearch.export.inputs import Input, is_file, looks_like_path, read_input


@pytest.mark.parametrize(
    "argument",
    ["boot.png", "images/boot", "./boot", "/boot", "~/boot", "images/my boot.png", "a.b.npz"],
)
def test_these_look_like_paths(argument: str):
    assert looks_like_path(argument)


@pytest.mark.parametrize(
    "argument",
    ["good", "A dull film.", "10/10 would see it again", "5.1,3.5,1.4,0.2", "so... good.", "😀"],
)
def test_these_look_like_texts(argument: str):
    assert not looks_like_path(argument)


def test_a_text_longer_than_any_path_is_a_text():
    assert not is_file("good " * 2000)
    assert not is_file("a\0b")


def test_a_text_is_read_as_the_bytes_that_were_typed():
    assert read_input("a dull\udce9 film").content == b"a dull\xe9 film"


def test_the_title_of_a_long_text_is_one_short_line():
    title = Input("a very\nlong film, " * 10, b"").title

    assert title.startswith("a very long film, a very long")
    assert title.endswith("…")
    assert len(title) == 60
