"""What a network costs: from its curve, whether or not it was trained just now."""

from __future__ import annotations

import numpy as np
import pytest

from hpsearch.curves.costs import describe_cost, measure_costs
from hpsearch.curves.curve import Curve
from hpsearch.errors import DataError


def curve(tmp_path, *seconds: float, **identity: int) -> Curve:
    stored = Curve(tmp_path / "a")
    for epoch, one in enumerate(seconds, 1):
        stored.append(epoch, {"seconds": one}, {"weight": np.zeros(1)}, identity)
    return stored


def test_the_first_epoch_which_compiles_counts_only_where_it_is_the_only_one(tmp_path):
    stored = curve(tmp_path, 9.0, 1.0, 3.0, 2.0)

    assert measure_costs(["seconds_per_epoch"], stored, stored.logs) == [2.0]
    assert measure_costs(["seconds_per_epoch"], stored, stored.logs[:1]) == [9.0]


def test_costs_come_in_the_order_that_was_asked_for(tmp_path):
    stored = curve(tmp_path, 1.0, n_weights=1234)

    assert measure_costs(["n_weights", "seconds_per_epoch"], stored, stored.logs) == [1234.0, 1.0]
    assert measure_costs([], stored, stored.logs) == []


def test_a_curve_without_the_number_of_weights_is_named_with_the_cure(tmp_path):
    stored = curve(tmp_path, 1.0)

    with pytest.raises(DataError, match=f"{stored.folder} without the number of weights: delete"):
        measure_costs(["n_weights"], stored, stored.logs)


def test_weights_are_whole_and_seconds_are_not():
    assert describe_cost("n_weights", 12345.0) == "12,345"
    assert describe_cost("seconds_per_epoch", 0.12345) == "0.123"
