"""A view that also tells trackers shows all that the view alone would show."""

from __future__ import annotations

from hpsearch.searching.tracked import TrackedView, tracked
from hpsearch.searching.view import View


def test_every_hook_of_a_view_is_handed_on():
    def hooks(kind: type[View]) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert hooks(TrackedView) == hooks(View)


def test_without_trackers_the_view_is_the_view():
    view = View()

    with tracked(view, {}) as same:
        assert same is view
