"""`hpsearch verify` finds what is wrong: each row breaks a sound study in one way."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.choices import PrunerName
from hpsearch.searching.launch import Options, run
from hpsearch.searching.view import View
from hpsearch.study import invariants
from hpsearch.study.invariants import LEFT_RUNNING, MEANS, violations
from hpsearch.study.lock import process_name
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from tests.toy import write_toy
from tests.waiting import wait_until

URL = "sqlite:///studies.db"


@pytest.fixture
def sound(cwd: Path) -> Path:
    """A study of a trial of five epochs, the best of which was the second."""
    toy = write_toy(cwd, epochs=5, peak=2)
    run(str(toy), Options(storage=URL, trials=1, slots=1, pruner=PrunerName.NONE), View())
    assert broken() == []
    return cwd


def broken() -> list[str]:
    storage = Storage(URL, read_only=True)
    return [violation.invariant for violation in violations(storage, *load_study(storage, "toy"))]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sql", "invariant"),
    [
        pytest.param(
            "DELETE FROM trial_intermediate_values WHERE step = 3",
            "no gap in the curve",
            id="a lost epoch",
        ),
        pytest.param(
            "UPDATE trial_intermediate_values SET intermediate_value = 0.9 WHERE step = 2",
            "curve and study agree",
            id="an epoch with another value",
        ),
        pytest.param(
            "UPDATE trial_values SET value = 0.9 WHERE trial_id = 1",
            "the value is the last epoch's",
            id="a value that was never seen",
        ),
        pytest.param(
            "UPDATE trial_values SET value = 0.9 WHERE trial_id = 2",
            "the value is the curve's",
            id="a read-off value that was never seen",
        ),
        pytest.param(
            "UPDATE trial_values SET value_type = 'INF_POS', value = NULL WHERE trial_id = 1",
            "the best is real",
            id="an infinite best",
        ),
        pytest.param(
            "UPDATE trials SET number = 7 WHERE trial_id = 2", "no trial lost", id="a lost trial"
        ),
        pytest.param(
            "INSERT INTO trials (number, study_id, state, datetime_complete) "
            "VALUES (2, 1, 'COMPLETE', '2026-01-01'); "
            "INSERT INTO trial_values (trial_id, objective, value, value_type) "
            "VALUES (3, 0, 0.5, 'FINITE'); "
            "INSERT INTO trial_user_attributes (trial_id, key, value_json) "
            "VALUES (3, 'read_off', '0')",
            "counted once",
            id="read off twice",
        ),
        pytest.param(
            "UPDATE trials SET datetime_complete = NULL WHERE trial_id = 1",
            "no zombies",
            id="half finished",
        ),
        pytest.param(
            "INSERT INTO trial_user_attributes (trial_id, key, value_json) "
            "VALUES (2, 'baseline', 'true')",
            "counted once",
            id="two baselines",
        ),
    ],
)
def test_a_broken_study_is_found_out(sound, sql, invariant):
    with sqlite3.connect("studies.db") as connection:
        connection.executescript(sql)
    connection.close()

    assert invariant in broken()


@pytest.mark.slow
def test_training_that_began_before_the_last_epoch_is_found_out(sound):
    (path,) = (sound / "curves").glob("*/curve.json")
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "starts": [[0, 0], [0, 3]]}))

    assert broken() == ["resumed at the last epoch"] * 2  # of the trial and of its read-off


def test_each_violation_says_what_it_means():
    source = Path(invariants.__file__).read_text()
    named = set(re.findall(r"Violation\(\s*\"(.+?)\"", source))

    assert named | {LEFT_RUNNING} == set(MEANS)


def test_values_reported_before_a_library_upgrade_accuse_nobody(sound):
    """The trial ended earlier on its new curve than it had come on the old one."""
    with sqlite3.connect("studies.db") as connection:
        connection.executescript(
            "UPDATE trials SET state = 'PRUNED' WHERE trial_id = 1; "
            "UPDATE trial_user_attributes SET value_json = '1' "
            "WHERE trial_id = 1 AND key = 'epochs_trained'; "
            "UPDATE trial_intermediate_values SET intermediate_value = 0.9 "
            "WHERE trial_id = 1 AND step > 1"
        )
    connection.close()

    assert broken() == []


def test_a_process_without_a_launcher_is_found_out(sound):
    name = process_name(Storage(URL), "toy")
    code = (
        "import ctypes, sys\n"
        f"ctypes.CDLL(None).prctl(15, {name.encode()!r})\n"
        "print('named', flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as orphan:
        assert orphan.stdout
        assert orphan.stdout.readline() == "named\n"
        assert broken() == ["nothing left running"]
        orphan.kill()
    wait_until(lambda: broken() == [])


@pytest.mark.slow
def test_verify_prints_what_is_wrong_and_ends_with_6(sound, inside):
    with sqlite3.connect("studies.db") as connection:
        connection.execute("DELETE FROM trial_intermediate_values WHERE step = 3")
    connection.close()

    done = inside("verify", "toy", "--storage", URL)
    as_json = json.loads(inside("verify", "toy", "--storage", URL, "--json").stdout)

    assert done.returncode == 6
    assert "no gap in the curve: trial 0 has epochs [1, 2, 4, 5]" in done.stdout
    assert done.stderr.startswith("Error: study 'toy' is unsound: 2 violations in 2 trials")
    assert as_json["schema"] == "hpsearch.verify/1"
