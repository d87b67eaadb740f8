"""Levels of factors: what each came to, and what it cost."""

from __future__ import annotations

import pytest

from hpsearch.pictures.factors import draw_factors
from hpsearch.study.trials import Outcome
from tests.lab.tables import level, table_of
from tests.pictures.seen import drawn, note, texts, title

BASELINE = level("4", [0.50, 0.52])
BETTER = level("8", [0.70, 0.72], units=8)


def test_each_level_has_its_mean_with_the_spread_over_seeds_and_its_time():
    table = table_of(BASELINE, BASELINE, BETTER, best=BETTER)

    figure = draw_factors(table, table.factors)

    values, times = figure.axes
    means = [bars.lines[0].get_xdata()[0] for bars in values.containers]
    assert means == pytest.approx([0.51, 0.71])
    assert [bars.has_xerr for bars in values.containers] == [True, True]
    assert drawn(values, "baseline").get_xdata()[0] == pytest.approx(0.51)
    assert [bar.get_width() for bar in times.patches] == [4.0, 4.0]
    assert [label.get_text() for label in values.get_yticklabels()] == ["4", "8"]
    assert "Means of 2 seeds, bars: standard deviation." in note(figure)


@pytest.mark.parametrize(
    ("rows", "point"),
    [
        pytest.param([BETTER], "units 8 gains most: +0.2000", id="a real difference"),
        pytest.param(
            [level("8", [0.3, 0.9], units=8)],
            "units 8 gains most: +0.0900, which may be chance",
            id="chance",
        ),
        pytest.param([BASELINE], "No level is better than the baseline", id="none"),
    ],
)
def test_the_title_is_the_greatest_gain_and_whether_it_may_be_chance(rows, point):
    table = table_of(BASELINE, *rows, best=rows[0])

    assert title(draw_factors(table, table.factors)) == point


def test_a_level_that_was_not_trained_says_how_it_stands():
    broken = level("8", [], units=8, others=[Outcome.DIVERGED])
    table = table_of(BASELINE, BASELINE, broken, best=BASELINE)

    assert "diverged" in texts(draw_factors(table, table.factors))


def test_one_seed_has_no_bars_and_says_so():
    table = table_of(level("4", [0.5]), level("8", [0.6], units=8), best=None)

    figure = draw_factors(table, table.factors)

    assert [bars.has_xerr for bars in figure.axes[0].containers] == [False]
    assert "One seed." in note(figure)
