"""Views around a view show all that it alone would show."""

from __future__ import annotations

import threading
from collections.abc import Callable
from inspect import signature

import pytest

from hpsearch.searching.tracked import TrackedView, tracked
from hpsearch.searching.view import HOOKS, View, one_at_a_time
from tests.waiting import HANG_S


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("around", [lambda view: TrackedView(view, []), one_at_a_time])
def test_every_hook_of_a_view_is_handed_on(hook: str, around: Callable[[View], View]):
    arguments = tuple(range(len(signature(getattr(View, hook)).parameters) - 1))
    heard: list[tuple[object, ...]] = []
    view = View()
    setattr(view, hook, lambda *given: heard.append(given))

    getattr(around(view), hook)(*arguments)

    assert heard == [arguments]


def test_without_trackers_the_view_is_the_view():
    view = View()

    with tracked(view, {}) as same:
        assert same is view


def test_a_view_is_called_by_one_slot_at_a_time():
    view, begun, may_end = View(), threading.Semaphore(0), threading.Event()

    def hook(_: object) -> None:
        begun.release()
        may_end.wait(HANG_S)

    view.say, view.trial_paused = hook, hook
    shown = one_at_a_time(view)
    slots = [
        threading.Thread(target=shown.say, args=("text",)),
        threading.Thread(target=shown.trial_paused, args=(3,)),
    ]
    for slot in slots:
        slot.start()

    assert begun.acquire(timeout=HANG_S)
    assert not begun.acquire(timeout=0.1)  # the other one waits
    may_end.set()
    assert begun.acquire(timeout=HANG_S)
    for slot in slots:
        slot.join()
