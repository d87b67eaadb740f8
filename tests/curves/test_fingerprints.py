"""Which part of a study file's text says whether curves and arrays are the same."""

from __future__ import annotations

import sys

import pytest

from hpsearch.curves.store import network_of
from hpsearch.study_file import StudyFile, own_modules, run_study_file

HEAD = "from hpsearch import Task\nimport math\n"
TAIL = (
    "\ndef load(folder): return 1\ndef space(trial): pass\n"
    "TASK = Task(load=load, space=space, build=build, baseline=dict(epochs=1, batch_size=4))\n"
)


def study_file(text: str) -> StudyFile:
    return run_study_file(HEAD + text + TAIL, "mine.py")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("U = 5\ndef build(p): return U", "U = 6\ndef build(p): return U", id="="),
        pytest.param(
            "U = {}\nU['a'] = 5\ndef build(p): return U",
            "U = {}\nU['a'] = 6\ndef build(p): return U",
            id="an item",
        ),
        pytest.param(
            "U = []\nU.append(5)\ndef build(p): return U",
            "U = []\nU.append(6)\ndef build(p): return U",
            id="a call",
        ),
        pytest.param(
            "U = []\nfor i in (1, 5): U += [i]\ndef build(p): return U",
            "U = []\nfor i in (1, 6): U += [i]\ndef build(p): return U",
            id="a loop",
        ),
        pytest.param(
            "try:\n    import math as m\nexcept ImportError: m = 1\ndef build(p): return m",
            "try:\n    import cmath as m\nexcept ImportError: m = 1\ndef build(p): return m",
            id="an import that may fail",
        ),
        pytest.param(
            "from math import *\ndef build(p): return sqrt(p)",
            "from cmath import *\ndef build(p): return sqrt(p)",
            id="a star",
        ),
        pytest.param("build = lambda p: 5", "build = lambda p: 6", id="a lambda"),
        pytest.param(
            "def make(n):\n    def inner(p): return n\n    return inner\nbuild = make(5)",
            "def make(n):\n    def inner(p): return n\n    return inner\nbuild = make(6)",
            id="made by a function",
        ),
        pytest.param(
            "from functools import partial\nbuild = partial(print, 5)",
            "from functools import partial\nbuild = partial(print, 6)",
            id="partial",
        ),
    ],
)
def test_what_changes_the_network_changes_its_fingerprint(before: str, after: str):
    assert study_file(before).fingerprint_of("build") == study_file(before).fingerprint_of("build")
    assert study_file(before).fingerprint_of("build") != study_file(after).fingerprint_of("build")


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("# a comment\n", id="a comment"),
        pytest.param("OTHER = 5\n", id="another name"),
        pytest.param("if __name__ == '__main__':\n    print(build)\n", id="a script's part"),
        pytest.param("OTHER = []\nOTHER.append(5)\n", id="a change of another name"),
    ],
)
def test_what_has_no_part_in_it_does_not(more: str):
    build = "U = 5\ndef build(p): return U\n"

    plain = study_file(build).fingerprint_of("build")
    assert study_file(build + more).fingerprint_of("build") == plain


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module of the user's own, in a folder that Python looks in."""
    path = tmp_path / "mylayers.py"
    path.write_text("UNITS = 5\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mylayers", raising=False)
    return path


BUILD = "def build(p):\n    import mylayers\n    return mylayers.UNITS"


def test_a_module_of_ones_own_that_build_imports_is_part_of_the_network(own_module):
    before = study_file(BUILD).fingerprint_of("build")

    own_module.write_text("UNITS = 6\n")

    assert study_file(BUILD).fingerprint_of("build") != before
    assert study_file(BUILD).fingerprint_of("load") == study_file(BUILD).fingerprint_of("load")


def test_a_package_of_ones_own_is_part_of_the_network_with_all_its_modules(own_module):
    package = own_module.parent / "mypackage"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "layers.py").write_text("UNITS = 5\n")
    build = "from mypackage.layers import UNITS\ndef build(p): return UNITS"
    before = study_file(build).fingerprint_of("build")

    (package / "layers.py").write_text("UNITS = 6\n")

    assert study_file(build).fingerprint_of("build") != before


def test_installed_libraries_have_versions_and_no_part_in_the_code(own_module):
    assert own_modules("import numpy, json, keras.layers, optuna, hpsearch, no_such_module") == []
    assert own_modules("import mylayers") == [own_module]


CALLBACKS = "RATE = {}\ndef callbacks(p): return [RATE]\ndef weigh(p): return {{0: RATE}}\n"


def network(fields: str, rate: int = 1) -> str:
    code = "def build(p): return 5\n" + CALLBACKS.format(rate)
    tail = TAIL.replace("build=build,", f"build=build, {fields}")
    return network_of(run_study_file(HEAD + code + tail, "mine.py"))


def test_a_network_is_also_what_its_training_does():
    """Each of these makes other curves; what a task does not use makes none."""
    fields = [
        "",
        "callbacks=callbacks,",
        "class_weight=weigh,",
        "class_weight={0: 1, 1: 2},",
        "class_weight={0: 1, 1: 3},",
        "class_weight='balanced',",
        "continues=False,",
    ]
    assert len({network(of_task) for of_task in fields}) == len(fields)
    assert network("class_weight={1: 2.0, 0: 1.0},") == network("class_weight={0: 1, 1: 2},")
    for of_task in fields:
        uses_rate = of_task in ("callbacks=callbacks,", "class_weight=weigh,")
        assert (network(of_task, rate=2) != network(of_task)) is uses_rate
