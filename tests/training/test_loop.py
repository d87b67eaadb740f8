"""The training loop: a file that stands alone, and decides every figure."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.training import loop


@pytest.mark.slow
def test_it_runs_as_a_file_of_its_own_without_hpsearch(tmp_path: Path) -> None:
    shutil.copy(loop.__file__, tmp_path / "loop.py")
    code = """
import sys
sys.modules["hpsearch"] = None  # whoever imports it gets an ImportError
import numpy as np
import keras
from loop import build_network, fit, measure

def build(params):
    model = keras.Sequential([keras.layers.Dense(params["units"]), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model

params = {"epochs": 2, "batch_size": 4, "units": 3}
x, y = np.eye(10, 2, dtype="float32"), np.ones(10)
model = build_network(build, params, 5, x)
fit(model, x, y, batch_size=params["batch_size"], epochs=params["epochs"], seed=5)
print(sorted(measure(model, x, y)), int(model.optimizer.iterations))
"""

    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, '.')\n{code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "['loss'] 6\n", done.stderr


def test_the_order_of_an_epoch_is_a_permutation_that_seed_and_epoch_decide() -> None:
    first = loop.order(3, 0, 20)

    assert sorted(first) == list(range(20))
    assert (first == loop.order(3, 0, 20)).all()
    assert (first != loop.order(3, 1, 20)).any()
    assert (first != loop.order(4, 0, 20)).any()


@pytest.mark.parametrize("kind", [loop.PortableBatches, loop.TensorFlowBatches])
def test_batches_hold_every_example_once_with_its_label(kind: type) -> None:
    x = np.arange(14).reshape(7, 2)
    batches = kind((x, 10 * np.arange(7)), 3)
    batches.set_order(np.array([6, 5, 4, 3, 2, 1, 0]))

    found = batches.for_keras()
    pairs = [found[i] for i in range(3)] if kind is loop.PortableBatches else list(found)

    assert [np.asarray(y).tolist() for _, y in pairs] == [[60, 50, 40], [30, 20, 10], [0]]
    assert np.concatenate([np.asarray(x) for x, _ in pairs]).tolist() == x[::-1].tolist()


@pytest.mark.parametrize(
    "y",
    [
        pytest.param(np.array([0, 0, 0, 2]), id="flat"),
        pytest.param(np.array([[0.0], [0.0], [0.0], [2.0]]), id="in a column"),
        pytest.param(np.eye(3)[[0, 0, 0, 2]], id="one-hot"),
    ],
)
def test_balanced_classes_count_the_same_in_all(y: Any) -> None:
    assert loop.class_weights("balanced", y) == {0: 4 / 6, 2: 4 / 2}


def test_a_class_weighs_what_it_was_given_also_by_json() -> None:
    assert loop.class_weights({"0": 1, "1": 3}, np.array([1, 0])) == {0: 1.0, 1: 3.0}


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([0, 1, 2]), "class 2 of the labels has no weight"),
        (np.array([0.5, 1.0]), "are not one class each"),
        (np.array([-1, 1]), "are not one class each"),
        (np.zeros((2, 3, 1)), "are not one class each"),
        (np.array(["cat", "dog"]), "labels are numbers from 0, one for each class, not <U3"),
        ({"kind": np.array([0, 1])}, "the labels of several outputs have no classes"),
    ],
)
def test_labels_that_cannot_be_weighed_are_an_error(y: Any, message: str) -> None:
    with pytest.raises(loop.CannotWeigh, match=message):
        loop.class_weights({0: 1.0, 1: 2.0}, y)


def test_examples_have_weights_or_classes_have() -> None:
    x = y = np.ones(4)

    with pytest.raises(loop.CannotWeigh, match="the examples have weights already"):
        loop.fit(None, x, y, x, batch_size=2, epochs=1, seed=0, class_weight="balanced")
