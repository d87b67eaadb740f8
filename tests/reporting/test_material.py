"""What a report is made of: a search, a sweep, or one of each of a task."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.errors import NothingFinished, StudyNotFound, UsageError
from hpsearch.reporting.material import Material
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Outcome
from tests.pictures.stored import BASELINE, TEXT, Stored, logs, store

OTHER_METRIC = TEXT.replace("TASK = Task(", "TASK = Task(metric='val_loss', direction='minimize',")


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Storage:
    """Two searches, two sweeps, and more that do not go with them."""
    folder = tmp_path_factory.mktemp("studies")
    for name in ("search", "search 2"):
        store(folder, Stored(curve=logs(3)), name=name)
    for name in ("sweep", "sweep 2"):
        store(folder, Stored(curve=logs(3)), is_sweep=True, name=name)
    store(folder, Stored(curve=logs(3)), name="other metric", text=OTHER_METRIC)
    store(folder, Stored(curve=logs(1), outcome=Outcome.PRUNED), name="unfinished")
    return store(folder, Stored(outcome=Outcome.FAILED), is_sweep=True, name="failed").storage


@pytest.mark.parametrize("names", [["search", "sweep"], ["sweep", "search"]])
def test_a_search_and_a_sweep_are_told_apart_in_any_order(storage, names):
    material = Material(storage, [*names, names[0]])

    assert material.search is not None and material.search.name == "search"
    assert material.sweep is not None and material.sweep.name == "sweep"
    assert [one.name for one in material.subjects] == names


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        pytest.param(["search", "search 2"], UsageError, "one search, one sweep, or one of each",
                     id="two searches"),
        pytest.param(["sweep", "sweep 2"], UsageError, "one search, one sweep, or one of each",
                     id="two sweeps"),
        pytest.param(["sweep", "other metric"], UsageError,
                     "sweep has maximize val_accuracy and other metric has minimize val_loss",
                     id="two metrics"),
        pytest.param(["unfinished"], NothingFinished, "'unfinished' has no finished trial",
                     id="a search without a finished trial"),
        pytest.param(["search", "failed"], NothingFinished, "'failed' has no finished trial",
                     id="a sweep without a finished trial"),
        pytest.param(["serch"], StudyNotFound, "no study 'serch'", id="no such study"),
    ],
)  # fmt: skip
def test_what_makes_no_report_is_said_in_a_line(storage, names, error, message):
    with pytest.raises(error, match=message) as caught:
        Material(storage, names)

    assert "\n" not in str(caught.value)


def test_trials_that_run_or_wait_are_counted(tmp_path: Path):
    subject = store(tmp_path, Stored(curve=logs(3), params={**BASELINE, "units": 4}))
    assert Material(subject.storage, ["toy"]).unfinished == "1 trial was running or waiting"

    study = Material(Storage(f"sqlite:///{tmp_path}/studies.db"), ["toy"]).subjects[0].study
    study.ask()  # the baseline, which waited
    study.ask()

    material = Material(subject.storage, ["toy"])
    assert material.n_running == 2
    assert material.unfinished == "2 trials were running or waiting"
