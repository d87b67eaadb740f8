"""Durations as people say them."""

import pytest

from hpsearch.terminal.durations import describe_seconds


@pytest.mark.parametrize(
    ("seconds", "text"), [(8.4, "8s"), (61, "1m 01s"), (750, "12m 30s"), (3840, "1h 04m")]
)
def test_durations_read_as_people_say_them(seconds: float, text: str):
    assert describe_seconds(seconds) == text
