"""A view that also tells trackers shows all that the view alone would show."""

from __future__ import annotations

from inspect import signature

import pytest

from hpsearch.searching.tracked import TrackedView, tracked
from hpsearch.searching.view import View

HOOKS = [name for name in vars(View) if not name.startswith("_")]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_of_a_view_is_handed_on(hook: str):
    arguments = tuple(range(len(signature(getattr(View, hook)).parameters) - 1))
    heard: list[tuple[object, ...]] = []
    view = View()
    setattr(view, hook, lambda *given: heard.append(given))

    getattr(TrackedView(view, []), hook)(*arguments)

    assert heard == [arguments]


def test_without_trackers_the_view_is_the_view():
    view = View()

    with tracked(view, {}) as same:
        assert same is view
