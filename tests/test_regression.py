"""A number to predict: the template of `init` on a table, from the search to a prediction."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from hpsearch.pictures.gallery import draw
from hpsearch.pictures.kinds import PictureKind
from hpsearch.pictures.subject import Subject
from hpsearch.study.storage import Storage
from tests.conftest import Cli
from tests.pictures.seen import note, title
from tests.test_docs import REGRESSION, follow

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def own_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table beside the study file, on machines that have data sets elsewhere too."""
    monkeypatch.delenv("HPSEARCH_DATA", raising=False)


def write_sugar(inside: Cli) -> None:
    """A study of how diabetes goes on in a year, from the template."""
    sugar = load_diabetes(scaled=False)
    rows = np.column_stack([sugar.data, sugar.target]).tolist()
    lines = [",".join([*sugar.feature_names, "progress"]), *(",".join(map(str, r)) for r in rows)]
    Path("sugar.csv").write_text("\n".join(lines))
    inside("init", "sugar", "--kind", "regression")
    text = Path("sugar.py").read_text()
    for before, after in [
        ('TARGET = "price"', 'TARGET = "progress"'),
        ('UNIT = "EUR"', 'UNIT = "points"'),
        ("MEAN, SPREAD = 100.0, 50.0", "MEAN, SPREAD = 150.0, 75.0"),
        ('"epochs": 20,', '"epochs": 6,'),
    ]:
        assert before in text
        text = text.replace(before, after)
    Path("sugar.py").write_text(text)


def test_a_number_is_predicted_in_its_unit(cwd: Path, inside: Cli, monkeypatch: pytest.MonkeyPatch):
    follow(REGRESSION, cwd, monkeypatch)

    assert "minimize val_mae (EUR)" in inside("show", "sugar").stdout
    evaluated = inside("evaluate", "sugar")
    assert "On test: mae (EUR), trained on train + valid" in evaluated.stdout

    stored = inside("evaluate", "sugar", "--json").stdout
    winner = json.loads(stored)["test"]["winner"]
    assert 20 < winner["values"][0] < 65  # always to say the mean is 67 off
    assert winner["logs"][0]["r2"] > 0

    line = Path("sugar.csv").read_text().splitlines()[1].rpartition(",")[0]
    assert inside("predict", "sugar", line).stdout.endswith(" EUR\n")

    table = inside("predict", "sugar", "--split", "test", "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(table)))
    assert list(rows[0]) == ["example", "label", "predicted"]
    off = [abs(float(row["label"]) - float(row["predicted"])) for row in rows]
    assert np.mean(off) == pytest.approx(winner["values"][0], rel=1e-4)

    subject = Subject(Storage("sqlite:///runs/studies.db", read_only=True), "sugar")
    picture = draw(PictureKind.PREDICTIONS, subject)
    assert title(picture).startswith("On average, predictions are ")
    assert title(picture).endswith(" EUR off")
    assert note(picture).startswith("88 test examples. R² is 0.")
    refused = inside("plot", "sugar", "confusion", "-o", "a.svg")
    assert refused.returncode == 2
    assert refused.stderr.endswith("are no classes: try the picture 'predictions'\n")


def test_a_mean_and_spread_that_are_not_the_datas_are_corrected_in_words(cwd: Path, inside: Cli):
    write_sugar(inside)
    text = Path("sugar.py").read_text()
    Path("sugar.py").write_text(text.replace("150.0, 75.0", "150000.0, 75000.0"))

    done = inside("check", "sugar.py")

    assert done.returncode != 0
    assert "write MEAN, SPREAD = 152.1, 77.19, as 'progress' has them" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_unit_is_a_text(cwd: Path, inside: Cli):
    write_sugar(inside)
    text = Path("sugar.py").read_text()
    Path("sugar.py").write_text(text.replace("unit=UNIT", "unit=3"))

    done = inside("check", "sugar.py")

    assert done.returncode != 0
    assert "unit= takes a text such as 'EUR', not 3" in done.stderr
