"""What a search shows: a live table in a terminal, a line per trial elsewhere."""

from __future__ import annotations

import sys

import pexpect
import pytest

from hpsearch.terminal.live import LiveTable, describe_seconds
from tests.toy import write_toy


def test_a_terminal_shows_running_trials_and_leaves_what_was_printed_before(cwd):
    write_toy(cwd, each_epoch="time.sleep(0.2)", epochs=6)
    run = f"{sys.executable} -m hpsearch run toy.py --trials 4 --slots 2 --pruner none"
    child = pexpect.spawn(
        "/bin/sh",
        ["-c", f"echo printed before; {run}"],
        encoding="utf-8",
        dimensions=(40, 120),
        timeout=90,
    )

    child.expect("printed before")
    child.expect(r"run\s+#0\s+epoch 1/6\s+0\.\d{4}\s+\d+\.\d\d s/epoch")
    child.expect(r"best\s+#\d+\s+0\.\d{4}")
    child.expect("Ctrl-C once")
    child.expect("left about")
    child.expect("stopped: the budget is spent")
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 0
    assert "\x1b[2J" not in child.before  # the screen is never cleared


def test_without_a_terminal_there_is_a_line_per_finished_trial(cwd, cli):
    write_toy(cwd)

    done = cli("run", "toy.py", "--trials", "2", "--pruner", "none", "--slots", "1")

    lines = done.stderr.splitlines()
    assert sum(line.startswith(("trial 0 finished", "trial 1 finished")) for line in lines) == 2
    assert "\x1b" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(8.4, "8s"), (61, "1m 01s"), (750, "12m 30s"), (3840, "1h 04m")]
)
def test_durations_read_as_people_say_them(seconds, text):
    assert describe_seconds(seconds) == text


def test_the_time_left_is_not_told_before_it_can_be_known():
    from rich.console import Console

    table = LiveTable(Console())
    table.search_started("toy", 10, 0, 2)

    assert table._left_s(0) is None
    table.took_s = [4.0, 6.0, 5.0]
    assert table._left_s(4) == pytest.approx(5.0 * 6 / 2)
    assert table._left_s(10) is None  # only promoted trials remain, however many
