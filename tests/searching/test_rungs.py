"""Who is among the best third of a rung."""

from __future__ import annotations

import pytest

from hpsearch.goal import Goal
from hpsearch.searching.rungs import Mark, Rungs, choose_first_rung

BEST_IS_HIGH = Goal("val_accuracy", "maximize")


def rungs(values: dict[str, float], *, rung: int = 1, goal: Goal = BEST_IS_HIGH) -> Rungs:
    made = Rungs(goal)
    for curve, value in values.items():
        made.place(curve, Mark(0, rung), value)
    return made


def test_nobody_goes_on_until_there_is_a_best_third():
    two = rungs({"a": 0.5, "b": 0.7})

    assert two.best_curves() == []
    assert not two.may_go_on("b", Mark(0, 1))


def test_the_best_of_three_goes_on_in_whatever_order_they_came():
    three = rungs({"a": 0.7, "b": 0.5, "c": 0.6})

    assert three.best_curves() == [(Mark(0, 1), "a")]
    assert [three.may_go_on(curve, Mark(0, 1)) for curve in "abc"] == [True, False, False]


def test_the_lowest_is_the_best_where_the_metric_is_minimized():
    three = rungs({"a": 0.7, "b": 0.5, "c": 0.6}, goal=Goal("val_loss", "minimize"))

    assert three.best_curves() == [(Mark(0, 1), "b")]


def test_a_curve_is_placed_once_however_often_it_comes_by():
    twice = rungs({"a": 0.7, "b": 0.5})
    twice.place("a", Mark(0, 1), 0.9)
    twice.place("c", Mark(0, 1), 0.8)

    assert twice.best_curves() == [(Mark(0, 1), "c")]


def test_values_between_rungs_are_not_compared():
    made = Rungs(BEST_IS_HIGH)
    for epoch in (2, 4, 8, 10):
        made.place("a", Mark(0, epoch), 0.5)

    assert made.best_curves(n_at_least=3) == []


def test_curves_that_came_further_come_first():
    made = rungs(dict.fromkeys("abc", 0.9))
    for curve, value in zip("def", (0.2, 0.4, 0.3), strict=True):
        made.place(curve, Mark(0, 3), value)

    assert made.best_curves() == [(Mark(0, 3), "e"), (Mark(0, 1), "a")]


def test_at_the_end_of_a_search_three_of_each_rung_go_on():
    four = rungs({"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4})

    assert four.best_curves(n_at_least=3) == [(Mark(0, 1), one) for one in "dcb"]
    assert [four.may_go_on(curve, Mark(0, 1), n_at_least=3) for curve in "abcd"] == [
        False,
        True,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("epoch", "rung"), [(0, 0), (4, 0), (5, 5), (14, 5), (15, 15), (44, 15), (45, 45)]
)
def test_rungs_are_the_first_one_times_powers_of_three(epoch, rung):
    made = Rungs(BEST_IS_HIGH, first=5)

    assert made.last_rung(Mark(0, epoch)) == (Mark(0, rung) if rung else None)
    assert made.is_rung(Mark(0, epoch)) == (epoch > 0 and epoch == rung)


def test_after_each_round_as_many_go_on_as_give_every_round_the_same_time():
    made = Rungs(BEST_IS_HIGH)
    for n_rounds in (1, 2, 3):
        for i in range(12):
            made.place(str(i), Mark(n_rounds, 0), i / 12)

    n_kept = [
        sum(made.may_go_on(str(i), Mark(n_rounds, 0)) for i in range(12)) for n_rounds in (1, 2, 3)
    ]
    assert n_kept == [6, 8, 9]
    assert made.best_curves()[0] == (Mark(3, 0), "11")


@pytest.mark.parametrize(
    ("n_examples", "batch_size", "max_epochs", "first"),
    [
        pytest.param(48_000, 200, 125, 1, id="many updates an epoch"),
        pytest.param(341, 16, 120, 10, id="22 updates an epoch"),
        pytest.param(341, 16, 60, 6, id="trials so short that two rungs must come earlier"),
        pytest.param(15_000, 512, 20, 2, id="trials of a few large epochs"),
        pytest.param(40, 40, 1, 1, id="trials of one epoch"),
    ],
)
def test_the_first_rung_gives_a_network_a_fair_start(n_examples, batch_size, max_epochs, first):
    assert choose_first_rung(n_examples, batch_size, max_epochs=max_epochs) == first
