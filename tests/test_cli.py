"""The command line as a user types it: wrong input, exit codes, what is imported."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from hpsearch.choices import PrunerName
from hpsearch.cli import _options
from hpsearch.command_options import parse_duration, parse_size
from hpsearch.lab.plan import make_plan
from hpsearch.processes.supervisor import Limits
from hpsearch.searching.launch import Options, run, sweep
from hpsearch.searching.view import View
from hpsearch.study.space import explore
from hpsearch.study_file import read_study_file
from tests.toy import write_toy

URL = "sqlite:///studies.db"


@pytest.fixture(scope="module")
def toy_folder(tmp_path_factory):
    """The toy with two trials, and its sweep, made once."""
    folder = tmp_path_factory.mktemp("toy")
    options = Options(
        storage=f"sqlite:///{folder}/studies.db", trials=2, slots=1, pruner=PrunerName.NONE
    )
    path = str(write_toy(folder, fields='factors={"level": [0.8]},'))
    run(path, options, View())
    study_file = read_study_file(path)
    plan = make_plan(study_file, explore(study_file), None, n_seeds=1)
    sweep(study_file, plan.points, replace(options, study="swept"), View())
    return folder


@pytest.fixture
def toy_study(toy_folder, cwd):
    """A copy of it in the current folder."""
    shutil.copytree(toy_folder, cwd, dirs_exist_ok=True)
    return cwd


def verbs_of(*verbs: list[str]) -> str:
    """Python that runs commands and prints, after each, which heavy modules are loaded."""
    return (
        f"import sys\nfor argv in {verbs!r}:\n"
        "    sys.argv = ['hpsearch', *argv]\n"
        "    from hpsearch.cli import main\n"
        "    try: main()\n"
        "    except SystemExit as end: print('exit', end.code)\n"
        "    heavy = {'keras', 'tensorflow', 'matplotlib', 'sklearn', 'pandas', 'torch'}\n"
        "    print('loaded', sorted(heavy & set(sys.modules)), 'after', *argv)"
    )


READING = [
    ["--help"],
    ["plot", "--help"],
    ["ls", "--storage", URL],
    ["show", "toy", "--storage", URL],
    ["show", "toy", "--trial", "0", "--storage", URL],
    ["best", "toy", "--storage", URL],
    ["table", "swept", "--storage", URL],
    ["verify", "toy", "--storage", URL],
    ["check", "toy.py"],
    ["init", "flowers"],
]


@pytest.mark.slow
def test_reading_verbs_do_not_import_keras(toy_study):
    done = subprocess.run(
        [sys.executable, "-c", verbs_of(*READING)], capture_output=True, text=True, check=True
    )

    assert done.stdout.count("exit 0\n") == len(READING), done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith("loaded ")]
    assert said == [f"loaded [] after {' '.join(argv)}" for argv in READING]


@pytest.mark.slow
def test_the_launcher_does_not_import_keras_while_it_searches(cwd):
    write_toy(cwd)
    argv = ["run", "toy.py", "--trials", "1", "--storage", URL]
    if importlib.util.find_spec("tensorboard") is not None:  # much of it imports TensorFlow
        argv += ["--log", "tensorboard:tb"]

    done = subprocess.run(
        [sys.executable, "-c", verbs_of(argv)], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("exit 0\n")
    assert "keras" not in done.stdout
    assert "tensorflow" not in done.stdout
    assert "--log" not in done.stderr
    if "--log" in argv:
        from hpsearch.tracking.tensorboard import last_step

        assert [last_step(one / "train") for one in Path().glob("tb/toy-*/trial-*")] == [3]


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        pytest.param(["rnu"], 2, "Did you mean 'run'", id="unknown command"),
        pytest.param(["run"], 2, "STUDY_FILE", id="no study file"),
        pytest.param(["run", "nothere.py"], 2, "cannot read study file 'nothere.py'", id="file"),
        pytest.param(["run", "mnits"], 2, "no study file 'mnits'", id="name"),
        pytest.param(["run", "toy.py", "--trials", "-1"], 2, "number of 1 or more", id="-1 trials"),
        pytest.param(["run", "toy.py", "--trials", "1e3"], 2, "did you mean 1000?", id="1e3"),
        pytest.param(["run", "toy.py", "--timeout", "10"], 2, "10s, 10m or 10h?", id="no unit"),
        pytest.param(["run", "toy.py", "--timeout", "soon"], 2, "write 90s, 30m", id="timeout"),
        pytest.param(["run", "toy.py", "--memory", "lots"], 2, "write 800M or 2G", id="memory"),
        pytest.param(["run", "toy.py", "--slots", "0"], 2, "number of 1 or more", id="0 slots"),
        pytest.param(["run", "toy.py", "--retries", "-1"], 2, "of 0 or more", id="-1 retries"),
        pytest.param(["run", "toy.py", "--seed", "x"], 2, "whole number from 0", id="seed"),
        pytest.param(
            ["run", "toy.py", "--sampler", "tep"], 2, "got 'tep': did you mean tpe?", id="sampler"
        ),
        pytest.param(
            ["run", "toy.py", "--pruner", "x"],
            2,
            "takes one of median, hyperband, halving, none, got 'x'\n",
            id="pruner",
        ),
        pytest.param(
            ["init", "x", "--kind", "tabular"],
            2,
            "characters, regression, got",
            id="kind",
        ),
        pytest.param(
            ["ls", "--storage", "mysql://host/db"], 4, "pip install mysqlclient", id="mysql"
        ),
        pytest.param(["run", "toy.py", "--sampler", "gp"], 2, "hpsearch[gp]", id="gp"),
        pytest.param(["run", "toy.py", "--sampler", "grid"], 2, "level is continuous", id="grid"),
        pytest.param(["run", "toy.py", "--set", "units"], 2, "takes name=value", id="set"),
        pytest.param(["run", "toy.py", "--set", "unit=3"], 2, "did you mean 'units'", id="name"),
        pytest.param(["run", "toy.py", "--set", "units=99"], 2, "outside whole number", id="99"),
        pytest.param(["run", "toy.py", "--set", "units=x"], 2, "whole number 1 to 8", id="value"),
        pytest.param(["run", "toy.py", "--storage", "s.db"], 2, "sqlite:///s.db", id="storage"),
        pytest.param(["run", "toy.py", "--data", "no"], 5, "no data folder no", id="data"),
        pytest.param(["show", "nothing", "--storage", URL], 2, "studies there: 'toy'", id="study"),
        pytest.param(["show", "toy", "--trial", "99", "--storage", URL], 2, "no trial 99", id="99"),
        pytest.param(["show", "toy", "--json", "--csv"], 2, "exclude each other", id="two forms"),
        pytest.param(["ls", "--storage", "sqlite:///no.db"], 4, "no storage at no.db", id="no db"),
        pytest.param(["resume", "nothing", "--storage", URL], 2, "no study 'nothing'", id="resume"),
        pytest.param(["dashboard", "--port", "99999"], 2, "from 0 to 65535", id="port"),
        pytest.param(["export", "toy"], 2, "--output", id="no output"),
        pytest.param(["evaluate", "toy", "--seeds", "0"], 2, "number of 1 or more", id="0 seeds"),
        pytest.param(["predict", "toy", "x.png"], 2, "no file x.png", id="no input"),
        pytest.param(["predict", "toy", "x", "--storage", URL], 3, "first run", id="too early"),
        pytest.param(["generate", "toy"], 2, "--seed-text", id="no seed text"),
        pytest.param(["show", "\udcff", "--storage", URL], 2, "no study", id="no text"),
        pytest.param(["run", "toy.py", "--study", "\udcff"], 2, "is not UTF-8 text", id="a byte"),
        pytest.param(["init", "../toy"], 2, "cannot name a task", id="a path for a name"),
    ],
)
def test_wrong_input_gets_one_line_and_an_exit_code_and_changes_nothing(
    toy_study, inside, argv, code, message
):
    before = (toy_study / "studies.db").read_bytes()

    done = inside(*argv)

    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert (toy_study / "studies.db").read_bytes() == before


@pytest.mark.slow
def test_a_study_of_another_program_is_not_touched(cwd, inside):
    write_toy(cwd)
    study = optuna.create_study(study_name="toy", storage=URL)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)

    done = inside("run", "toy.py", "--storage", URL)

    assert done.returncode == 2
    assert "was not made by hpsearch" in done.stderr
    assert len(study.trials) == 1


@pytest.mark.slow
def test_a_spent_budget_is_success_and_says_so(toy_study, inside):
    done = inside("run", "toy.py", "--storage", URL, "--trials", "2")

    assert done.returncode == 0
    assert "2 of 2 trials done" in done.stderr
    assert "stopped: the budget is spent" in done.stderr


@pytest.mark.slow
def test_a_search_without_a_usable_trial_ends_with_3(cwd, inside):
    write_toy(cwd, in_build="params['level'] = float('nan')")

    done = inside("run", "toy.py", "--storage", URL, "--trials", "2")

    assert done.returncode == 3
    assert "loss or metric not finite in epoch 1" in done.stderr


@pytest.mark.slow
def test_a_best_before_there_is_one_ends_with_3(cwd, inside):
    write_toy(cwd, in_build="params['level'] = float('nan')")
    inside("run", "toy.py", "--storage", URL, "--trials", "1")

    done = inside("best", "toy", "--storage", URL)

    assert done.returncode == 3
    assert done.stderr == "Error: study 'toy' has no finished trial yet: 1 diverged\n"


@pytest.mark.slow
def test_json_csv_and_markdown_hold_the_same_trials(toy_study, inside):
    content = json.loads(inside("show", "toy", "--storage", URL, "--json").stdout)
    csv = inside("show", "toy", "--storage", URL, "--csv").stdout.splitlines()
    markdown = inside("show", "toy", "--storage", URL, "--md").stdout.splitlines()

    assert content["schema"] == "hpsearch.show/1"
    assert content["epochs"].keys() == {"trained", "saved_by_reuse", "saved_by_pruning"}
    assert len(content["trials"]) == len(csv) - 1 == len(markdown) - 2
    assert content["best"]["value"] == max(t["value"] for t in content["trials"] if t["value"])


@pytest.mark.parametrize(
    ("text", "value"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2d", 172_800)]
)
def test_times_are_in_seconds(text, value):
    assert parse_duration(text) == value


@pytest.mark.parametrize(("text", "value"), [("800M", 800 * 2**20), ("2G", 2**31), ("1.5k", 1536)])
def test_sizes_are_in_bytes(text, value):
    assert parse_size(text) == value


def test_each_limit_is_the_one_that_was_asked_for():
    options = _options(None, None, [], trial_timeout=1.0, epoch_timeout=2.0, memory=3)

    assert options.limits == Limits(trial_s=1.0, epoch_s=2.0, memory=3)


@pytest.mark.slow
def test_best_and_ls_say_what_show_says(toy_study, inside):
    shown, best, listed = (
        json.loads(inside(*verb, "--storage", URL, "--json").stdout)
        for verb in (["show", "toy"], ["best", "toy"], ["ls"])
    )

    assert (best["schema"], listed["schema"]) == ("hpsearch.best/1", "hpsearch.ls/1")
    keys = ("trial", "value", "params")
    assert [best[key] for key in keys] == [shown["best"][key] for key in keys]
    study, _its_sweep = listed["studies"]
    assert (study["study"], study["trials"]) == ("toy", shown["n_trials"])
    assert (study["best"], study["metric"]) == (best["value"], "val_score")


@pytest.mark.slow
def test_show_gives_the_top_and_a_trial_its_curve(toy_study, inside):
    assert (
        len(inside("show", "toy", "--storage", URL, "--csv", "--top", "1").stdout.splitlines()) == 2
    )
    trial = json.loads(inside("show", "toy", "--storage", URL, "--json", "--trial", "0").stdout)
    assert [sorted(logs) for logs in trial["curve"]][0] == sorted(
        ["accuracy", "loss", "score", "seconds", "val_accuracy", "val_loss", "val_score"]
    )
    assert len(trial["curve"]) == 3


def test_the_curve_of_a_trial_fits_a_narrow_terminal_by_headers_on_several_lines(toy_study, inside):
    shown = inside("show", "toy", "--storage", URL, "--trial", "0").stdout.splitlines()

    top = next(i for i, line in enumerate(shown) if line.split()[:1] == ["val_"])
    assert shown[top].split() == 3 * ["val_"]
    assert shown[top + 1].split()[0] == "epoch"
    assert "val_" not in shown[top + 1]


@pytest.mark.slow
def test_a_failed_trial_shows_its_reason_and_the_lines_of_the_study_file(cwd, inside):
    write_toy(cwd, in_build="raise ValueError('no such layer')")
    assert inside("run", "toy.py", "--storage", URL, "--trials", "1").returncode == 3

    shown = inside("show", "toy", "--storage", URL, "--trial", "0").stdout

    assert "reason: ValueError: no such layer" in shown
    assert "raise ValueError('no such layer')" in shown


@pytest.mark.slow
def test_control_characters_in_a_study_name_do_not_reach_the_terminal(cwd, inside):
    write_toy(cwd)
    name = "x\x1b]0;evil\x07[red]y"
    inside("run", "toy.py", "--storage", URL, "--trials", "1", "--study", name)

    for done in (inside("ls", "--storage", URL), inside("show", name, "--storage", URL)):
        assert done.returncode == 0
        assert "\x1b" not in done.stdout + done.stderr
        assert "[red]" in done.stdout


def test_control_characters_in_an_argument_do_not_come_back_in_the_error(cwd, cli):
    done = cli("predict", "no/\x1b]0;evil", "good")

    assert done.returncode == 2
    assert "no/\N{REPLACEMENT CHARACTER}]0;evil" in done.stderr


@pytest.mark.slow
def test_the_version_tells_what_a_bug_report_needs(inside):
    done = inside("--version")

    assert done.returncode == 0
    assert {line.split()[0] for line in done.stdout.splitlines()} >= {"hpsearch", "keras", "optuna"}


@pytest.mark.slow
def test_a_backend_that_is_not_installed_is_named_in_one_line(cwd, inside):
    write_toy(cwd)

    for argv in (["--version"], ["run", "toy.py", "--storage", URL]):
        done = inside(*argv, KERAS_BACKEND="jaxx")
        assert done.returncode == 2
        assert done.stderr == "Error: KERAS_BACKEND is 'jaxx', which is not installed\n"


@pytest.mark.slow
def test_a_keras_that_cannot_be_imported_ends_in_one_line_of_our_own(cwd, cli):
    write_toy(cwd)
    (cwd / "broken").mkdir()
    (cwd / "broken" / "keras.py").write_text("raise SystemExit('broken')")

    done = cli("run", "toy.py", "--storage", URL, PYTHONPATH=str(cwd / "broken"))

    assert done.returncode == 3
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert "the server of trial processes died" in error


@pytest.mark.slow
def test_the_backend_is_what_is_stored_not_what_keras_is_configured_to(cwd, cli):
    write_toy(cwd)
    (cwd / "keras.json").write_text('{"backend": "jax"}')

    done = cli("run", "toy.py", "--storage", URL, "--trials", "1", KERAS_HOME=str(cwd))

    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_environment_names_storage_and_an_option_wins(toy_study, inside):
    assert inside("best", "toy", HPSEARCH_STORAGE=URL).returncode == 0
    assert (
        inside("best", "toy", "--storage", URL, HPSEARCH_STORAGE="sqlite:///no.db").returncode == 0
    )


def test_ls_has_a_column_for_running_trials_only_where_there_are_some(toy_study, inside):
    assert "running" not in inside("ls", "--storage", URL).stdout
    optuna.load_study(study_name="toy", storage=URL).ask()

    header, row = [
        line.split()
        for line in inside("ls", "--storage", URL).stdout.splitlines()
        if "toy" in line or "study" in line
    ]

    assert row[header.index("running")] == "1"
