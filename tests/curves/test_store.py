"""The names of curves: the same where, and only where, training would be the same."""

from __future__ import annotations

import pytest

from hpsearch.curves.store import key_of, network_of
from hpsearch.messages import TRAIN_AND_VALID
from hpsearch.study_file import run_study_file

PARAMS = {"epochs": 3, "batch_size": 16, "units": 4}
VERSIONS = {"keras": "3.15", "optuna": "5.0", "python": "3.11"}
TEXT = """
from hpsearch import Task

def more(logs): return {{"twice": {factor} * logs["loss"]}}

def build(params): pass

TASK = Task(
    load=print, space=print, build=build, baseline=dict(epochs=1, batch_size=4), {fields}
)
"""


def key(**changes) -> str:
    known = {"seed": 1, "data": "d", "network": "n", "versions": VERSIONS}
    return key_of(changes.pop("params", PARAMS), **{**known, **changes})


def network(fields: str = "", factor: int = 2) -> str:
    return network_of(run_study_file(TEXT.format(fields=fields, factor=factor), "mine.py"))


@pytest.mark.parametrize(
    "changes",
    [
        {"params": {**PARAMS, "units": 5}},
        {"seed": 2},
        {"data": "other"},
        {"network": "other"},
        {"versions": {**VERSIONS, "keras": "3.16"}},
        {"fit_on": TRAIN_AND_VALID},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_changes_training_changes_the_name(changes):
    assert key(**changes) != key()


@pytest.mark.parametrize(
    "changes",
    [
        {"params": {**PARAMS, "epochs": 9}},
        {"versions": {**VERSIONS, "optuna": "5.1"}},
        {"versions": {**VERSIONS, "python": "3.12"}},
    ],
    ids=lambda changes: str(changes),
)
def test_what_does_not_change_it_shares_the_curve(changes):
    assert key(**changes) == key()


def test_of_a_network_fitted_on_all_there_is_each_length_is_a_curve_of_its_own():
    longer = {**PARAMS, "epochs": 9}

    assert key(fit_on=TRAIN_AND_VALID, params=longer) != key(fit_on=TRAIN_AND_VALID)


def test_what_a_task_logs_and_how_it_compiles_is_part_of_its_network():
    found = [
        network(),
        network("also_log=more"),
        network("also_log=more", factor=3),
        network("also_log=lambda logs: more(logs)"),
        network("gradient_norm=True"),
        network("jit_compile=True"),
    ]

    assert len(set(found)) == len(found)
    assert network() == network(factor=3)  # what is not logged does not matter
