"""Figures as people read them."""

from __future__ import annotations

import pytest

from hpsearch.figures import show_figure, show_gain


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.84133, "0.8413"),
        (0.0, "0.0000"),
        (-1.5, "-1.5000"),
        (12.3456, "12.346"),
        (1234.56, "1,234.6"),
        (234_567.8, "234,568"),
        (0.000_123_456, "0.000123"),
        (float("nan"), "nan"),
    ],
)
def test_a_figure_has_about_five_digits_whatever_its_unit(value, shown):
    assert show_figure(value) == shown


def test_a_spread_has_the_decimals_of_its_mean():
    assert show_figure(3.25, like=12_345.6) == "3"
    assert show_figure(0.000_71, like=0.84) == "0.0007"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.02, "+0.0200"),
        (-0.0003, "-0.0003"),
        (-1520.25, "-1,520.2"),
        (0.000_012_3, "+1.2e-05"),
        (-3e-8, "+0.0000"),
    ],
)
def test_a_gain_has_a_sign(value, shown):
    assert show_gain(value) == shown
