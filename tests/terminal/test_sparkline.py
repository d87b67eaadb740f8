"""A curve as a line of blocks."""

from __future__ import annotations

import math

import pytest

from hpsearch.terminal.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "line"),
    [
        pytest.param([0.0, 0.5, 1.0], "▁▅█", id="rises"),
        pytest.param([0.7, 0.7], "▄▄", id="flat"),
        pytest.param([0.0, 1.0, math.nan], "▁█×", id="diverged"),
        pytest.param([0.5], "", id="one epoch"),
        pytest.param([], "", id="none"),
        pytest.param([math.nan, math.nan], "", id="nothing finite"),
        pytest.param(list(range(8)), "▁▂▃▄▅▆▇█", id="as wide as there is room"),
        pytest.param(list(range(80)), "▁▂▃▄▅▆▇█", id="longer, with its last epoch"),
    ],
)
def test_a_curve_has_a_block_for_each_epoch_that_there_is_room_for(values, line):
    assert sparkline(dict(enumerate(values, 1)), 8) == line


def test_epochs_may_come_in_any_order():
    assert sparkline({3: 1.0, 1: 0.0}, 8) == "▁█"
