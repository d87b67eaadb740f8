"""A trained network to use, of a study or of an exported folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hpsearch.errors import DataError, StudyFileError, StudyNotFound, UsageError
from hpsearch.export.models import Model, find_model
from hpsearch.study_file import run_study_file
from tests.evaluated import copy_study
from tests.used import REVIEWS, copy_used

# the studies are made once a process
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluated")]

STORAGE = "sqlite:///runs/studies.db"


def test_a_study_and_its_export_give_the_same_network(cwd: Path):
    copy_used("reviews", cwd, "runs")
    copy_used("reviews", cwd, "out")

    of_study = find_model("reviews", STORAGE, None, verb="predict")
    of_export = find_model("out", "sqlite:///nowhere.db", None, verb="predict")

    assert of_study.path.read_bytes() == of_export.path.read_bytes()
    assert of_study.vocabulary == of_export.vocabulary
    assert of_study.classes == of_export.classes == ["negative", "positive"]


def test_a_task_that_lacks_what_the_verb_needs_says_so(cwd: Path):
    copy_study(cwd)

    with pytest.raises(StudyFileError, match="hpsearch generate needs writing= in the task of"):
        find_model("clouds", STORAGE, None, verb="generate")


def test_a_model_file_from_elsewhere_is_refused(cwd: Path):
    copy_study(cwd)
    (cwd / "model.keras").touch()

    with pytest.raises(UsageError, match="could run code: name a study or an exported folder"):
        find_model("model.keras", STORAGE, None, verb="predict")


def test_a_name_of_nothing_is_taken_for_a_study(cwd: Path):
    copy_study(cwd)

    with pytest.raises(StudyNotFound, match="studies there: 'clouds'"):
        find_model("cloud", STORAGE, None, verb="predict")


def reviews() -> Model:
    return Model(
        study="reviews",
        path=Path("model.keras"),
        study_file=run_study_file(REVIEWS, "reviews.py"),
        params={},
        vocabulary=("good", "bad"),
        classes=[],
        split={}.__getitem__,
    )


def test_a_text_is_encoded_as_the_task_says():
    encoded = reviews().encode(b"good good film", "the text")

    assert encoded.x.tolist() == [2, 0]
    assert encoded.n_unknown == 1


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("crash", StudyFileError, r"reviews\.py:37: encode\(\) of the text raised RuntimeError"),
        ("refuse", DataError, "the text cannot be encoded: no review"),
        ("list", StudyFileError, r"encode\(\) returned list"),
        ("rows", StudyFileError, "must be an array of numbers or text"),
        ("nan", DataError, "the text has values that are not finite numbers"),
        ("très".encode("latin-1"), DataError, "the text is not UTF-8 text: byte 2 is not"),
    ],
)
def test_what_cannot_be_encoded_says_whose_fault_it_is(
    text: str | bytes, kind: type[Exception], message: str
):
    content = text if isinstance(text, bytes) else text.encode()

    with pytest.raises(kind, match=message):
        reviews().encode(content, "the text")


def test_texts_of_characters_are_counted_in_characters(cwd: Path):
    copy_used("letters", cwd, "out")

    model = find_model("out", STORAGE, None, verb="generate")

    assert model.unit == "characters"
    assert reviews().unit == "words"
    assert np.array_equal(model.classes, model.vocabulary)
