"""A view that also tells trackers elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hpsearch.goal import Logs
from hpsearch.searching.view import View
from hpsearch.study.configurations import Configuration
from hpsearch.study.trials import TrialRow
from hpsearch.task import Params
from hpsearch.tracking.tracker import Feed, Tracker


class TrackedView(View):
    """Shows what a view shows, and feeds trackers.

    Args:
        view: What shows progress.
        feeds: Whom else to tell.
    """

    def __init__(self, view: View, feeds: Sequence[Feed]) -> None:
        self._view, self._feeds = view, feeds

    def search_started(
        self, title: str, n_trials: int, n_before: int, n_slots: int, n_epochs: float
    ) -> None:
        self._view.search_started(title, n_trials, n_before, n_slots, n_epochs)

    def trial_started(self, number: int, params: Params, epochs: int) -> None:
        self._view.trial_started(number, params, epochs)

    def curve_begun(self, number: int, params: Params, curve: str) -> None:
        self._view.curve_begun(number, params, curve)
        for feed in self._feeds:
            feed.begin(number, params, curve)

    def epoch_reached(self, number: int, epoch: int, logs: Logs) -> None:
        self._view.epoch_reached(number, epoch, logs)
        for feed in self._feeds:
            feed.log(number, epoch, logs)

    def epoch_done(self, number: int, epoch: int, value: float, logs: Logs) -> None:
        self._view.epoch_done(number, epoch, value, logs)

    def trial_ended(self, row: TrialRow, best: Configuration | None) -> None:
        self._view.trial_ended(row, best)
        for feed in self._feeds:
            feed.end(row.number, row.outcome)

    def trial_paused(self, number: int) -> None:
        self._view.trial_paused(number)
        for feed in self._feeds:
            feed.end(number, None)

    def slots_changed(self, n_slots: int) -> None:
        self._view.slots_changed(n_slots)

    def say(self, text: str) -> None:
        self._view.say(text)


@contextmanager
def tracked(view: View, trackers: dict[str, Tracker]) -> Iterator[View]:
    """A view that tells trackers too, until the block ends.

    Args:
        view: What shows progress.
        trackers: By what messages call them.
    """
    feeds = [Feed(tracker, name, view.say) for name, tracker in trackers.items()]
    try:
        yield TrackedView(view, feeds) if feeds else view
    finally:
        for feed in feeds:
            feed.close()
