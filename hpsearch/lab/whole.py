"""A whole lab assignment: what it trains after the sweep, and how long that takes."""

from __future__ import annotations

from hpsearch.evaluation.cost import Cost
from hpsearch.lab.plan import SweepPlan
from hpsearch.task import epochs_of

N_TOP = 3
"""Trials of the search that are evaluated, besides the baseline."""


def search_epochs(plan: SweepPlan) -> int:
    """The search's budget: as many epochs as sweep and combination take."""
    return plan.n_epochs + plan.n_seeds * epochs_of(plan.baseline)


def seconds(plan: SweepPlan, cost: Cost, n_slots: int) -> float:
    """The time of a whole assignment, if all networks are as fast as the baseline.

    Sweep, combination and winner of the search with the sweep's seeds, a search with as many
    epochs, and an evaluation of three trials and the baseline, of which two are trained again on
    train + validation.
    """
    n_again = plan.n_seeds * (2 + N_TOP + 2)
    n_epochs = plan.n_epochs + search_epochs(plan) + n_again * epochs_of(plan.baseline)
    n_trainings = 2 * len(plan.curves) + n_again
    return cost.seconds(n_epochs, n_trainings) / n_slots
