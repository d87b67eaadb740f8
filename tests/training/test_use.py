"""The process that a trained network is used in: a question in, answers out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.sparse import csr_array

from hpsearch.codec import decode, encode
from hpsearch.data.arrays import Dataset, Split, prepare
from hpsearch.errors import StudyFileError
from hpsearch.questions import Answer, Ended, Predict, PredictSplit, Write
from hpsearch.training.use import answer
from tests.waiting import HANG_S

# Keras's own, where it reads a variable to save it
pytestmark = [
    pytest.mark.usefixtures("measured"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A network that tells which of three numbers is the largest."""
    dense = keras.layers.Dense(3, "softmax", kernel_initializer="identity")
    keras.Sequential([keras.Input((3,)), dense]).save(tmp_path / "model.keras")
    return str(tmp_path / "model.keras")


def predict(model: str, x: list, dtype: str = "float32") -> Predict:
    return Predict(model=model, x={"": x}, dtype={"": dtype})


def lines_of(question: Predict) -> list[Answer | Ended]:
    """What the process answers."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "hpsearch.training"],
        input=encode(question),
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=True,
    )
    return [decode(line, Answer, Ended) for line in done.stdout.splitlines()]


def test_it_answers_with_the_last_activation_and_a_prediction_for_each_example(model):
    activation, *predictions = answer(predict(model, [[9, 0, 0], [0, 0, 9]]))

    assert activation == {"": "softmax"}
    assert [int(np.argmax(one[""])) for one in predictions] == [0, 2]


@pytest.mark.parametrize("kind", [np.asarray, csr_array])
def test_a_whole_split_is_predicted_from_the_prepared_arrays(model, tmp_path, kind):
    x = np.eye(3, dtype="float32")
    parts = [Split(kind(x[order]), np.zeros(3)) for order in ([0, 0, 0], [1, 1, 1], [2, 0, 1])]
    prepared = prepare(tmp_path / "arrays", None, lambda: Dataset(*parts))

    _activation, *predictions = answer(
        PredictSplit(model=model, data=str(prepared.folder), split="test")
    )

    assert [int(np.argmax(one[""])) for one in predictions] == [2, 0, 1]


def test_examples_of_another_shape_are_told_in_one_line(model):
    with pytest.raises(StudyFileError, match=r"takes examples of shape \(3,\).* shape \(2,\)"):
        list(answer(predict(model, [[1, 2]])))


@pytest.mark.slow
def test_answers_are_lines_and_the_last_one_says_that_it_is(model):
    *answers, ended = lines_of(predict(model, [[0, 9, 0]]))

    assert [type(one) for one in answers] == [Answer, Answer]
    assert ended == Ended()


@pytest.mark.slow
def test_what_goes_wrong_is_the_last_line(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"no model")

    (ended,) = lines_of(predict(str(tmp_path / "model.keras"), [[1]]))

    assert isinstance(ended, Ended)
    assert ended.error


def test_it_writes_a_text_a_character_at_a_time(tmp_path):
    """Each output is the one-hot of the character after the last one of the window."""
    kernel = np.zeros((2, 3, 3), dtype="float32")
    kernel[1] = 9 * np.roll(np.eye(3), 1, axis=1)
    one_hot = keras.layers.CategoryEncoding(3, output_mode="one_hot")
    dense = keras.layers.Dense(3, "softmax")
    network = keras.Sequential(
        [keras.Input((2,), dtype="int32"), one_hot, keras.layers.Flatten(), dense]
    )
    dense.set_weights([kernel.reshape(6, 3), np.zeros(3)])
    network.save(tmp_path / "model.keras")

    written = answer(
        Write(
            model=str(tmp_path / "model.keras"),
            window=[0, 1],
            vocabulary=["a", "b", "c"],
            n_chars=4,
            temperature=0.0,
            seed=1,
        )
    )

    assert list(written) == ["c", "a", "b", "c"]
