"""The arrays given to `tune`: what is held out, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from hpsearch.data.arrays import Dataset, open_arrays, write_dataset
from hpsearch.data.file_array import FileArray
from hpsearch.errors import DataError, DataNotFound, UsageError
from hpsearch.tuning.given import dataset_of

X, Y = np.arange(40.0).reshape(20, 2), np.array([0] * 15 + [1] * 5)


def given(x=X, y=Y, weights=None, valid=None, share=0.2, test=None) -> Dataset:
    return dataset_of(
        x, y, weights, validation_data=valid, validation_split=share, test_data=test, seed=0
    )


def test_a_fifth_is_held_out_and_each_class_keeps_its_share():
    found = given()

    assert (len(found.train), len(found.valid), found.test) == (16, 4, None)
    assert np.bincount(found.valid.y).tolist() == [3, 1]
    assert set(found.splits()) == {"train", "valid"}


@pytest.mark.parametrize("y", [Y[:, None], np.eye(2)[Y], Y / 2], ids=["column", "one-hot", "real"])
def test_labels_of_other_shapes_keep_their_shares_too(y):
    assert given(y=y).valid.y.reshape(4, -1)[:, -1].astype(bool).sum() == 1


def test_several_inputs_and_outputs_with_weights_are_held_out_at_random():
    found = given({"a": X, "b": X}, (Y, Y), np.ones(20), share=0.5)

    assert len(found.valid) == 10
    assert found.valid.sample_weight is not None


def test_given_validation_and_test_data_are_taken_as_they_are():
    found = given(X.tolist(), Y.tolist(), valid=(X[:4], Y[:4]), test=[X[4:], Y[4:]])

    assert found.train.x.tolist() == X.tolist()
    assert {part: len(split) for part, split in found.splits().items()} == {
        "train": 20, "valid": 4, "test": 16,
    }  # fmt: skip
    assert found.unseen() is found.test


def test_without_test_data_there_is_nothing_unseen():
    with pytest.raises(DataError, match="no test split, so nothing is left that no choice has"):
        given().unseen()


def examples():
    yield X[0], Y[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": examples(), "y": None}, "tune takes an array, .* not generator: collect"),
        ({"x": iter(X), "y": Y}, "not .*iterator: collect the examples in arrays"),
        ({"y": None}, "x, y has no labels"),
        ({"y": Y[:-1]}, "x, y: 20 examples have 19 labels"),
        ({"valid": (X, Y[:3])}, "validation_data: 20 examples have 3 labels"),
        ({"valid": X}, "validation_data= takes a tuple"),
        ({"x": [X, X]}, "x, y: .*list"),
        ({"share": 20}, "validation_split= takes a share between 0 and 1"),
        ({"share": 0.01}, "validation_split=0.01: cannot hold out 0 of 20"),
        ({"x": np.full((20, 2), np.nan)}, "not finite"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(options, message):
    with pytest.raises((UsageError, DataError), match=message) as error:
        given(**options)
    assert "\n" not in str(error.value)


def test_arrays_in_files_are_used_there_and_others_are_written_beside_the_study_file(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    folder = tmp_path / "mine_data"
    folder.mkdir()

    write_dataset(given(mapped, valid=(csr_array(X), Y)), folder)

    found = open_arrays(folder)
    assert FileArray.of(found.train.x).path == str(tmp_path / "x.npy")
    assert FileArray.of(found.train.y).path == str(folder / "train_y.npy")
    assert found.valid.x.toarray().tolist() == X.tolist()
    assert found.test is None


def test_arrays_that_are_gone_are_missed_in_one_line(tmp_path):
    with pytest.raises(DataNotFound, match="are gone from .*: run the script again that called"):
        open_arrays(tmp_path)
