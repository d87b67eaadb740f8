"""`hpsearch lab`: a whole assignment, also when it is killed on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.evaluation.opening import read_openings
from hpsearch.study.invariants import violations
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from tests.conftest import Cli
from tests.toy import write_toy
from tests.waiting import HANG_S, wait_until

pytestmark = pytest.mark.slow

URL = "sqlite:///runs/studies.db"
FIELDS = """factors={"level": [0.8], "peak": [2], "epochs": [4]},
    questions=[Question(words="Which level?", evidence="levels", factor="level")],"""


def test_a_lab_that_is_killed_goes_on_where_it_was_and_ends_with_a_report(cwd: Path, inside: Cli):
    waits = f"""
        while epochs_done == 4 and not os.path.exists({str(cwd / "go")!r}):
            open({str(cwd / "there")!r}, "w").close()
            time.sleep(0.02)
        """
    path = write_toy(cwd, each_epoch=waits, fields=FIELDS)
    text = path.read_text().replace("Budget, Dataset", "Budget, Dataset, Question")
    path.write_text(text)
    options = ["--factors", "level,epochs", "--seeds", "1", "--slots", "1"]
    command = [sys.executable, "-m", "hpsearch", "lab", "toy.py", *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=dict(os.environ)) as launcher:
        wait_until((cwd / "there").exists)
        launcher.kill()
        launcher.wait(timeout=HANG_S)
    (cwd / "go").touch()

    done = inside("lab", "toy.py", "--seeds", "1", "--slots", "1")

    assert done.returncode == 0, done.stderr
    assert "continuing sweep 'toy-sweep' as it was planned" in done.stderr
    for step in ("1/5", "2/5 a search with as many epochs, 10", "3/5", "4/5", "5/5"):
        assert step in done.stderr
    storage = Storage(URL, read_only=True)
    for name in ("toy", "toy-sweep"):
        study, record = load_study(storage, name)
        assert violations(storage, study, record) == []
    assert len(read_openings(load_study(storage, "toy")[0])) == 1
    page = (cwd / "toy-lab" / "report.html").read_text()
    assert "Which level?" in page
    assert "The best level is 0.8, +0.3000 over the baseline" in page
    proof = inside("verify", "toy-lab", "--json")
    assert json.loads(proof.stdout)["tables"] >= 4, proof.stderr

    again = inside("lab", "toy.py", "--seeds", "1")
    assert again.returncode == 2
    assert "toy-lab exists: give another folder with -o" in again.stderr
