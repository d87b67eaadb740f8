"""Importing Keras without its greetings, and without what it takes along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LOUD = "import os, sys\nos.write(2, b'native\\n')\nprint('python', file=sys.stderr)\n"


def load(cwd: Path, text: str, keras: str = LOUD) -> subprocess.CompletedProcess[str]:
    """Run a study file's text where `keras` is what the test says."""
    (cwd / "keras.py").write_text(keras)
    code = f"from hpsearch.study_file import run_study_file\nrun_study_file({text!r}, 'task.py')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd)


@pytest.mark.parametrize(
    "statement", ["import keras", "import keras.layers as layers", "from keras import layers"]
)
def test_what_keras_prints_while_it_loads_is_dropped(cwd: Path, statement: str):
    assert "native" not in load(cwd, statement).stderr


def test_what_the_study_file_itself_prints_stays(cwd: Path):
    text = "import keras, os, sys\nos.write(2, b'mine\\n')\nprint('mine too', file=sys.stderr)"

    done = load(cwd, text)

    assert done.stderr.splitlines()[:2] == ["mine", "mine too"]
    assert "python" not in done.stderr.splitlines()


def test_a_keras_that_cannot_be_loaded_is_reported_by_the_study_files_own_line(cwd: Path):
    done = load(cwd, "\nimport keras", keras="raise RuntimeError('broken')")

    assert "StudyFileError: task.py:2: the study file raised RuntimeError: broken" in done.stderr


def test_keras_alone_goes_without_scikit_learn_which_others_may_have_later(cwd: Path):
    (cwd / "keras.py").write_text(
        "try:\n    import sklearn\nexcept ImportError:\n    sklearn = 0\n"
    )
    code = """
from hpsearch.quiet_imports import keras_alone
with keras_alone():
    import keras
import sklearn.datasets
print(keras.sklearn, len(sklearn.datasets.load_digits().target))
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["0", "1797"]


def test_a_text_that_does_not_parse_is_left_to_the_study_files_own_error(cwd: Path):
    assert "task.py:1: the study file raised SyntaxError" in load(cwd, "import keras; x = (").stderr
