"""A sweep's table for people."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from hpsearch.study.trials import Outcome
from hpsearch.terminal.levels import print_levels
from tests.lab.tables import OVERFITS, level, table_of


def printed(width: int) -> str:
    best = level("8", [0.80, 0.81], units=8, onset=OVERFITS)
    like = level("2", [0.49, 0.53], units=2)
    broken = level("1", [], units=1, others=[Outcome.DIVERGED])
    file = io.StringIO()
    table = table_of(level("the baseline", [0.50, 0.51]), best, like, broken, best=best)
    print_levels(Console(file=file, width=width), table)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal(width: int):
    assert max(map(len, printed(width).splitlines())) <= width


def test_a_wide_terminal_also_shows_the_time_of_an_epoch_and_the_weights():
    assert "weights" in printed(120)
    assert "weights" not in printed(80)


def test_the_best_level_is_marked_and_so_is_one_that_is_not_really_different():
    lines = {line.split()[0]: line for line in printed(80).splitlines() if line.strip()}

    assert lines["8"].split()[-2:] == ["*", "+0.3000"]
    assert "from 2" in lines["8"]
    assert lines["2"].split()[-1] == "≈+0.0050"
    assert "diverged" in lines["1"]
