"""The password of a storage shows nowhere: not in what is printed, stored, or handed on."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Cli
from tests.postgres import PASSWORD, USER
from tests.toy import write_toy

pytestmark = pytest.mark.filterwarnings("ignore:.* was deleted while still open")

DUMP = """
import os, sys, psutil
own = psutil.Process()
with open({place!r}, "w") as file:
    for process in [own, *own.parents()]:
        print(process.cmdline(), file=file)
    print(dict(os.environ), file=file)
"""

VERBS = [
    ("report", "toy", "-o", "report"),
    ("evaluate", "toy", "--top", "1", "--seeds", "1"),
    ("show", "toy"),
    ("show", "toy", "--json"),
    ("show", "toy", "--trial", "0"),
    ("best", "toy", "--json"),
    ("ls",),
    ("verify", "toy"),
    ("show", "nothing"),
    ("export", "toy", "-o", "out"),
    ("plot", "toy", "history", "-o", "history.svg"),
    ("doctor",),
]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Closes the connections that a command leaves to the end of its process."""
    yield
    gc.collect()


@pytest.mark.slow
def test_no_output_file_attribute_or_process_shows_it(
    cwd: Path, cli: Cli, inside: Cli, postgres_url: str
):
    write_toy(cwd, in_build=DUMP.format(place=str(cwd / "processes")))
    secret = {"HPSEARCH_STORAGE": postgres_url}
    argv = ["run", "toy.py", "--trials", "1", "--slots", "1", "--log", "tensorboard:tb"]

    done = [cli(*argv, **secret)]
    done += [inside(*verb, **secret) for verb in VERBS]
    done.append(inside("storage", "copy", postgres_url, "sqlite:///copied.db"))

    assert [one.returncode for one in done if "nothing" not in one.args] == [0] * len(VERBS) + [0]
    assert "hpsearch" in (cwd / "processes").read_text()  # who trained, and who started that
    for one in done:
        assert PASSWORD not in one.stdout + one.stderr, one.args
    for path in cwd.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path
    with psycopg.connect(postgres_url) as connection:
        for table in ("study_user_attributes", "study_system_attributes", "trial_user_attributes"):
            rows = connection.execute(f"SELECT * FROM {table}".encode()).fetchall()
            assert PASSWORD not in str(rows)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param((PASSWORD, f"{PASSWORD}-not"), 4, id="wrong password"),
        pytest.param((f"{USER}:", "nobody:"), 4, id="wrong user"),
        pytest.param((r":\d+/", ":1/"), 4, id="closed port"),
        pytest.param((r":\d+/", ":port/"), 2, id="no port"),
        pytest.param((r"/lab_\d+", "/nothing"), 4, id="no database"),
        pytest.param(("postgresql://", ""), 2, id="no scheme"),
        pytest.param(("postgresql:", "redis:"), 2, id="not supported"),
        pytest.param((PASSWORD, f"{PASSWORD}@x"), 2, id="@ in the password"),
        pytest.param((PASSWORD, f"{PASSWORD}{{0}}"), 2, id="{ in the password"),
        pytest.param((PASSWORD, f"{PASSWORD}%40/#?: x"), 4, id="special characters"),
        pytest.param(
            (f":{PASSWORD}@(.*)", f"@\\1?password={PASSWORD}&connect_timeout=x"), 4, id="option"
        ),
    ],
)
def test_no_error_shows_it(inside: Cli, postgres_url: str, change: tuple[str, str], code: int):
    url = re.sub(*change, postgres_url)
    assert url != postgres_url

    done = inside("ls", HPSEARCH_STORAGE=url)

    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1
    assert PASSWORD not in done.stderr


def test_a_password_on_the_command_line_is_remarked_upon(inside: Cli, postgres_url: str):
    typed = inside("ls", "--storage", postgres_url, "--json")
    by_environment = inside("ls", "--json", HPSEARCH_STORAGE=postgres_url)

    assert typed.stderr == (
        "note: the list of processes shows this password to all users of the machine; "
        "put the URL into HPSEARCH_STORAGE instead\n"
    )
    assert json.loads(typed.stdout) == json.loads(by_environment.stdout)
    assert by_environment.stderr == ""
