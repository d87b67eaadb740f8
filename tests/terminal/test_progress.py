"""How far a search has come, and how long it will take."""

from __future__ import annotations

import pytest

from hpsearch.study.trials import Outcome
from hpsearch.terminal.progress import Progress, Running
from tests.summaries import trial


def test_the_time_left_is_not_told_before_it_can_be_known():
    progress = Progress(n_trials=10, n_slots=2)
    assert progress.describe_left() == ""

    for number, seconds in enumerate([4.0, 6.0, 5.0]):
        progress.ended(trial(number, 0.5, seconds=seconds))

    assert progress.left_s == pytest.approx(5.0 * 7 / 2)
    assert progress.describe_left() == "about 18s left"


def test_only_recent_trials_say_how_long_the_next_ones_take():
    progress = Progress(n_trials=20)
    for number, seconds in enumerate([100.0] * 5 + [1.0] * 8):
        progress.ended(trial(number, 0.5, seconds=seconds))

    assert progress.left_s == pytest.approx(7.0)


def test_read_off_and_promoted_trials_take_nothing_from_the_budget():
    progress = Progress(n_trials=4, n_before=1)
    progress.ended(trial(1, 0.5))
    progress.ended(trial(2, 0.6, read_off=1, outcome=Outcome.READ_OFF, seconds=0.0))
    progress.ended(trial(3, 0.7, promoted_from=0))

    assert progress.n_done == 2
    assert progress.took_s == [2.0, 2.0]


def test_when_the_budget_is_spent_the_running_trials_say_how_long_it_takes():
    progress = Progress(n_trials=2, n_before=2)
    progress.running = {
        5: Running({}, 10, epoch=4, seconds=[1.0, 3.0, 2.0]),
        6: Running({}, 10, epoch=9, seconds=[2.0]),
        7: Running({}, 10),
    }

    assert progress.left_s == pytest.approx(2.0 * 6)
    assert progress.describe_left() == "about 12s left, then perhaps promoted trials"

    progress.running = {7: Running({}, 10)}
    assert progress.describe_left() == ""


def test_a_budget_of_epochs_says_how_many_are_trained_and_what_time_the_others_take():
    now = [0.0]
    progress = Progress(clock=lambda: now[0])
    progress.begin(n_trials=600, n_before=0, n_slots=2, n_epochs=40)
    for number in range(3):
        progress.ended(trial(number, 0.5, seconds=5.0))
    progress.n_epochs_done, now[0] = 10, 20.0

    assert progress.describe_done() == "10 of 40 epochs"
    assert progress.describe_left() == "about 1m 00s left"

    progress.n_epochs_done = 41
    assert progress.left_s is None  # nothing runs
