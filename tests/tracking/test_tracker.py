"""A tracker is fed from a thread of its own: nothing twice, and no search suffers from it."""

from __future__ import annotations

import threading

from hpsearch.goal import Logs
from hpsearch.study.trials import Outcome
from hpsearch.task import Params
from hpsearch.tracking.tracker import Feed


class Notebook:
    """Writes down what it is told; it knows of one epoch of trial 1 already."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def begin(self, number: int, params: Params, curve: str) -> int:
        self.lines.append(f"begin {number}")
        return 1 if number == 1 else 0

    def log(self, number: int, epoch: int, logs: Logs) -> None:
        self.lines.append(f"log {number} {epoch}")

    def end(self, number: int, outcome: Outcome | None) -> None:
        self.lines.append(f"end {number} {outcome}")

    def close(self) -> None:
        self.lines.append("close")


def test_stored_and_repeated_epochs_are_told_once():
    notebook, said = Notebook(), []
    feed = Feed(notebook, "notes", said.append)

    feed.begin(1, {}, "curve")
    for epoch in (1, 2, 3):  # the first is known
        feed.log(1, epoch, {})
    feed.begin(1, {}, "curve")  # its process died and starts again from epoch 2
    feed.log(1, 3, {})
    feed.log(1, 4, {})
    feed.end(1, Outcome.FINISHED)
    feed.close()

    assert notebook.lines == ["begin 1", "log 1 2", "log 1 3", "log 1 4", "end 1 finished", "close"]
    assert said == []


def test_a_trial_without_a_curve_is_not_told():
    notebook = Notebook()
    feed = Feed(notebook, "notes", print)

    feed.end(2, Outcome.READ_OFF)
    feed.close()

    assert notebook.lines == ["close"]


def test_the_first_error_is_said_in_a_line_and_ends_the_logging():
    class Full(Notebook):
        def log(self, number: int, epoch: int, logs: Logs) -> None:
            raise OSError("No space\nleft on device")

    notebook, said = Full(), []
    feed = Feed(notebook, "notes", said.append)

    feed.begin(2, {}, "curve")
    for epoch in (1, 2):
        feed.log(2, epoch, {})
    feed.close()

    assert said == ["--log notes ends, and the search goes on: OSError: No space left on device"]
    assert notebook.lines == ["begin 2"]


def test_a_search_does_not_wait_for_a_tracker_that_hangs():
    answered = threading.Event()

    class Slow(Notebook):
        def begin(self, number: int, params: Params, curve: str) -> int:
            answered.wait()
            return 0

    said: list[str] = []
    feed = Feed(Slow(), "notes", said.append)

    feed.begin(2, {}, "curve")
    feed.log(2, 1, {})
    feed.close(wait_s=0.01)
    answered.set()

    assert said == ["--log notes did not take the last epochs in 0 s"]
