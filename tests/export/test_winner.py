"""The winner of an evaluation: who it is, and the model that was kept of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hpsearch.data import Dataset, Split
from hpsearch.errors import DataCorrupt, DataError, NothingFinished
from hpsearch.export.winner import find_winner, name_classes
from hpsearch.study.storage import Storage
from hpsearch.study_file import run_study_file
from hpsearch.task import epochs_of
from tests.evaluated import TEXT, copy_study
from tests.study_texts import study_text

# the studies are made once a process
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluated")]


@pytest.fixture
def storage(cwd: Path) -> Storage:
    """The storage of the evaluated study `clouds`."""
    copy_study(cwd)
    return Storage("sqlite:///runs/studies.db", read_only=True)


def test_it_is_found_with_all_that_is_known_of_it(storage: Storage):
    winner = find_winner(storage, "clouds")

    assert winner.study_file.text == TEXT
    assert winner.opening == winner.openings[-1]
    assert len(winner.logs) == epochs_of(winner.opening.winner.params)
    assert len(winner.load_data(None).test) == winner.opening.n_test


def test_a_study_that_was_not_evaluated_has_none(cwd: Path):
    copy_study(cwd, stage="searched")
    storage = Storage("sqlite:///runs/studies.db", read_only=True)

    with pytest.raises(NothingFinished, match="first run hpsearch evaluate clouds"):
        find_winner(storage, "clouds")


def test_a_kept_model_that_was_changed_is_not_used(storage: Storage):
    model = find_winner(storage, "clouds").model
    model.write_bytes(model.read_bytes()[:-1])

    with pytest.raises(DataCorrupt, match="has changed since the evaluation saved it: hpsearch ev"):
        find_winner(storage, "clouds")


def test_a_kept_model_that_is_gone_can_be_made_again(storage: Storage):
    find_winner(storage, "clouds").model.unlink()

    with pytest.raises(DataError, match="evaluate clouds --again"):
        find_winner(storage, "clouds")


@pytest.mark.parametrize(
    ("labels", "fields", "names"),
    [
        pytest.param([0, 1, 1, 0], {}, ["0", "1"], id="two labels, by their numbers"),
        pytest.param(
            [0, 1, 1, 0], {"classes": "['dull', 'good']"}, ["dull", "good"], id="a task's"
        ),
        pytest.param([0, 2_000_000_000] * 2, {}, [], id="labels that are not 0 and 1"),
        pytest.param([0, 1, 2] * 2, {}, [], id="more than two are counted anyway"),
    ],
)
def test_classes_are_named_where_the_outputs_do_not_tell(
    labels: list[int], fields: dict[str, str], names: list[str]
):
    part = Split(np.zeros((len(labels), 2)), np.array(labels))
    study_file = run_study_file(study_text(**fields), "task.py")

    assert name_classes(study_file, Dataset(part, part, part)) == names
