"""The README of an export: for whoever opens the folder first."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.used import copy_used

# the studies are made once a process
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluated")]


@pytest.fixture
def reviews(cwd: Path) -> Path:
    """An export with a vocabulary and sparse examples."""
    copy_used("reviews", cwd, "out")
    return cwd / "out"


def test_it_names_every_file_of_the_folder(reviews: Path):
    readme = (reviews / "README.md").read_text()

    named = set(re.findall(r"`(\w+\.\w+)`", readme.partition("## Files")[2]))

    assert named | {"README.md"} == {path.name for path in reviews.iterdir()}


def test_it_says_what_the_network_was_trained_on(cwd: Path, reviews: Path):
    copy_used("tones", cwd / "watched", "out")

    watched, plain = (
        " ".join((folder / "README.md").read_text().split())
        for folder in (cwd / "watched" / "out", reviews)
    )

    assert "on 150 examples, while its callbacks saw the validation split, and measured" in watched
    assert "`x_valid`, `y_valid`" in watched
    assert "on 300 examples, those of the training and the validation split together, and" in plain
    assert "valid`" not in plain


def test_it_shows_the_winner_the_figures_and_the_hyperparameters(reviews: Path):
    readme = (reviews / "README.md").read_text()

    assert "won the study `reviews`: trial 0 (the baseline)." in readme
    assert "| mean over seeds | 1.0000 |" in readme
    assert "| optimizer | adam |" in readme
    assert "The classes, in the order of labels: negative, positive." in readme
    assert "$" not in readme


@pytest.mark.parametrize(
    "name", [pytest.param("reviews", id="sparse"), pytest.param("tones", id="a layer of its own")]
)
def test_its_python_runs_as_it_stands(cwd: Path, name: str):
    copy_used(name, cwd, "out")
    readme = (cwd / "out" / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)

    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint(predictions.shape)"],
        cwd=cwd / "out",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines()[-1] == "(100, 1)", done.stderr


@pytest.mark.parametrize(
    ("name", "verbs"),
    [("reviews", {"predict"}), ("letters", {"predict", "generate"}), ("tones", set())],
)
def test_it_shows_the_commands_that_the_task_allows(cwd: Path, name: str, verbs: set[str]):
    copy_used(name, cwd, "out")
    readme = (cwd / "out" / "README.md").read_text()

    assert set(re.findall(r"^hpsearch (\w+)", readme, re.MULTILINE)) == verbs
