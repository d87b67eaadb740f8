"""Launching a search: what is asked for, checked before anything is stored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from filelock import FileLock
from optuna.trial import TrialState

import hpsearch
from hpsearch.errors import UsageError
from hpsearch.study.storage import Storage
from tests.inside import exit_code_of
from tests.toy import write_toy
from tests.waiting import wait_until

URL = "sqlite:///studies.db"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pruner": "halvin"}, "unknown pruner 'halvin': did you mean 'halving'?"),
        ({"sampler": "tep"}, "unknown sampler 'tep': did you mean 'tpe'?"),
        ({"on": "slurm://lab7"}, "--on takes listen://HOST:PORT, ssh://HOST,HOST"),
        ({"sampler": "grid"}, "needs a finite space, and level is continuous"),
    ],
)
def test_wrong_names_from_python_are_told_and_nothing_is_stored(cwd, options, message):
    with pytest.raises(UsageError) as refused:
        hpsearch.search(write_toy(cwd), storage=URL, **options)

    assert message in str(refused.value)
    assert not Path("studies.db").exists()


@pytest.mark.slow
def test_names_from_python_do_what_the_command_lines_do(cwd):
    """A pruner by its name prunes: of two alike but in level, the worse one ends early."""
    toy = write_toy(cwd, epochs=5, peak=5, max_epochs=5)
    study = hpsearch.search(toy, storage=URL, trials=1, slots=1, pruner="halving")
    for level in (0.1, 0.2):
        study.enqueue_trial({**study.trials[0].params, "level": level})

    study = hpsearch.search(toy, storage=URL, trials=3, slots=1, pruner="halving")

    assert TrialState.PRUNED in [trial.state for trial in study.trials]


CONDITIONAL = """
    if trial.suggest_int("layers", 1, 2) == 2:
        trial.suggest_int("units_2", 1, 8)
"""


def conditional_toy(folder: Path) -> Path:
    toy = write_toy(folder)
    text = toy.read_text()
    text = text.replace("\n\n\ndef build", f"{CONDITIONAL}\n\ndef build", 1)
    toy.write_text(text.replace("epochs=3,", "epochs=3, layers=1,"))
    return toy


def test_a_fixed_value_that_the_first_trial_has_no_use_for_is_an_error_with_the_cure(cwd):
    toy = conditional_toy(cwd)

    with pytest.raises(UsageError) as refused:
        hpsearch.search(toy, storage=URL, fixed={"units_2": 5})

    assert "baseline's other values; it does with --set layers=2" in str(refused.value)
    assert not Path("studies.db").exists()


@pytest.mark.slow
def test_a_first_trial_with_a_fixed_value_is_not_called_the_baseline(cwd):
    toy = conditional_toy(cwd)

    fixed = hpsearch.search(
        toy, study="fixed", storage=URL, trials=1, slots=1, fixed={"layers": 2, "units_2": 5}
    )
    same = hpsearch.search(toy, study="same", storage=URL, trials=1, slots=1, fixed={"layers": 1})

    assert fixed.trials[0].params["units_2"] == 5
    assert "baseline" not in fixed.trials[0].user_attrs
    assert same.trials[0].user_attrs["baseline"]


@pytest.mark.slow
def test_a_baseline_that_a_corrected_network_can_train_is_tried_again(cwd):
    toy = write_toy(cwd, in_build="raise ValueError('no')")
    hpsearch.search(toy, storage=URL, trials=1, slots=1)
    write_toy(cwd)

    study = hpsearch.search(toy, storage=URL, trials=2, slots=1)

    states = [trial.state for trial in study.trials if "baseline" in trial.user_attrs]
    assert states == [TrialState.FAIL, TrialState.COMPLETE]
    assert exit_code_of("verify", "toy", "--storage", URL) == 0


@pytest.fixture
def launcher(cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A search of the toy whose curve another process holds; it waits, and has said so."""
    write_toy(cwd)
    (curve,) = _curves_of_a_search_in("first")
    command = [sys.executable, "-m", "hpsearch", "run", "toy.py", "--trials", "1"]
    with FileLock(curve / ".lock"):
        process = subprocess.Popen(
            [*command, "--study", "second", "--storage", URL],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stderr is not None
        for line in process.stderr:
            if "waiting for curve" in line:
                break
        yield process
        process.kill()
        process.communicate()


def _curves_of_a_search_in(study: str) -> list[Path]:
    hpsearch.search("toy.py", study=study, storage=URL, trials=1, slots=1)
    return list(Path("curves").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_waiting_for_a_curve_that_another_study_trains_can_be_interrupted(launcher, number, code):
    os.kill(launcher.pid, number)

    assert launcher.wait(60) == code
    second = optuna.load_study(study_name="second", storage=Storage(URL, read_only=True).optuna)
    assert [trial.state for trial in second.trials] == [TrialState.WAITING]


@pytest.mark.slow
def test_after_a_stop_no_trial_begins_another_epoch(cwd):
    """The process dies in its second epoch, once a stop was asked for: it is not restarted."""
    each_epoch = f"""
        if epochs_done == 1:
            open({str(cwd / "second-epoch")!r}, "w").close()
            while not os.path.exists({str(cwd / "go")!r}):
                time.sleep(0.02)
            os.kill(os.getpid(), 9)
        """
    write_toy(cwd, each_epoch=each_epoch)
    with Path("said").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "hpsearch", "run", "toy.py", "--slots", "1", "--storage", URL],
            stderr=said,
            start_new_session=True,
        )
    wait_until(Path("second-epoch").exists)
    process.send_signal(signal.SIGINT)
    wait_until(lambda: "finishing the running epochs" in Path("said").read_text())
    Path("go").touch()

    assert process.wait(60) == 130
    assert "it continues after" not in Path("said").read_text()
    study = optuna.load_study(study_name="toy", storage=Storage(URL, read_only=True).optuna)
    assert [trial.state for trial in study.trials] == [TrialState.WAITING]
