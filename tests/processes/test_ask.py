"""A trained network is asked in a process of its own, which ends with the answers."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import keras
import psutil
import pytest

from hpsearch.errors import StudyFileError
from hpsearch.processes.ask import ask
from hpsearch.questions import Predict, Write

# Keras's own, where it reads a variable to save it
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Doubles a number."""
    path = tmp_path_factory.mktemp("model") / "model.keras"
    layer = keras.layers.Dense(1, "linear", use_bias=False, kernel_initializer="ones")
    network = keras.Sequential([keras.Input((2,)), layer])
    network.save(path)
    return str(path)


def numbers(model: str, x: list) -> Predict:
    """A question about examples of two numbers each."""
    return Predict(model=model, x={"": x}, dtype={"": "float32"})


def asked() -> list[psutil.Process]:
    """The processes that this one asks."""
    children = psutil.Process().children()
    return [child for child in children if "hpsearch.training" in child.cmdline()]


def test_the_last_activation_comes_first_then_the_outputs(model: str):
    answers = list(ask(numbers(model, [[1.0, 2.0], [3.0, 4.0]])))

    assert answers == [{"": "linear"}, {"": [3.0]}, {"": [7.0]}]
    assert asked() == []


def test_a_process_whose_answers_nobody_wants_any_more_ends(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with closing(ask(numbers(model, [[1.0, 2.0]] * 100))) as answers:
        next(answers)
        assert len(asked()) == 1

    assert asked() == []
    assert list(tmp_path.iterdir()) == []  # its temporary files are gone too


def test_a_model_that_cannot_be_loaded_is_one_line(tmp_path: Path):
    (tmp_path / "model.keras").write_bytes(b"no model")
    question = numbers(str(tmp_path / "model.keras"), [])

    with pytest.raises(StudyFileError, match="^the network cannot be used: ") as error:
        list(ask(question))

    assert "\n" not in str(error.value)


def test_a_process_that_dies_is_told_with_its_last_words(model: str):
    question = Write(
        model=model, window=[], vocabulary=[], n_chars="no number", temperature=0, seed=0
    )

    with pytest.raises(StudyFileError, match="the process of the network died: .*n_chars"):
        list(ask(question))
