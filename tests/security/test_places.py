"""Where files are read from and written to: this machine, and folders of one's own."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from hpsearch.processes.backend import inherited
from tests.conftest import Cli
from tests.toy import write_toy

URL = "sqlite:///studies.db"


@pytest.mark.parametrize("scheme", ["hf", "gs", "file"])
@pytest.mark.parametrize(
    "argv",
    [
        ["predict", "{}://there/model.keras", "a text"],
        ["predict", "{}://there", "a text"],
        ["verify", "{}://there"],
        ["run", "{}://there/toy.py"],
        ["run", "toy.py", "--data", "{}://there"],
        ["ls", "--storage", "{}://there/studies.db"],
    ],
    ids=" ".join,
)
def test_an_address_is_no_path(cwd: Path, inside: Cli, argv: list[str], scheme: str):
    write_toy(cwd)

    refused = inside(*(word.format(scheme) for word in argv))

    assert refused.returncode in (2, 4, 5)
    assert refused.stderr.count("\n") == 1
    assert [path.name for path in cwd.iterdir()] == ["toy.py"]


def test_without_a_home_nothing_is_kept_where_others_can_write(
    cwd: Path, inside: Cli, tmp_path_factory: pytest.TempPathFactory
):
    """Keras would take a folder of a known name in the one for temporary files."""
    home, temporary = cwd / "home", tmp_path_factory.mktemp("temporary")
    home.write_text("no folder")
    write_toy(cwd)
    nowhere = {"HOME": str(home), "HPSEARCH_CACHE": "", "XDG_CACHE_HOME": ""}

    refused = inside("run", "toy.py", "--storage", URL, TMPDIR=str(temporary), **nowhere)

    assert refused.returncode == 5
    (error,) = [line for line in refused.stderr.splitlines() if line.startswith("Error")]
    assert error.startswith(f"Error: cannot make the data cache {home}/")
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("host", ["example.org", "192.0.2.1.example", "8.8.8.8"])
def test_no_test_asks_the_internet(host: str):
    with pytest.raises(RuntimeError, match=f"a test asks the internet for {host}"):
        socket.create_connection((host, 80))


def test_trial_processes_look_for_keras_settings_nowhere_else(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", "/nowhere")

    assert inherited()["KERAS_HOME"] == "/nowhere/.keras"


def test_the_cache_is_made_for_oneself_alone(cwd: Path, inside: Cli):
    write_toy(cwd)
    before = os.umask(0)
    try:
        assert inside("check", "toy.py", HPSEARCH_CACHE=str(cwd / "cache")).returncode == 0
    finally:
        os.umask(before)

    folders = list((cwd / "cache").iterdir())
    assert folders
    for folder in folders:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
