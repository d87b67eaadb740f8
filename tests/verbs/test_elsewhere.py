"""A study that Optuna made without hpsearch can be read; what needs our records says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import optuna
import pytest

from tests.conftest import Cli

URL = "sqlite:///theirs.db"


def objective(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -1, 1)
    kind = trial.suggest_categorical("kind", ["round", None, True])
    # names that hpsearch uses too, and means something else by
    for name in ("seconds", "curve", "outcome", "seed", "read_off", "fit"):
        trial.set_user_attr(name, ["not", "ours"])
    for step in range(3):
        trial.report(x * x + step, step)
        if step == 1 and trial.number % 4 == 3:
            raise optuna.TrialPruned
    if trial.number == 6:
        raise ValueError(kind)
    return x * x


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A storage with a study of one objective, of two, of two that we cannot show, and none."""
    path = tmp_path_factory.mktemp("theirs") / "theirs.db"
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(study_name="theirs", storage=storage, sampler=sampler)
    study.optimize(objective, n_trials=10, catch=ValueError)
    for name, directions in {"two": ("maximize", "minimize"), "both": ("maximize",) * 2}.items():
        study = optuna.create_study(
            study_name=name, storage=storage, directions=directions, sampler=sampler
        )
        study.optimize(lambda t: (t.suggest_float("a", 0, 1), t.suggest_float("b", 0, 1)), 5)
    optuna.create_study(study_name="empty", storage=storage)
    storage.engine.dispose()
    return path


@pytest.fixture
def read(made: Path, inside: Cli, cwd: Path) -> Cli:
    shutil.copy(made, cwd / "theirs.db")
    return lambda *args: inside(*args, "--storage", URL)


def test_it_is_listed_and_one_that_cannot_be_shown_is_named(read: Cli):
    done = read("ls", "--json")

    rows = {row["study"]: row for row in json.loads(done.stdout)["studies"]}
    assert list(rows) == ["theirs", "two", "empty"]
    assert rows["theirs"]["trials"] == 10
    assert rows["theirs"]["metric"] == "value"
    assert done.stderr.startswith("not listed: study 'both' maximizes 'value_1'")


def test_its_trials_are_shown_with_their_intermediate_values(read: Cli):
    shown = json.loads(read("show", "theirs", "--json").stdout)
    trial = json.loads(read("show", "theirs", "--trial", "3", "--json").stdout)

    outcomes = [row["outcome"] for row in shown["trials"]]
    assert (outcomes.count("finished"), outcomes.count("pruned")) == (7, 2)
    assert shown["seed"] is None
    assert [row["seconds"] >= 0 for row in shown["trials"]] == [True] * 10
    assert [row["seed"] for row in shown["trials"]] == [None] * 10
    assert [len(trial["curve"]), trial["outcome"]] == [2, "pruned"]
    assert list(trial["curve"][0]) == ["value"]


def test_people_see_neither_seed_nor_reuse_that_nobody_recorded(read: Cli):
    done = read("show", "theirs")

    assert done.stdout.startswith("theirs: made with Optuna, without hpsearch\nminimize value\n")
    assert "saved by reuse" not in done.stdout
    assert "seed" not in done.stdout


def test_the_best_violates_no_constraint(inside: Cli, cwd: Path):
    storage = optuna.storages.RDBStorage(f"sqlite:///{cwd / 'theirs.db'}")
    study = optuna.create_study(study_name="constrained", storage=storage)
    for value, violation in [(1.0, 0.5), (2.0, 0.0), (3.0, -1.0)]:
        trial = study.ask()
        trial.set_constraint("size", violation)
        study.tell(trial, value)
    storage.engine.dispose()

    best = json.loads(inside("best", "constrained", "--json", "--storage", URL).stdout)
    shown = json.loads(inside("show", "constrained", "--json", "--storage", URL).stdout)

    assert (best["trial"], best["value"]) == (1, 2.0) == (study.best_trial.number, 2.0)
    assert [row["outcome"] for row in shown["trials"]] == ["finished", "finished", "infeasible"]


def test_intermediate_values_may_be_reported_in_any_order(inside: Cli, cwd: Path):
    storage = optuna.storages.RDBStorage(f"sqlite:///{cwd / 'theirs.db'}")
    study = optuna.create_study(study_name="unordered", storage=storage)
    trial = study.ask()
    trial.report(5.0, step=20)
    trial.report(7.0, step=10)
    study.tell(trial, 1.0)
    storage.engine.dispose()

    shown = inside("show", "unordered", "--trial", "0", "--json", "--storage", URL)

    assert json.loads(shown.stdout)["curve"] == [{"value": 7.0}, {"value": 5.0}]


def test_the_front_of_two_objectives_is_found(read: Cli):
    done = read("best", "two")

    assert done.stdout.startswith("front: trial")
    assert "value_1" in done.stdout


@pytest.mark.parametrize(
    "kind", ["history", "importances", "parallel", "slices", "time", "timeline"]
)
def test_it_is_drawn(read: Cli, cwd: Path, kind: str):
    done = read("plot", "theirs", kind)

    assert done.returncode == 0, done.stderr
    assert "<svg" in (cwd / f"theirs-{kind}.svg").read_text()


def test_a_report_of_it_says_what_is_not_recorded_and_verifies(read: Cli, cwd: Path):
    done = read("report", "theirs", "-o", "report")

    assert done.returncode == 0, done.stderr
    text = (cwd / "report" / "report.md").read_text()
    assert "made with Optuna, without hpsearch" in text
    assert "seeds" not in text.split("## ")[-1].replace("data, seeds and", "")
    assert not (cwd / "report" / "study_file.py").exists()
    assert "1 tables come from theirs" in read("verify", "report").stdout


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param(["plot", "theirs", "curves"], "try history, importances", id="curves"),
        pytest.param(["plot", "theirs", "factors"], "try history, importances", id="factors"),
        pytest.param(["verify", "theirs"], "show, best, plot, report", id="verify"),
        pytest.param(["evaluate", "theirs"], "show, best, plot, report", id="evaluate"),
        pytest.param(["export", "theirs", "-o", "out"], "show, best, plot, report", id="export"),
        pytest.param(["resume", "theirs"], "show, best, plot, report", id="resume"),
        pytest.param(["table", "theirs"], "show, best, plot, report", id="table"),
        pytest.param(["show", "both"], "maximizes 'value_1' besides", id="two to maximize"),
        pytest.param(["report", "empty", "-o", "out"], "has no finished trial", id="empty"),
        pytest.param(["plot", "empty", "history"], "no trial of study 'empty'", id="no picture"),
        pytest.param(["show", "mine"], "studies there: 'theirs'", id="no such study"),
    ],
)
def test_what_needs_our_records_says_so_in_one_line(
    read: Cli, cwd: Path, argv: list[str], message: str
):
    done = read(*argv)

    assert done.returncode in (2, 3)
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hpsearch resume" not in done.stderr
    assert [path.name for path in cwd.iterdir()] == ["theirs.db"]
