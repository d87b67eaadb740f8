"""How much of the gradient reaches each time step, for the levels of a factor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpsearch.verbs.gradients import gradients
from tests.conftest import Cli
from tests.study_texts import study_text
from tests.training.letters import TEXT

pytestmark = pytest.mark.slow


@pytest.fixture
def letters(cwd: Path) -> str:
    """The path of a study file: a recurrent network that reads six letters."""
    text = TEXT.format(cell="GRU", jit_compile=False)
    old = "    budget="
    assert text.count(old) == 1
    Path("letters.py").write_text(text.replace(old, f"    factors={{'units': [2, 6]}},\n{old}"))
    return "letters.py"


def test_each_level_has_a_norm_for_each_step_after_training(letters: str, inside: Cli):
    options = ["--factor", "units", "--epochs", "1", "--examples", "20", "--json"]

    done = inside("gradients", letters, *options, "-o", "steps.svg")

    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert (content["schema"], content["epochs"]) == ("hpsearch.gradients/1", 1)
    assert [level["label"] for level in content["levels"]] == ["2", "6"]
    for level in content["levels"]:
        assert len(level["norms"]) == 6
        assert min(level["norms"]) > 0
    assert "units" in content["levels"][0]["params"]
    assert done.stderr.splitlines()[-3:] == [
        "2: training 1 epoch, then measuring",
        "6: training 1 epoch, then measuring",
        "drew the gradients of letters: steps.svg",
    ]
    picture = Path("steps.svg").read_text()
    assert "6: first / last step" in picture
    assert "letters, levels of units, after 1 epoch, seed 0" in picture


def test_people_see_steps_ever_further_back(letters: str, capsys: pytest.CaptureFixture[str]):
    gradients(
        letters,
        factor=None,
        epochs=0,
        seed=0,
        n_examples=9,
        data=None,
        form=None,
        output=None,
        force=False,
    )

    title, _, header, _, row, *_ = capsys.readouterr().out.splitlines()
    assert title == "letters, before training: what is left of the gradient at time steps"
    assert header.split() == ["last", "last-3", "last-5", "level"]
    assert row.split()[-1] == "baseline"


def test_a_network_that_cannot_be_measured_is_one_line(cwd: Path, inside: Cli):
    Path("mine.py").write_text(study_text())

    refused = inside("gradients", "mine.py")

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines()[-1] == (
        "Error: the network cannot be used: build(params) returned NoneType, not a compiled "
        "keras.Model"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--factor", "unit"], "no factor 'unit': did you mean 'units'?"),
        (["--epochs", "-1"], "takes a whole number of 0 or more, got '-1'"),
        (["--examples", "0"], "takes a whole number of 1 or more, got '0'"),
        (["--json", "--csv"], "exclude each other"),
        (["-o", "steps.gif"], "steps.gif should end in .svg, .png or .pdf"),
        (["-o", "mine.svg"], "mine.svg exists: name another file with -o"),
        (["-o", "none/steps.svg"], "there is no folder none"),
    ],
)
def test_a_wrong_option_is_one_line(letters: str, inside: Cli, options: list[str], message: str):
    Path("mine.svg").touch()

    refused = inside("gradients", letters, *options)

    assert refused.returncode == 2
    assert message in refused.stderr.splitlines()[-1]
