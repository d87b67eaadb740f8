"""The record of a study is read or refused with a reason, and keeps what others added."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import optuna
import pytest

from hpsearch.errors import StorageError, StudyChanged, StudyNotFound
from hpsearch.study.record import (
    ATTR,
    Record,
    create_or_continue,
    find_record,
    load_study,
    make_record,
    read_record,
)
from hpsearch.study.space import explore
from hpsearch.study.storage import Storage
from hpsearch.study_file import read_study_file
from tests.toy import write_toy

URL = "sqlite:///studies.db"


@pytest.fixture
def storage(cwd):
    return Storage(URL)


@pytest.fixture
def record(cwd) -> Record:
    study_file = read_study_file(str(write_toy(cwd)))
    space = explore(study_file).as_json()
    return make_record(study_file, space, data="d", seed=7, sampler="tpe", pruner="none")


def continue_(storage: Storage, record: Record) -> tuple[optuna.Study, Record, bool]:
    return create_or_continue(storage, "toy", record, {"units": 4})


def change(study: optuna.Study, **fields: Any) -> None:
    study.set_user_attr(ATTR, {**study.user_attrs[ATTR], **fields})


def attrs(storage: Storage) -> dict[str, Any]:
    return optuna.load_study(study_name="toy", storage=storage.optuna).user_attrs


def test_a_study_is_found_with_what_was_stored(storage, record):
    _, _, was_there = continue_(storage, record)

    _, found = load_study(storage, "toy")

    assert not was_there
    assert found == record == find_record(storage, "toy")
    assert found.goal == record.load().task.goal


def test_a_study_of_a_newer_hpsearch_is_refused_and_left_alone(storage, record):
    study, _, _ = continue_(storage, record)
    change(study, schema="hpsearch.study/2")
    before = study.user_attrs

    for use in (load_study, find_record, lambda storage, _: continue_(storage, record)):
        with pytest.raises(StorageError, match="'toy' was written by a newer hpsearch"):
            use(storage, "toy")

    assert attrs(storage) == before


def test_fields_of_a_newer_hpsearch_stay_when_the_study_file_is_taken_over(storage, record):
    study, _, _ = continue_(storage, record)
    change(study, weather="of tomorrow")
    commented = replace(record, study_file=record.study_file + "# a remark\n")

    _, stored, _ = continue_(storage, commented)

    assert stored == commented
    content = attrs(storage)[ATTR]
    assert content["weather"] == "of tomorrow"
    assert content["study_file"] == commented.study_file


def test_a_damaged_record_is_refused_in_one_line(storage, record):
    study, _, _ = continue_(storage, record)
    change(study, seed="seven")

    with pytest.raises(StorageError, match=r"study 'toy' is damaged .* got `str` - at `\$.seed`"):
        load_study(storage, "toy")


def test_a_study_that_hpsearch_did_not_make_has_no_record(storage):
    study = optuna.create_study(study_name="mine", storage=storage.optuna)

    assert read_record(study) is None
    with pytest.raises(StudyNotFound, match="'mine' in .* was not made by hpsearch"):
        load_study(storage, "mine")
    with pytest.raises(StudyNotFound, match="no study 'yours' .* studies there: 'mine'"):
        load_study(storage, "yours")


def test_a_study_goes_on_only_with_its_objectives(storage, record):
    several = replace(record, costs=["n_weights"])
    study, _, _ = continue_(storage, several)

    with pytest.raises(StudyChanged) as refused:
        continue_(storage, record)

    assert str(refused.value) == (
        "study 'toy' has --objective val_score,n_weights, not val_score: choose another name with "
        "--study"
    )
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.metric_names == ["val_score", "n_weights"]
