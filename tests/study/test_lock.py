"""One launcher a study: who holds it is named, and what a dead one held is free again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hpsearch.errors import StudyBusy
from hpsearch.files import slug
from hpsearch.study.lock import is_locked, process_name, study_lock, trial_processes
from hpsearch.study.storage import Storage
from tests.waiting import wait_until

URL = "sqlite:///study.db"


@pytest.fixture
def storage(cwd) -> Storage:
    return Storage(URL)


@pytest.mark.parametrize("name", ["../../x", "CON", "a/b", "x" * 300, "\n", "\N{SNOWMAN}", ""])
def test_a_study_name_never_becomes_a_path(storage, name):
    with study_lock(storage, name):
        held = {path.stem for path in storage.locks.iterdir()}

    assert held == {slug(name)}
    assert len(slug(name)) <= 49
    assert os.sep not in slug(name)
    assert slug(name) != slug(name + "x")


def test_a_study_is_locked_while_it_is_held_and_no_longer(storage):
    before = is_locked(storage, "s")
    with study_lock(storage, "s"):
        during = is_locked(storage, "s")

    assert (before, during, is_locked(storage, "s")) == (False, True, False)


def test_looking_makes_no_file(storage):
    is_locked(storage, "s")

    assert not storage.locks.exists()


def test_other_studies_of_a_storage_are_free(storage):
    with study_lock(storage, "s"), study_lock(storage, "t"):
        assert not is_locked(storage, "u")


def test_an_error_gives_the_study_back(storage):
    with pytest.raises(ZeroDivisionError), study_lock(storage, "s"):
        1 / 0  # noqa: B018

    assert not is_locked(storage, "s")


def test_who_holds_a_study_is_named(storage):
    with (
        study_lock(storage, "s"),
        pytest.raises(StudyBusy, match=f"'s'.* {os.getpid()} "),
        study_lock(storage, "s"),
    ):
        pass


def test_a_study_that_was_locked_just_now_is_busy_too(storage):
    with study_lock(storage, "s"):
        (storage.locks / f"{slug('s')}.json").unlink()  # as before the holder wrote it

        with pytest.raises(StudyBusy, match="'s'"), study_lock(storage, "s"):
            pass


def test_a_launcher_that_dies_gives_its_study_back(storage):
    code = (
        "import os\n"
        "from hpsearch.study.lock import study_lock\n"
        "from hpsearch.study.storage import Storage\n"
        f"with study_lock(Storage({URL!r}), 's'):\n"
        "    print('held', flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as launcher:
        assert launcher.stdout
        assert launcher.stdout.readline() == "held\n"
        assert is_locked(storage, "s")
        launcher.kill()

    with study_lock(storage, "s"):
        assert str(os.getpid()) in (storage.locks / f"{slug('s')}.json").read_text()


def test_a_database_reached_by_a_link_has_the_same_lock(cwd):
    (cwd / "data").mkdir()
    directly = Storage("sqlite:///data/study.db")
    (cwd / "link.db").symlink_to(cwd / "data" / "study.db")

    with study_lock(Storage("sqlite:///link.db"), "s"):
        assert is_locked(directly, "s")


def test_the_name_of_trial_processes_fits_the_kernel_and_is_one_studys(storage, cwd):
    (cwd / "other").mkdir()
    other = Storage("sqlite:///other/study.db")
    names = {process_name(storage, "s"), process_name(storage, "t"), process_name(other, "s")}

    assert len(names) == 3
    assert all(len(name.encode()) <= 15 for name in names)


def test_trial_processes_are_found_by_their_name_whoever_started_them(storage):
    name = process_name(storage, "s")
    code = (
        "import ctypes\n"
        f"ctypes.CDLL(None).prctl(15, {name.encode()!r})\n"
        "print('named', flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as orphan:
        assert orphan.stdout
        assert orphan.stdout.readline() == "named\n"

        assert [process.pid for process in trial_processes(storage, "s")] == [orphan.pid]
        assert trial_processes(storage, "t") == []
        orphan.kill()
        wait_until(lambda: trial_processes(storage, "s") == [])  # a zombie, until it is reaped
