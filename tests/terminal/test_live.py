"""What a search shows: a live table in a terminal, a line per trial elsewhere."""

from __future__ import annotations

import io
import math
import sys

import pexpect
import pytest
from rich.console import Console

from hpsearch.study.configurations import Configuration
from hpsearch.study.trials import Outcome
from hpsearch.terminal.live import REMINDER_S, Lines, LiveTable
from tests.summaries import pruned, trial
from tests.toy import write_toy
from tests.waiting import HANG_S


@pytest.mark.slow
def test_a_terminal_shows_running_trials_and_leaves_what_was_printed_before(cwd):
    write_toy(cwd, each_epoch="time.sleep(0.2)", epochs=6)
    run = f"{sys.executable} -m hpsearch run toy.py --trials 4 --slots 2 --pruner none"
    child = pexpect.spawn(
        "/bin/sh",
        ["-c", f"echo printed before; {run}"],
        encoding="utf-8",
        dimensions=(40, 120),
        timeout=HANG_S,
    )

    child.expect("printed before")
    child.expect(r"run\s+#0\s+epoch 1/6\s+0\.\d{4}\s+\d+\.\d\d s/epoch")
    child.expect(r"best\s+#\d+\s+0\.\d{4}")
    child.expect("Ctrl-C once")
    child.expect(r"about \S+ left")
    child.expect("stopped: the budget is spent")
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 0
    assert "\x1b[2J" not in child.before  # the screen is never cleared


@pytest.mark.slow
def test_without_a_terminal_there_is_a_line_per_finished_trial(cwd, inside):
    write_toy(cwd)

    done = inside("run", "toy.py", "--trials", "2", "--pruner", "none", "--slots", "1")

    lines = done.stderr.splitlines()
    assert sum(line.startswith(("trial 0 finished", "trial 1 finished")) for line in lines) == 2
    assert "\x1b" not in done.stderr
    assert done.stdout == ""


class Clock:
    """A clock that goes on when it is told to."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines(clock: Clock) -> Lines:
    """A view that writes into memory, of a search of 8 trials on 2 slots."""
    view = Lines(Console(file=io.StringIO(), width=80), clock)
    view.search_started("toy: maximize val_accuracy", 8, 0, 2, math.inf)
    return view


def written(view: Lines) -> list[str]:
    return view.console.file.getvalue().splitlines()


def test_a_line_tells_the_epochs_a_trial_asked_for_also_where_its_params_do_not(lines: Lines):
    lines.trial_started(0, {"units": 8}, 27)
    lines.trial_ended(pruned(0, 0.5, params={"units": 8}), None)

    assert written(lines)[-1] == "trial 0 pruned 0.5000  epochs 1/27  2.0 s"


def test_a_search_that_waits_for_its_first_node_counts_no_slots(clock: Clock):
    view = Lines(Console(file=io.StringIO(), width=80), clock)

    view.search_started("toy: maximize val_accuracy", 8, 0, 0, math.inf)
    view.slots_changed(3)

    assert written(view) == ["toy: maximize val_accuracy: 0 of 8 trials done"]
    assert view.progress.n_slots == 3


def test_a_line_says_what_a_trial_has_to_do_with_others(lines: Lines):
    lines.trial_ended(trial(1, 0.5, promoted_from=0), None)
    lines.trial_ended(trial(2, 0.6, read_off=1, outcome=Outcome.READ_OFF, seconds=0.0), None)

    assert written(lines)[-2:] == [
        "trial 1 finished 0.5000  promoted from trial 0  epochs 3  2.0 s",
        "trial 2 read off 0.6000  from trial 1 after epoch 3",
    ]


def test_a_replicate_is_called_one_and_says_which_configuration_leads(lines: Lines):
    replicate = trial(3, 0.7, replicate_of=1)
    lines.trial_ended(replicate, Configuration(first=trial(1, 0.8), replicates=(replicate,)))

    assert written(lines)[-1] == (
        "trial 3 finished 0.7000  replicate of trial 1  epochs 3  2.0 s  "
        "best so far: trial 1, 0.7500 ±0.0707 over 2 seeds"
    )


def test_nothing_is_said_of_a_layer_that_is_not_there(lines: Lines):
    best = trial(0, 0.5, params={"epochs": 3, "units_2": None, "rate": 0.25})
    lines.trial_ended(best, Configuration(first=best))

    assert written(lines)[-1].endswith("best so far: epochs=3 rate=0.25")


def test_now_and_then_a_line_says_how_far_a_search_is_and_how_long_it_takes(lines: Lines, clock):
    lines.trial_started(3, {"units": 8}, 27)
    lines.epoch_done(3, 1, 0.5, {"seconds": 2.0})
    assert len(written(lines)) == 1

    clock.now_s += REMINDER_S
    lines.epoch_done(3, 2, 0.5, {"seconds": 2.0})
    assert written(lines)[-1] == "... 0 of 8 trials done, trial 3 in epoch 3 of 27, 1m 00s elapsed"

    for number in range(3):
        lines.trial_ended(pruned(number, 0.5, seconds=20.0), None)
    clock.now_s += REMINDER_S
    lines.epoch_done(3, 3, 0.5, {"seconds": 2.0})
    assert written(lines)[-1] == (
        "... 3 of 8 trials done, trial 3 in epoch 4 of 27, 2m 00s elapsed, about 50s left"
    )
    lines.epoch_done(3, 4, 0.5, {"seconds": 2.0})
    assert len(written(lines)) == 6

    clock.now_s += REMINDER_S
    lines.epoch_done(3, 27, 0.5, {"seconds": 2.0})
    assert "trial 3 in epoch 27 of 27" in written(lines)[-1]


def test_the_panel_shows_progress_running_trials_and_the_best(clock: Clock):
    table = LiveTable(Console(file=io.StringIO(), width=80), clock)
    table.search_started("toy: maximize val_accuracy", 8, 0, 2, math.inf)
    table.trial_started(1, {"units": 4, "units_2": None}, 27)
    table.epoch_done(1, 1, 0.25, {"seconds": 2.0})
    best = trial(0, 0.5)
    table.trial_ended(best, Configuration(first=best))
    clock.now_s += 75

    table.console.print(table.render())

    assert written(table)[-6:] == [
        "toy: maximize val_accuracy",
        "trials 1/8  finished 1",
        "time   1m 15s",
        "best   #0  0.5000  epochs=3 units=8",
        "run    #1  epoch 1/27  0.2500  2.00 s/epoch  units=4",
        "Ctrl-C once: finish the epochs and stop; twice: stop now",
    ]
