"""`hpsearch adopt`: from a script to a study file that `check` accepts, never over another file."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli

SCRIPT = """
import numpy as np
from keras import layers, models

data = np.load("numbers.npz")
model = models.Sequential([layers.Dense(4, activation="relu"), layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(data["x"], data["y"], epochs=2, batch_size=8, validation_split=0.2)
raise SystemExit("nobody runs this script")
"""
ALICE = Path(__file__).parents[1] / "adopt" / "scripts" / "alice_chars.py"


@pytest.fixture
def script(cwd: Path) -> Path:
    np.savez(cwd / "numbers.npz", x=np.random.default_rng(0).random((40, 3)), y=np.arange(40.0))
    (cwd / "mine.py").write_text(SCRIPT)
    return cwd / "mine.py"


def test_a_script_becomes_a_study_file_that_check_accepts_and_trains(script: Path, inside: Cli):
    done = inside("adopt", "mine.py")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "wrote mine_study.py\nsearched      epochs=2, batch_size=8, units=4, activation=relu, "
        "optimizer=sgd\n"
    )
    assert "hpsearch check mine_study.py --train" in done.stderr
    assert sorted(path.name for path in script.parent.iterdir()) == [
        "mine.py", "mine_study.py", "numbers.npz",
    ]  # fmt: skip
    checked = inside("check", "mine_study.py", "--train", "--data", ".")
    assert checked.returncode == 0, checked.stderr
    assert "train 25, valid 7, test 8" in checked.stdout
    assert "minimize val_loss" in checked.stdout


def test_a_number_that_only_the_data_know_is_asked_for_by_check(cwd: Path, inside: Cli):
    (cwd / "alice_in_wonderland.txt").write_text("the cat sat on the mat\n" * 30)
    shutil.copy(ALICE, cwd / "alice.py")
    inside("adopt", "alice.py")
    study = cwd / "alice_study.py"

    refused = inside("check", "alice_study.py", "--data", ".")
    study.write_text(study.read_text().replace("NB_CHARS = 1 ", "NB_CHARS = 10 "))
    accepted = inside("check", "alice_study.py", "--data", ".")

    assert refused.returncode == 2
    assert "write NB_CHARS = 10: the network needs it" in refused.stderr
    assert accepted.returncode == 0, accepted.stderr
    assert "each 10 x 10 (bool)" in accepted.stdout


def test_another_file_can_be_named(script: Path, inside: Cli):
    assert inside("adopt", "mine.py", "-o", "lab.py").returncode == 0
    assert (script.parent / "lab.py").exists()


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        pytest.param([], 2, "SCRIPT_OR_NOTEBOOK", id="no script"),
        pytest.param(["absent.py"], 2, "cannot read absent.py", id="absent"),
        pytest.param(["mine.py", "-o", "taken.py"], 2, "taken.py already exists", id="taken"),
        pytest.param(["mine.py", "-o", "mine.py"], 2, "mine.py already exists", id="itself"),
        pytest.param(["mine.py", "-o", "lab.txt"], 2, "ends in .py", id="another suffix"),
        pytest.param(["mine.py", "-o", "no/lab.py"], 5, "cannot write no/lab.py", id="no folder"),
        pytest.param(["taken.py"], 2, "taken.py has no network", id="no network"),
        pytest.param(["broken.py"], 2, "broken.py:1: not Python 3", id="a syntax error"),
    ],
)
def test_what_cannot_be_done_gets_one_line_and_writes_nothing(
    script: Path, inside: Cli, argv: list[str], code: int, message: str
):
    folder = script.parent
    (folder / "taken.py").write_text("precious = 1")
    (folder / "broken.py").write_text("precious = (")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    done = inside("adopt", *argv)

    assert done.returncode == code
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
