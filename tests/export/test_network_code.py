"""`network.py`: the study file's code of its network, word for word, in a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpsearch.errors import StudyFileError
from hpsearch.export.network_code import network_code
from hpsearch.study_file import read_study_file, run_study_file
from tests.study_texts import study_text

ROOT = Path(__file__).parents[2]
STUDY_FILES = [*ROOT.glob("studies/*.py"), *ROOT.glob("hpsearch/templates/*.py")]

BUILD = '''\
def build(params: Split) -> "keras.Model":
    """Build it."""  # with care
    return double( params["units"] )   # spaces as they are
'''
CODE = f'''\
import math
import sys
SIZES = {{"small": 4}}; OTHER = 5

# How much is enough.
# In units.
ENOUGH = 3
UNUSED = """
# not a comment"""
MARGIN = 1  # just in case


def unused():
    return sys.path


@staticmethod
def double(n):
    # twice

    return 2 * n + math.floor(MARGIN) + SIZES["small"]


{BUILD}'''

OWN = f"""\
import math
SIZES = {{"small": 4}}

MARGIN = 1  # just in case


@staticmethod
def double(n):
    # twice

    return 2 * n + math.floor(MARGIN) + SIZES["small"]


{BUILD}"""


def code_of(code: str, **fields: str) -> str:
    """`network.py` of a study file that defines its functions in `code`."""
    text = study_text(**fields).replace("def build(params):\n    print(params)\n", code)
    return network_code(run_study_file(text, "task.py"))


def run(code: str) -> dict[str, Any]:
    """What `network.py` defines."""
    names: dict[str, Any] = {"__name__": "network"}
    exec(compile(code, "network.py", "exec"), names)
    return names


def test_it_is_what_build_needs_as_it_stands_in_the_study_file():
    """Comments, docstrings, types and spaces too; what build does not need is left out."""
    code = code_of(CODE)

    _, _, own = code.partition("not imported here\n")
    assert own.lstrip() == OWN
    assert run(code)["build"]({"units": 5}) == 15


def test_a_comment_above_a_statement_belongs_to_it():
    code = code_of(CODE.replace("math.floor(MARGIN)", "ENOUGH"))

    assert "\n\n# How much is enough.\n# In units.\nENOUGH = 3\n\n\n@staticmethod" in code


def test_a_string_that_ends_like_a_comment_belongs_to_nothing_below_it():
    assert "not a comment" not in code_of(CODE)


def test_also_log_brings_what_it_needs_once():
    log = "\n\ndef more(logs):\n    return {'twice': double(logs['loss'])}\n"

    code = code_of(CODE + log, also_log="more")

    assert code.count("def double") == 1
    assert run(code)["more"]({"loss": 0.5}) == {"twice": 6.0}


def test_lines_may_end_as_they_do_on_windows():
    text = study_text().replace("print(params)", "return params  # é")
    study_file = run_study_file(text.replace("\n", "\r\n"), "task.py")

    code = network_code(study_file)

    assert code.endswith("\ndef build(params):\n    return params  # é\n")


def test_a_name_of_a_study_file_is_no_code():
    study_file = run_study_file(study_text(), 'a"""\nimport nosuch\n"""\\.py')

    assert set(run(network_code(study_file))) >= {"__doc__", "annotations", "build"}


@pytest.mark.parametrize("path", STUDY_FILES, ids=lambda path: path.stem)
def test_the_network_of_each_study_file_stands_alone(path: Path):
    study_file = read_study_file(str(path))

    code = network_code(study_file)

    assert callable(run(code)["build"])
    assert "hpsearch" not in code.partition('"""\n\n')[2]


@pytest.mark.parametrize("statement", ["import keras, hpsearch", "from hpsearch.data import IMDB"])
def test_a_build_that_uses_hpsearch_is_refused(statement: str):
    with pytest.raises(StudyFileError, match=r"task\.py: build\(\) uses hpsearch, but an exported"):
        code_of(f"def build(params):\n    {statement}\n    return hpsearch, IMDB\n")


def test_a_type_may_be_of_hpsearch():
    """It is there to be read: nothing looks it up."""
    code = code_of("def build(params: Split):\n    return params\n")

    assert run(code)["build"](1) == 1


def test_a_module_of_the_users_own_is_refused(cwd: Path, monkeypatch: pytest.MonkeyPatch):
    (cwd / "my_layers.py").write_text("")
    monkeypatch.syspath_prepend(cwd)

    with pytest.raises(StudyFileError) as refused:
        code_of("def build(params):\n    import scipy, my_layers\n")

    assert str(refused.value) == (
        "task.py: build() imports my_layers, which belongs to no installed package, so an export "
        "could not: move that code into the study file"
    )


@pytest.mark.parametrize("code", ["build = lambda params: 1\n", "build = print\n"])
def test_a_build_that_is_not_in_the_study_file_by_its_name_is_refused(code: str):
    with pytest.raises(StudyFileError, match="build= must be a function that the study file"):
        code_of(code)
