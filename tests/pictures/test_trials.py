"""Trials one after the other, against time, and when each ran."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

from hpsearch.goal import Goal
from hpsearch.pictures.trials import (
    Point,
    Span,
    draw_history,
    draw_time,
    draw_timeline,
    in_slots,
    pareto,
)
from hpsearch.study.trials import Outcome
from tests.pictures.seen import drawn, note, points, texts, title
from tests.summaries import pruned, trial

HIGHEST = Goal("val_accuracy", "maximize")
LOWEST = Goal("val_loss", "minimize")
NOON = datetime(2026, 1, 1, 12)


def at(number: int, start_s: float, end_s: float, outcome: Outcome = Outcome.FINISHED) -> Span:
    started, ended = (NOON + timedelta(seconds=s) for s in (start_s, end_s))
    return Span(number=number, outcome=outcome, started=started, ended=ended)


def test_the_history_tells_outcomes_apart_by_marker():
    rows = [
        trial(0, 0.5),
        pruned(1, 0.4),
        trial(2, 0.6, outcome=Outcome.READ_OFF),
        trial(3, None, outcome=Outcome.DIVERGED),
        trial(4, math.nan, outcome=Outcome.FAILED),
        trial(5, None, outcome=Outcome.RUNNING),
    ]

    figure = draw_history(rows, HIGHEST)

    (panel,) = figure.axes
    assert points(drawn(panel, "finished")) == [(0, 0.5)]
    assert points(drawn(panel, "pruned")) == [(1, 0.4)]
    assert [x for x, _ in points(drawn(panel, "without a value"))] == [3, 4]
    labels = ("finished", "pruned", "read off", "without a value")
    assert len({drawn(panel, label).get_marker() for label in labels}) == 4
    assert "failed or broke" in texts(figure)


def test_the_best_so_far_is_the_best_of_finished_trials():
    rows = [pruned(0, 0.9), trial(1, 0.5), trial(2, 0.4), trial(3, 0.6), trial(4, 0.5)]

    figure = draw_history(rows, HIGHEST)

    assert points(drawn(figure.axes[0], "best so far")) == [(1, 0.5), (2, 0.5), (3, 0.6), (4, 0.6)]
    assert title(figure) == "The best, 0.6000, came with trial 3"


def test_where_lower_is_better_the_best_so_far_falls():
    figure = draw_history([trial(0, 0.5), trial(1, 0.4), trial(2, 0.45)], LOWEST)

    assert [y for _, y in points(drawn(figure.axes[0], "best so far"))] == [0.5, 0.4, 0.4]
    assert "Lower is better." in note(figure)


def test_a_history_without_a_finished_trial_says_so():
    assert title(draw_history([pruned(0, 0.5)], HIGHEST)) == "No trial has finished"


def test_one_bad_value_does_not_press_the_others_flat_and_is_counted():
    rows = [trial(n, 0.8 + n / 100) for n in range(8)] + [trial(8, -50.0)]

    figure = draw_history(rows, HIGHEST)

    assert figure.axes[0].get_ylim()[0] > 0.5
    assert "1 values are outside the picture." in note(figure)


def point(name: str, value: float, seconds: float, **fields: bool) -> Point:
    return Point(name=name, value=value, seconds=seconds, **fields)


def test_the_pareto_line_holds_what_nothing_beats_in_both_time_and_value():
    fast, good, both_worse = point("a", 0.5, 1), point("b", 0.9, 9), point("c", 0.4, 2)

    assert pareto([good, both_worse, fast], HIGHEST) == [fast, good]
    assert pareto([good, both_worse, fast], LOWEST) == [fast, both_worse]


def test_time_against_value_names_the_line_and_what_it_saves():
    found = [point("trial 3", 0.8, 30), point("trial 7", 0.9, 120, is_baseline=True)]

    figure = draw_time([*found, point("trial 1", 0.7, 60)], HIGHEST)

    (panel,) = figure.axes
    assert points(drawn(panel, "Pareto line")) == [(30, 0.8), (120, 0.9)]
    assert points(drawn(panel, "baseline")) == [(120, 0.9)]
    assert title(figure) == (
        "The best, trial 7, took 2 min for 0.9000; trial 3 took 75% less time and is 0.1000 worse"
    )
    assert "1: trial 3, 0.8000 in 30 s" in note(figure)


def test_trials_are_spread_over_as_few_slots_as_they_need():
    spans = [at(0, 0, 10), at(1, 0, 4), at(2, 4, 8), at(3, 10, 12)]

    slots = in_slots(spans)

    assert [[span.number for span in slot] for slot in slots] == [[0, 3], [1, 2]]


def test_slots_are_those_that_trials_ran_in_if_the_study_knows_them():
    spans = [replace(at(0, 0, 10), slot=3), replace(at(1, 0, 4), slot=1)]

    numbers = [[span.number for span in slot] for slot in in_slots([*spans, at(2, 10, 12)])]
    known = [[span.number for span in slot] for slot in in_slots(spans)]

    assert known == [[1], [], [0]]
    assert numbers == [[0, 2], [1]]  # trial 2 is of an older hpsearch


def test_the_timeline_has_a_bar_for_each_trial_hatched_by_outcome():
    figure = draw_timeline([at(0, 0, 60), at(1, 0, 30, Outcome.PRUNED), at(2, 30, 240)])

    bars = {bars.get_label(): bars[0] for bars in figure.axes[0].containers}
    assert bars.keys() == {"trial 0", "trial 1", "trial 2"}
    assert bars["trial 0"].get_hatch() == bars["trial 2"].get_hatch() != bars["trial 1"].get_hatch()
    assert figure.axes[0].get_xlabel() == "minutes"
    assert "pruned" in texts(figure)
    assert title(figure) == "2 slots were busy 62% of 4 min"


def test_a_night_without_work_is_cut_out_of_the_timeline():
    figure = draw_timeline([at(0, 0, 100), at(1, 50_000, 50_100)])

    (panel,) = figure.axes
    assert panel.get_xlim()[1] * 60 == 200  # in minutes
    assert drawn(panel, "cut").get_xdata()[0] * 60 == 100
    assert "left out" in note(figure)
