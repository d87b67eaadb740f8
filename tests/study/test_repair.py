"""`hpsearch verify --repair` mends what has one right cure, and leaves all else alone."""

from __future__ import annotations

import fcntl
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from hpsearch.study.lock import process_name, study_lock
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Outcome
from tests.crashing import URL, Crashing, folder_in_memory

VERIFY = ("verify", "toy", "--storage", URL)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A study of two trials, and one whose launcher was killed in its second trial."""
    with folder_in_memory(tmp_path_factory.mktemp("stored")) as folder:
        folders = {"sound": folder / "sound", "cut": folder / "cut"}
        for name, place in folders.items():
            place.mkdir()
            with chdir(place):
                crashing = Crashing(trials=2, pruner="none")
                if name == "sound":
                    crashing.finish()
                else:
                    crashing.end(crashing.start("stored:26:kill"))
        yield folders


@pytest.fixture
def sound(stored: dict[str, Path], cwd: Path) -> Path:
    shutil.copytree(stored["sound"], cwd, dirs_exist_ok=True)
    return cwd


@pytest.fixture
def cut(stored: dict[str, Path], cwd: Path) -> Path:
    shutil.copytree(stored["cut"], cwd, dirs_exist_ok=True)
    return cwd


def files(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_sound_study_is_left_alone_byte_for_byte(sound, inside):
    before = files(sound)

    done = inside(*VERIFY, "--repair")

    assert (done.returncode, done.stdout) == (0, "study 'toy' is sound: 3 trials checked\n")
    assert files(sound) == before


def test_a_trial_that_lost_its_launcher_waits_again(cut, inside):
    found = inside(*VERIFY)
    assert found.returncode == 0
    assert "trial 1 was cut off with its launcher: the next run continues it" in found.stdout
    assert "hpsearch verify toy --repair tidies up" in found.stdout

    mended = inside(*VERIFY, "--repair")

    assert mended.returncode == 0
    assert "trial 1 was cut off with its launcher: it waits for the next run" in mended.stdout
    summary = Crashing().check()
    assert summary is not None
    assert summary.rows[1].outcome is Outcome.WAITING
    assert "cut off" not in inside(*VERIFY).stdout


DAMAGE = {
    "cut in half": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "zeros at its end": lambda content: content[:-100] + bytes(100),
    "something else": lambda content: b"<html>no</html>",
}


@pytest.mark.fault("F25")
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("name", ["curve.json", "epoch-00003.npz"])
def test_a_file_of_a_curve_that_cannot_be_read_is_set_aside(sound, inside, name, damage):
    path = next((sound / "curves").glob(f"*/{name}"))
    path.write_bytes(torn := damage(path.read_bytes()))

    found = inside(*VERIFY)
    mended = inside(*VERIFY, "--repair")

    assert found.returncode == 6
    assert f"{name} cannot be read" in found.stdout
    assert "unsound: 1 violations in 3 trials; hpsearch verify toy --repair" in found.stderr
    assert mended.returncode == 0
    (aside,) = path.parent.glob(f"{name}.bad-*")
    assert (aside.read_bytes(), path.exists()) == (torn, False)
    assert inside(*VERIFY).stdout == "study 'toy' is sound: 3 trials checked\n"
    assert Crashing(trials=3).finish().n_trials == 3


def test_what_was_never_finished_is_deleted(sound, inside):
    curve = next((sound / "curves").iterdir())
    (curve / "epoch-00009.npz.tmp-abc").write_bytes(b"half")

    assert "never finished: it takes up space" in inside(*VERIFY).stdout
    mended = inside(*VERIFY, "--repair")

    assert mended.returncode == 0
    assert "was never finished: it is deleted" in mended.stdout
    assert not list(sound.rglob("*.tmp-*"))


def test_a_process_without_a_launcher_is_ended(sound, inside):
    name = process_name(Storage(URL, read_only=True), "toy")
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
        assert inside(*VERIFY).returncode == 6

        mended = inside(*VERIFY, "--repair")

        assert mended.returncode == 0
        assert f"process {orphan.pid} trains a trial for a launcher that is gone" in mended.stdout
        assert orphan.wait() == -9


def test_nothing_is_mended_while_a_launcher_works(cut, inside):
    storage = Storage(URL)
    with study_lock(storage, "toy"):
        before = files(cut / "curves")
        done = inside(*VERIFY, "--repair")

    assert done.returncode == 6
    assert "is being run by process" in done.stderr
    assert files(cut / "curves") == before


def test_a_curve_that_another_study_trains_is_left_to_it(sound, inside):
    path = next((sound / "curves").glob("*/epoch-00003.npz"))
    path.write_bytes(b"torn")
    with path.with_name(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as the other study's launcher does
        done = inside(*VERIFY, "--repair")

    assert done.returncode == 6
    assert "set aside" not in done.stdout
    assert path.read_bytes() == b"torn"


def test_what_has_no_right_cure_is_told_and_stays(sound, inside):
    with sqlite3.connect("studies.db") as connection:
        connection.execute("DELETE FROM trial_intermediate_values WHERE step = 2")
    connection.close()
    before = files(sound)

    done = inside(*VERIFY, "--repair")

    assert done.returncode == 6
    assert "no gap in the curve: trial 0 has epochs [1, 3]" in done.stdout
    assert "another program has changed the database" in done.stdout
    assert "to mend this would be to guess" in done.stderr
    assert files(sound) == before


def test_programs_can_read_what_was_mended(cut, inside):
    content = json.loads(inside(*VERIFY, "--repair", "--json").stdout)

    assert content["violations"] == []
    assert [one["is_done"] for one in content["repairs"]] == [True]
