"""A question and its answers pass through the pipe as they are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hpsearch.codec import decode, encode
from hpsearch.questions import Answer, Ended, Predict, Write


@pytest.mark.parametrize(
    "x",
    [
        pytest.param(np.array([[0.1, -2.5]], "float32"), id="numbers"),
        pytest.param(np.array([[0, 255]], "uint8"), id="bytes"),
        pytest.param(np.array(["a good film", "é\n\ud800"]), id="texts"),
    ],
)
def test_examples_keep_their_values(x: np.ndarray):
    question = Predict(model="model.keras", x={"": x.tolist()}, dtype={"": x.dtype.name})

    found = decode(encode(question), Predict, Write)

    assert isinstance(found, Predict)
    np.testing.assert_array_equal(np.array(found.x[""], dtype=x.dtype), x)


def test_a_request_to_write_arrives():
    question = Write(
        model="model.keras",
        window=[0, 3],
        vocabulary=[" ", '"', "\n"],
        n_chars=100,
        temperature=0.7,
        seed=1,
    )

    assert decode(encode(question), Predict, Write) == question


def test_answers_come_as_lines_and_the_end_says_whether_all_is_well():
    said = [Answer(content="softmax"), Answer(content=[0.25, 0.75]), Ended()]

    text = "\n".join(encode(line) for line in said)

    assert [decode(line, Answer, Ended) for line in text.split("\n")] == said
    assert Ended().error == ""


def test_nobody_answers_with_a_question():
    line = json.dumps({"kind": "Predict", "model": "m", "x": [], "dtype": "uint8"})

    with pytest.raises(ValueError, match="no message of the kind Answer or Ended"):
        decode(line, Answer, Ended)
