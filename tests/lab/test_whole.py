"""A whole assignment: the search's budget, and the time it takes."""

from __future__ import annotations

from dataclasses import replace

from hpsearch.evaluation.cost import Cost
from hpsearch.lab.plan import SweepPlan
from hpsearch.lab.whole import search_epochs, seconds
from hpsearch.task import Factor

COST = Cost(first_epoch_s=2.0, epoch_s=1.0, start_s=0.0, value=0.5, n_weights=9)
BASELINE = {"epochs": 10, "units": 4}
UNITS = {"epochs": 10, "units": 8}
PLAN = SweepPlan(
    baseline=BASELINE,
    factors=(Factor(name="units", levels=({"units": 8},)),),
    params={"units": (UNITS,)},
    n_seeds=3,
)


def test_a_search_gets_the_epochs_of_sweep_and_combination():
    assert search_epochs(PLAN) == 3 * (10 + 10) + 3 * 10


def test_all_steps_count_and_slots_share_the_work():
    # sweep 60, search 90, seven more trainings of the baseline's length for each seed
    assert seconds(PLAN, COST, 1) == 60 + 90 + 3 * 7 * 10
    assert seconds(PLAN, COST, 2) == seconds(PLAN, COST, 1) / 2
    assert seconds(PLAN, replace(COST, start_s=1.0), 1) > seconds(PLAN, COST, 1)
