"""`hpsearch doctor`: what is here, and one line to fix what is not as a search needs it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import keras
import optuna

from hpsearch.agents.agent import Agent
from hpsearch.agents.join import read_join
from hpsearch.processes.runner import LocalRunner
from tests.conftest import Cli
from tests.toy import write_toy
from tests.waiting import wait_until


def found(inside: Cli, *args: str, **env: str) -> tuple[int, dict[str, list[str]], list[str]]:
    """The exit code, what is said about each thing, and what of it is a fault."""
    done = inside("doctor", "--json", *args, **env)
    seen = json.loads(done.stdout)["observations"]
    told: dict[str, list[str]] = {}
    for one in seen:
        told.setdefault(one["about"], []).append(one["what"])
    return done.returncode, told, [one["what"] for one in seen if one["is_fault"]]


def test_a_sound_machine_is_described(cwd: Path, inside: Cli):
    code, told, _ = found(inside)

    assert code == 0
    assert list(told) == ["machine", "keras", "storage", "cache", "data"]
    assert told["keras"][0].startswith(f"Keras {keras.__version__} on tensorflow")
    assert told["keras"][1].startswith("trains on ")
    assert told["storage"] == ["none yet at sqlite:///runs/studies.db: the first run creates it"]
    assert any(line.startswith("digits: made or found by the study file") for line in told["data"])
    assert not (cwd / "runs").exists()


def test_what_cannot_be_used_gets_a_line_each_and_the_exit_code_of_the_first(
    cwd: Path, inside: Cli
):
    Path("studies.db").write_text("not a database")

    code, told, faults = found(inside, "--storage", "sqlite:///studies.db", KERAS_BACKEND="cntk")

    assert code == 2
    assert told["keras"] == ["KERAS_BACKEND is 'cntk', which is not installed"]
    assert "studies.db is not an SQLite file" in told["storage"][0]
    assert {told["keras"][0], told["storage"][0]} <= set(faults)
    assert told["data"]  # looked at all the same


def test_people_see_what_to_fix_below_each_thing(cwd: Path, inside: Cli):
    write_toy(cwd)
    optuna.create_study(study_name="one", storage="sqlite:///studies.db")

    done = inside("doctor", "--storage", "sqlite:///studies.db", KERAS_BACKEND="cntk")

    assert "\nstorage     sqlite:///studies.db: 1 study\n" in done.stdout
    assert "\nkeras     ! KERAS_BACKEND is 'cntk', which is not installed\n" in done.stdout
    assert "to look at, marked with !" in done.stderr


def test_nodes_are_looked_at_too(cwd: Path, inside: Cli):
    """One that is refused would be left out of a search."""

    def join() -> None:
        wait_until(lambda: list(cwd.glob("hpsearch-*.join")))
        (path,) = cwd.glob("hpsearch-*.join")
        agent = Agent(3, LocalRunner(), None, [].append, node="lab7")
        agent.dial(lambda: read_join(path.read_bytes(), "it"), 10)

    agent = threading.Thread(target=join)
    agent.start()

    code, told, faults = found(inside, "--on", "listen://127.0.0.1:0")

    agent.join()
    assert code == 0
    assert told["nodes"] == ["lab7: slots 3, and the same versions as here"]
    assert not any("lab7" in one for one in faults)
