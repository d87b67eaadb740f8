"""`hpsearch report` and `hpsearch verify DIR`: a folder to hand in, and where it comes from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hpsearch.errors import UsageError
from hpsearch.verbs.report import report, verify
from tests.conftest import Cli
from tests.evaluated import copy_study
from tests.pictures.stored import Stored, logs, store
from tests.reporting.written import RUDE, rude_report

URL = "sqlite:///studies.db"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("output", "message"),
    [
        pytest.param("there", "there exists: give another folder with -o", id="it exists"),
        pytest.param("none/a", "there is no folder none", id="nowhere to put it"),
    ],
)
def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_read(cwd, output, message):
    (cwd / "there").mkdir()

    with pytest.raises(UsageError, match=message):
        report("sqlite:///absent.db", ["toy"], Path(output), data=None)

    assert [path.name for path in cwd.iterdir()] == ["there"]


def test_a_report_while_trials_run_says_so(cwd, capsys):
    store(cwd, Stored(curve=logs(3)), name="toy\x1b[31m")

    report(URL, ["toy\x1b[31m"], Path("handed in"), data=None)

    printed = capsys.readouterr()
    assert printed.err == "1 trial was running or waiting: the report says so\n"
    assert printed.out == (
        "wrote handed in/report.html, with Markdown, a notebook and the tables\n"
    )
    assert "while 1 trial was running or waiting" in (cwd / "handed in/report.md").read_text()


@pytest.mark.xdist_group("report")
def test_verify_prints_what_it_compared_without_control_characters(cwd, capsys):
    shutil.copytree(rude_report(), cwd, dirs_exist_ok=True)

    verify(URL, Path("report"), as_json=False)
    told = capsys.readouterr().out.splitlines()
    verify(URL, Path("report"), as_json=True)
    content = json.loads(capsys.readouterr().out)

    assert told[0].startswith("all ") and told[0].endswith(" files are as written")
    assert told[1].startswith("2 tables come from <img")
    assert "\x1b" not in "".join(told)
    assert content["studies"] == [RUDE, f"sweep {RUDE}"]
    assert (content["tables"], content["grown"]) == (2, [])


@pytest.mark.xdist_group("report")
def test_verify_takes_a_folder_for_what_it_is_and_names_the_changed_file(cwd, inside: Cli):
    shutil.copytree(rude_report(), cwd, dirs_exist_ok=True)
    with (cwd / "report/levels.csv").open("a") as file:
        file.write("forged\n")

    changed = inside("verify", "report", "--storage", URL)
    none = inside("verify", "nothing", "--storage", URL)

    assert (changed.returncode, changed.stdout) == (6, "")
    assert "report/levels.csv was changed after the report was written" in changed.stderr
    assert none.returncode == 2
    assert "no study 'nothing'" in none.stderr


@pytest.mark.xdist_group("evaluated")
def test_a_study_that_is_evaluated_after_its_report_has_gone_on(cwd, inside: Cli):
    copy_study(cwd, stage="searched")
    report("sqlite:///runs/studies.db", ["clouds"], Path("before"), data=None)
    shutil.rmtree(cwd / "runs")
    copy_study(cwd)

    verified = inside("verify", "before")
    after = inside("report", "clouds", "-o", "after")

    assert "not compared: clouds has gone on since: " in verified.stdout
    assert (after.returncode, after.stderr) == (0, "")
    assert {"confusion.png", "mistakes.png", "evaluation.csv", "network.csv"} <= {
        path.name for path in (cwd / "after").iterdir()
    }
