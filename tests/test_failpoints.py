"""Crashes at each step that makes something durable: nothing is lost, nothing counted twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from hpsearch.evaluation.opening import read_openings
from hpsearch.failpoints import Step
from hpsearch.study.invariants import violations
from hpsearch.study.record import find_record, load_study
from hpsearch.study.storage import Storage
from hpsearch.study.summary import Summary, summarize
from tests.crashing import HITS, URL, Crashing, essence, folder_in_memory, walk
from tests.toy_runner import Launcher, launchers

COPY = "sqlite:///copies/studies.db"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """An empty current folder in memory."""
    with folder_in_memory(tmp_path) as folder, chdir(folder):
        yield folder


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    with folder_in_memory(tmp_path_factory.mktemp("whole")) as folder, chdir(folder):
        return Crashing().finish()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "first", "stride"),
    [
        pytest.param(Step.STORED, 2, 17, id="stored"),
        pytest.param(Step.FILE_WRITTEN, 1, 6, id="file written"),
        pytest.param(Step.FILE_RENAMED, 2, 7, id="file renamed"),
    ],
)
@pytest.mark.fault("F18")
def test_a_search_killed_at_its_nth_step_ends_as_if_it_had_not_been(
    uninterrupted, tmp_path, step, first, stride
):
    """Trial by trial, value by value. `scripts/bench kills` takes all n, not every few."""
    assert any(row.promoted_from is not None for row in uninterrupted.rows)
    assert any(row.read_off is not None for row in uninterrupted.rows)

    n = 0
    for summary in walk(step, first, stride, tmp_path):
        assert essence(summary) == essence(uninterrupted)
        n += 1

    assert n > 2


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A study that was evaluated by launchers that were killed at each step of it."""
    with folder_in_memory(tmp_path_factory.mktemp("evaluated")) as folder, chdir(folder):
        crashing = Crashing(trials=2)
        crashing.finish()
        steps = [Step.FOLDER_WRITTEN, Step.FOLDER_RENAMED, Step.STORED, None]
        n_openings = [evaluate(step) for step in steps]
        assert n_openings == [0, 0, 1, 1]
        yield folder


def evaluate(dies_at: Step | None) -> int:
    """Evaluate, or die at a step of it. Returns how many openings are recorded then."""
    failpoint = None if dies_at is None else f"{dies_at}:1:kill"
    code, said = start("evaluate", failpoint, n_top=1, n_seeds=1).join()
    assert code == (0 if dies_at is None else -9), said
    storage = Storage(URL, read_only=True)
    study, _ = load_study(storage, "toy")
    return len(read_openings(study))


def start(kind: str, failpoint: str | None = None, **options: object) -> Launcher:
    HITS.unlink(missing_ok=True)
    env = {"HPSEARCH_TESTING": str(HITS), "HPSEARCH_FAILPOINT": failpoint} if failpoint else {}
    return launchers().start(env, kind=kind, storage=URL, **options)


def command(*words: str, failpoint: str | None = None) -> tuple[int, str]:
    """The exit code of a command, in a process of its own that may be killed, and its output."""
    return start("command", failpoint, words=[*words, "--storage", URL]).join()


@pytest.fixture
def of_evaluated(evaluated: Path, here: Path) -> Path:
    """A copy of it as the current folder."""
    shutil.copytree(evaluated, here, dirs_exist_ok=True)
    return here


def content(folder: Path) -> dict[str, bytes]:
    """Files that are the same each time: all but those that tell when they were made."""
    return {path.name: path.read_bytes() for path in folder.glob("*.[cjpt]*") if path.is_file()}


@pytest.mark.fault("F26")
@pytest.mark.slow
def test_an_export_that_was_killed_is_whole_or_absent(of_evaluated):
    assert command("export", "toy", "-o", "whole")[0] == 0

    for step in (Step.FOLDER_WRITTEN, Step.FOLDER_RENAMED):
        code, _ = command("export", "toy", "-o", "out", failpoint=f"{step}:1:kill")
        assert code == -9
        assert Path("out").exists() == (step is Step.FOLDER_RENAMED)

    assert content(Path("out")) == content(Path("whole"))
    assert all(".tmp-" in path.name for path in Path().glob("out?*"))


@pytest.mark.slow
def test_a_copy_that_was_killed_is_whole_or_no_study(of_evaluated):
    words = ("storage", "copy", URL, COPY)
    Path("copies").mkdir()
    n, code = 1, -9
    while code != 0:
        code, said = start("command", f"stored:{n}:kill", words=list(words)).join()
        assert code in {0, -9}, said
        if Path("copies/studies.db").exists():
            copied = find_record(Storage(COPY, read_only=True), "toy")
            assert copied is None or essence(read(COPY)) == essence(read(URL))
        n += 2

    assert n > 5
    assert essence(read(COPY)) == essence(read(URL))


def read(url: str) -> Summary:
    storage = Storage(url, read_only=True)
    study, record = load_study(storage, "toy")
    assert violations(storage, study, record) == []
    return summarize(study, record)


@pytest.mark.parametrize(
    ("failpoint", "exit_code", "says"),
    [
        pytest.param("file-written:4:enospc", 5, "No space left on device", id="trial"),
        pytest.param("stored:25:enospc", 5, "the disk is full", id="launcher"),
        pytest.param("stored:25:raise", 70, "RuntimeError: failpoint", id="a bug"),
    ],
)
def test_a_search_that_fails_at_a_step_goes_on_there(
    uninterrupted, here, failpoint, exit_code, says
):
    crashing = Crashing()

    code, said = crashing.start(failpoint).join()

    assert (code, says in said) == (exit_code, True), said
    assert essence(crashing.finish()) == essence(uninterrupted)


@pytest.mark.parametrize(
    ("failpoint", "testing", "says"),
    [
        pytest.param("stored:1:kill", False, "unset it", id="not in a test"),
        pytest.param("asked:1:kill", True, "a step of stored, file-written", id="unknown step"),
        pytest.param("stored:x:kill", True, "STEP:N:ACTION", id="no number"),
        pytest.param("stored:1", True, "STEP:N:ACTION", id="no action"),
    ],
)
def test_a_failpoint_that_nobody_can_mean_is_refused_before_anything_is_done(
    inside, failpoint, testing, says
):
    env = {"HPSEARCH_TESTING": "hits"} if testing else {}

    done = inside("show", HPSEARCH_FAILPOINT=failpoint, **env)

    assert done.returncode == 2
    assert says in done.stderr
    assert list(Path().iterdir()) == []
