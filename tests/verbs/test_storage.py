"""`hpsearch storage copy`: a study moves whole, and goes on where it went."""

from __future__ import annotations

import json
from pathlib import Path

import optuna
import pytest

from hpsearch.copying import UNFINISHED
from tests.conftest import Cli
from tests.evaluated import copy_study
from tests.toy import write_toy

HERE, THERE = "sqlite:///runs/studies.db", "sqlite:///there/studies.db"


@pytest.fixture
def searched(cwd: Path, inside: Cli) -> Cli:
    """A study of one trial."""
    write_toy(cwd)
    assert inside("run", "toy.py", "--trials", "1", "--slots", "1").returncode == 0
    return inside


@pytest.mark.slow
@pytest.mark.xdist_group("evaluated")
def test_an_evaluated_study_is_used_where_it_was_copied_to(cwd: Path, inside: Cli):
    copy_study(cwd)

    def content(storage: str) -> str:
        shown = [
            inside(verb, "clouds", "--json", "--storage", storage).stdout
            for verb in ("show", "verify", "evaluate")
        ]
        return "".join(shown)

    copied = inside("storage", "copy", HERE, THERE)

    assert copied.returncode == 0, copied.stderr
    assert copied.stdout.startswith("clouds: copied, ")
    assert content(THERE) == content(HERE)
    found = inside("predict", "clouds", "--split", "test", "--csv", "--storage", THERE)
    assert found.returncode == 0, found.stderr
    assert inside("storage", "copy", HERE, THERE).stdout == "clouds: is there already\n"


@pytest.mark.slow
def test_a_copied_study_goes_on_and_is_not_written_over(searched: Cli):
    searched("storage", "copy", HERE, THERE, "toy")

    done = searched("run", "toy.py", "--trials", "2", "--slots", "1", "--storage", THERE)
    refused = searched("storage", "copy", HERE, THERE)

    assert done.returncode == 0, done.stderr
    shown = json.loads(searched("show", "toy", "--json", "--storage", THERE).stdout)
    assert sum(row["outcome"] != "read off" for row in shown["trials"]) == 2
    assert refused.returncode == 6
    assert refused.stderr.endswith("has another study 'toy': nothing was copied over it\n")


@pytest.mark.slow
def test_a_copy_that_was_cut_off_is_begun_anew(searched: Cli):
    Path("there").mkdir()
    study = optuna.create_study(study_name="toy", storage=THERE, direction="maximize")
    study.set_user_attr(UNFINISHED, value=True)
    study.add_trial(optuna.trial.create_trial(value=1.0))

    copied = searched("storage", "copy", HERE, THERE)

    assert copied.returncode == 0, copied.stderr
    assert searched("verify", "toy", "--storage", THERE).returncode == 0


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        pytest.param(["runs", THERE], 2, "is a path, not a URL", id="a path"),
        pytest.param(["sqlite:///no.db", THERE], 4, "no storage at no.db", id="no storage"),
        pytest.param([HERE, HERE], 2, "are the same storage", id="itself"),
        pytest.param([HERE, THERE, "other"], 2, "no study 'other'", id="no such study"),
        pytest.param([HERE, THERE], 2, "there is no study in", id="none of ours"),
        pytest.param([HERE, THERE, "theirs"], 2, "was not made by hpsearch", id="another's"),
    ],
)
def test_what_cannot_be_copied_is_one_line(
    cwd: Path, inside: Cli, argv: list[str], code: int, message: str
):
    Path("runs").mkdir()
    optuna.create_study(study_name="theirs", storage=HERE)

    done = inside("storage", "copy", *argv)

    assert done.returncode == code
    assert message in done.stderr
    assert not Path("there").exists()
