"""Several inputs and outputs, and sample weights: kept, cut and told apart like one array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from hpsearch.data import Dataset, Split, hold_out
from hpsearch.data.arrays import prepare
from hpsearch.errors import DataError

IMAGE, TEXT = np.arange(8.0).reshape(4, 2), np.eye(4, 3)
KIND, PRICE = np.arange(4) % 2, np.arange(4) / 2


def split(**changed: Any) -> Split:
    """Two inputs, one of them sparse, two outputs and weights, with some fields replaced."""
    fields = {
        "x": {"image": IMAGE, "text": csr_array(TEXT)},
        "y": {"kind": KIND, "price": PRICE},
        "sample_weight": np.array([1.0, 2.0, 0.0, 1.0]),
    }
    return Split(**{**fields, **changed})


def dataset(**changed: Any) -> Dataset:
    part = split(**changed)
    return Dataset(part, part, part)


def assert_same(found: Split, expected: Split) -> None:
    found_arrays, expected_arrays = found.arrays(), expected.arrays()
    assert found_arrays.keys() == expected_arrays.keys()
    for name, array in expected_arrays.items():
        np.testing.assert_array_equal(found_arrays[name], array, err_msg=name)


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(split(), id="dicts"),
        pytest.param(split(x=(IMAGE, TEXT), y=(KIND, PRICE)), id="tuples"),
        pytest.param(split(x=csr_array(TEXT), y=KIND), id="one of each"),
        pytest.param(split(x=(IMAGE,) * 11, sample_weight=None), id="more than ten"),
        pytest.param(split(sample_weight={"kind": PRICE, "price": PRICE}), id="weights by output"),
    ],
)
def test_they_are_kept_whole(tmp_path: Path, part: Split):
    data = Dataset(part, part[1:], part[:3])

    prepared = prepare(tmp_path, "key", lambda: data)
    opened = prepared.open()

    assert prepared.fingerprint == data.fingerprint() == opened.fingerprint()
    for found, expected in zip(opened.splits().values(), data.splits().values(), strict=True):
        assert type(found.x) is type(expected.x)
        assert_same(found, expected)


def test_all_arrays_are_cut_and_joined_together():
    cut = split()[1:] + split()[np.array([True, False, False, False])]

    order = [1, 2, 3, 0]
    expected = split(
        x={"image": IMAGE[order], "text": csr_array(TEXT[order])},
        y={"kind": KIND[order], "price": PRICE[order]},
        sample_weight=np.array([2.0, 0.0, 1.0, 1.0]),
    )
    assert len(cut) == 4
    assert_same(cut, expected)


def test_the_order_of_a_dict_makes_no_difference():
    other = dataset(x={"text": csr_array(TEXT), "image": IMAGE})

    assert other.fingerprint() == dataset().fingerprint()


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"x": {"picture": IMAGE, "text": csr_array(TEXT)}}, id="a name"),
        pytest.param({"y": {"kind": PRICE, "price": KIND}}, id="which is which"),
        pytest.param({"y": (KIND, PRICE)}, id="a tuple"),
        pytest.param({"sample_weight": None}, id="no weights"),
        pytest.param({"sample_weight": np.ones(4)}, id="other weights"),
    ],
)
def test_the_fingerprint_tells_them_apart_by(changed: dict[str, Any]):
    assert dataset(**changed).fingerprint() != dataset().fingerprint()


def test_of_several_outputs_one_says_which_classes_keep_their_shares():
    rest, held_out = hold_out(split(), 2, seed=0, by=KIND)

    assert sorted(held_out.y["kind"]) == sorted(rest.y["kind"]) == [0, 1]
    with pytest.raises(ValueError, match=r"y has several: name those .* by=split\.y\['kind'\]"):
        hold_out(split(), 2, seed=0)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param(
            {"x": {"image": IMAGE, "text": TEXT[:3]}},
            r"^3 examples x\['text'\] stand beside 4 examples x\['image'\]: give each input",
            id="inputs of two lengths",
        ),
        pytest.param(
            {"y": (KIND, PRICE[:2])},
            r"^4 examples have 2 labels y\[1\]: give each one$",
            id="labels that are too few",
        ),
        pytest.param(
            {"sample_weight": np.ones(5)},
            "^4 examples have 5 sample weights: give each one$",
            id="weights that are too many",
        ),
        pytest.param(
            {"sample_weight": {"kind": PRICE}},
            r"sample_weight has \['kind'\] and y has \['kind'\], \['price'\]: give one array",
            id="weights for some outputs",
        ),
        pytest.param(
            {"sample_weight": 2.0}, "the sample weights are 2.0, not a NumPy array", id="a number"
        ),
        pytest.param(
            {"sample_weight": np.ones((4, 1))},
            r"sample weights of the train split are float64 of shape \(4, 1\), not one number",
            id="weights in a column",
        ),
        pytest.param(
            {"x": {"image": {"left": IMAGE}}, "y": [1], "sample_weight": None},
            r"examples x\['image'\] are a dict, not a NumPy array",
            id="dicts in dicts",
        ),
        pytest.param(
            {"x": [IMAGE, TEXT]},
            "^the examples are a list, not a NumPy array .* nor a dict or tuple",
            id="a list of inputs, as Keras takes it",
        ),
        pytest.param(
            {"x": [[1], [2], [3], [4]]},
            "examples of the train split are list, not a NumPy array",
            id="a list of numbers",
        ),
        pytest.param(
            {"y": None, "sample_weight": None}, "^the labels are None, not a NumPy", id="no labels"
        ),
        pytest.param(
            {"y": (csr_array(TEXT), KIND)},
            r"labels y\[0\] of the train split are a SciPy array, but only examples may be sparse",
            id="sparse labels",
        ),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, Any], words: str):
    with pytest.raises(DataError, match=words) as caught:
        dataset(**changed)
    assert "\n" not in str(caught.value)


def test_splits_that_are_not_alike_are_refused():
    other = split(x={"image": IMAGE, "words": TEXT})
    with pytest.raises(
        DataError,
        match=r"x of the train split has \['image'\], \['text'\], of the test split "
        r"\['image'\], \['words'\]: give all splits the same",
    ):
        Dataset(split(), split(), other)
    with pytest.raises(DataError, match="sample_weight .* one array, of the valid split nothing"):
        Dataset(split(), split(sample_weight=None), split())


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param(
            {"sample_weight": np.array([1.0, -2.0, -3.0, 0.0])},
            "^2 of the sample weights of the train split are negative: 0 leaves an example out",
            id="negative",
        ),
        pytest.param(
            {"sample_weight": np.zeros(4)},
            "^the sample weights of the train split are all 0: nothing would count$",
            id="all 0",
        ),
        pytest.param(
            {"sample_weight": {"kind": np.ones(4), "price": np.zeros(4)}},
            r"^the sample weights sample_weight\['price'\] of the train split are all 0",
            id="all 0 for an output",
        ),
        pytest.param(
            {"sample_weight": np.array([1.0, np.nan, 1.0, 1.0])},
            "^1 of the 4 values in the sample weights of the train split are not finite",
            id="none at all",
        ),
        pytest.param(
            {"x": (IMAGE, np.full((4, 2), np.inf))},
            r"^8 of the 8 values in the examples x\[1\] of the train split are not finite",
            id="an input without numbers",
        ),
    ],
)
def test_values_that_no_training_could_use_are_refused_and_not_kept(
    tmp_path: Path, changed: dict[str, Any], words: str
):
    with pytest.raises(DataError, match=words):
        prepare(tmp_path, "key", lambda: dataset(**changed))
    assert not (tmp_path / "key").exists()


def test_each_output_needs_all_its_classes_in_training(tmp_path: Path):
    other = split(y={"kind": KIND + 1, "price": PRICE})

    with pytest.raises(DataError, match=r"2 of the 4 labels y\['kind'\] of the test split are cl"):
        prepare(tmp_path, "key", lambda: Dataset(split(), split(), other))
