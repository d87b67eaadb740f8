"""Writing text: by a study's network or an export, a character at a time."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.conftest import Cli
from tests.evaluated import hpsearch
from tests.used import copy_used
from tests.waiting import HANG_S

# the studies are made once a process
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluated")]


@pytest.fixture
def letters(cwd: Path) -> Path:
    """The current folder, with the evaluated study `letters` and its export `out`."""
    copy_used("letters", cwd, "runs")
    copy_used("letters", cwd, "out")
    return cwd


def test_greedily_the_text_goes_on_as_it_was_learned(letters: Path, inside: Cli):
    done = inside(
        "generate", "letters", "--seed-text", "c a", "--chars", "10", "--temperature", "0"
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "bc abc abc\n"


def test_an_export_writes_what_its_study_writes(letters: Path, inside: Cli):
    options = ["--seed-text", "ab", "--chars", "40", "--temperature", "2"]

    written = [inside("generate", name, *options).stdout for name in ("letters", "out")]

    assert written[0] == written[1]
    assert len(written[0]) == 41


def test_a_seed_draws_the_same_text_again_and_another_seed_another(letters: Path, inside: Cli):
    options = ["--seed-text", "ab", "--chars", "60", "--temperature", "30"]

    first, again, other = (
        inside("generate", "out", *options, "--seed", seed).stdout for seed in ("1", "1", "2")
    )

    assert first == again != other


def start_writing(folder: Path) -> tuple[subprocess.Popen[str], psutil.Process]:
    """A command that writes for long, after its first characters; and its network's process."""
    options = ["--seed-text", "ab", "--chars", "1000000"]
    process = subprocess.Popen(
        hpsearch("generate", folder.name, *options),
        cwd=folder.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # what runs in the background of a script would be deaf to Ctrl-C from its start
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert len(process.stdout.read(5)) == 5
    (network,) = psutil.Process(process.pid).children(recursive=True)
    return process, network


def test_characters_appear_as_they_are_written_and_ctrl_c_ends_both_processes(letters: Path):
    process, network = start_writing(letters / "out")
    with process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=HANG_S)

        assert process.returncode == 130
        assert not network.is_running()


def test_a_reader_that_goes_away_ends_both_processes(letters: Path):
    process, network = start_writing(letters / "out")
    with process:
        assert process.stdout is not None
        process.stdout.close()

        assert process.wait(timeout=HANG_S) == 0
        assert not network.is_running()


def test_a_network_whose_process_is_killed_is_an_error(letters: Path):
    process, network = start_writing(letters / "out")
    with process:
        network.kill()
        _, stderr = process.communicate(timeout=HANG_S)

        assert process.returncode == 2
        assert stderr.endswith("\nError: the process of the network died: killed by SIGKILL\n")


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        pytest.param(["letters"], 2, "--seed-text", id="no seed text"),
        pytest.param(["letters", "--seed-text", ""], 5, "seed text is empty", id="empty"),
        pytest.param(["letters", "--seed-text", "axb€"], 5, "seed text: 'x', '€'", id="unknown"),
        pytest.param(["letters", "--seed-text", "a\udce9"], 5, "is not UTF-8 text", id="latin 1"),
        pytest.param(["letters", "--seed-text", "a", "--chars", "0"], 2, "1 or more", id="chars"),
        pytest.param(
            ["letters", "--seed-text", "a", "--temperature", "-1"], 2, "0 or more", id="cold"
        ),
        pytest.param(
            ["letters", "--seed-text", "a", "--temperature", "nan"], 2, "0 or more", id="nan"
        ),
        pytest.param(["letters", "--seed-text", "a", "--seed", "x"], 2, "whole number", id="seed"),
        pytest.param(["reviews", "--seed-text", "a"], 2, "needs writing= in", id="no writing"),
        pytest.param(["letter", "--seed-text", "a"], 2, "studies there: 'letters'", id="study"),
    ],
)
def test_what_cannot_be_written_gets_one_line_and_an_exit_code(
    letters: Path, inside: Cli, argv: list[str], code: int, message: str
):
    copy_used("reviews", letters / "other", "out")
    (letters / "other" / "out").rename(letters / "reviews")

    done = inside("generate", *argv)

    assert done.returncode == code
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
