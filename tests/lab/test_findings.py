"""Whether a sweep supports what a lab concluded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hpsearch.goal import Goal
from hpsearch.lab.findings import Support, judge_findings
from hpsearch.lab.table import SweepTable
from hpsearch.published import Finding, Published
from hpsearch.study_file import run_study_file
from hpsearch.task import Task
from tests.lab.tables import OVERFITS, UNDERFITS, level, table_of, training
from tests.study_texts import study_text

UNITS = run_study_file(
    study_text(
        "trial.suggest_int('units', 1, 9)", baseline="units=4", factors="units=[2, 4, 8, 9], a=[1]"
    ),
    "task.py",
).task


def task_with(**fields: Any) -> Task:
    finding = Finding(words="so it is", **fields)
    return replace(
        UNITS, published=Published(test_accuracy=0.9, source="a lab", findings=[finding])
    )


def swept(*, goal: Goal | None = None) -> SweepTable:
    baseline = level("the baseline", [0.50, 0.51])
    rows = [
        replace(level("8", [0.60, 0.61], units=8), sets={"units": 8}),
        replace(level("9", [0.505, 0.506], units=9), sets={"units": 9}),
    ]
    table = table_of(baseline, *rows)
    return table if goal is None else replace(table, goal=goal)


@pytest.mark.parametrize(
    ("fields", "support"),
    [
        ({"claim": "better", "levels": [8]}, Support.SUPPORTED),
        ({"claim": "worse", "levels": [8]}, Support.CONTRADICTED),
        ({"claim": "better", "levels": [9]}, Support.UNDECIDED),
        ({"claim": "better", "levels": [8], "than": 9}, Support.SUPPORTED),
        ({"claim": "better", "levels": [8], "than": 4}, Support.SUPPORTED),
        ({"claim": "best", "levels": [8]}, Support.SUPPORTED),
        ({"claim": "best", "levels": [9]}, Support.CONTRADICTED),
        ({"claim": "no different", "levels": [9], "margin": 0.07}, Support.SUPPORTED),
        ({"claim": "no different", "levels": [9]}, Support.UNDECIDED),
        ({"claim": "no different", "levels": [8]}, Support.CONTRADICTED),
        ({"claim": "no different", "margin": 0.01}, Support.CONTRADICTED),
        ({"claim": "better", "levels": [2]}, Support.MISSING),
        ({"claim": "better", "levels": [8], "than": 2}, Support.MISSING),
    ],
)
def test_a_claim_about_levels_is_judged_by_intervals(fields: dict[str, Any], support: Support):
    (verdict,) = judge_findings(task_with(factor="units", **fields), swept())

    assert verdict.support is support, verdict


def test_lower_may_be_better():
    loss = Goal("val_loss", "minimize")
    task = task_with(factor="units", claim="worse", levels=[8])

    assert judge_findings(task, swept(goal=loss))[0].support is Support.SUPPORTED


def test_the_verdict_gives_the_figures():
    (verdict,) = judge_findings(task_with(factor="units", claim="better", levels=[8]), swept())

    assert str(verdict).startswith("“so it is”: supported. 8 against the baseline: +0.1000 (95 %")


def test_what_was_not_swept_or_has_one_seed_gives_no_evidence():
    (unswept,) = judge_findings(task_with(factor="a", claim="better", levels=[1]), swept())
    assert (unswept.support, unswept.evidence) == (Support.MISSING, "The sweep does not vary a.")

    one_seed = table_of(level("the baseline", [0.5]), level("8", [0.6], units=8))
    (single,) = judge_findings(task_with(factor="units", claim="better", levels=[8]), one_seed)
    assert single.support is Support.MISSING
    assert "two seeds" in single.evidence


@pytest.mark.parametrize(
    ("onset", "support"),
    [(OVERFITS, Support.SUPPORTED), (UNDERFITS, Support.CONTRADICTED), (None, Support.MISSING)],
)
def test_whether_the_baseline_overfits_is_read_off_its_curves(onset: Any, support: Support):
    baseline = replace(level("the baseline", []), trainings=[training(0.5, onset)])

    (verdict,) = judge_findings(task_with(claim="overfits"), table_of(baseline))

    assert verdict.support is support


def test_a_task_that_published_nothing_has_no_findings():
    assert judge_findings(UNITS, swept()) == []
