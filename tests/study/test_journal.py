"""Journals: one whose end was torn off is mended, and what was torn off is kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from hpsearch.errors import StorageError
from hpsearch.study.storage import Storage
from tests.waiting import HANG_S

URL = "journal:///studies.log"


@pytest.fixture
def journal(cwd: Path) -> Path:
    """With one study and three finished trials."""
    study = optuna.create_study(study_name="s", storage=Storage(URL).optuna)
    for _ in range(3):
        study.tell(study.ask(), 1.0)
    return cwd / "studies.log"


def n_trials(*, read_only: bool = True) -> int:
    storage = Storage(URL, read_only=read_only)
    return len(optuna.load_study(study_name="s", storage=storage.optuna).trials)


TORN = [b'{"op_code":4,"worker', b"\0" * 300, b'{"op_code":4}\0\n\0\0', b"\n\n", b"x" * 200_000]


@pytest.mark.parametrize("torn", TORN, ids=["half a line", "zeros", "both", "empty", "long"])
def test_a_torn_end_is_set_aside_by_whoever_opens_it_to_write(journal, torn):
    whole = journal.read_bytes()
    journal.write_bytes(whole + torn)

    assert n_trials(read_only=False) == 3
    assert journal.read_bytes() == whole
    (kept,) = journal.parent.glob("studies.log.torn-*")
    assert kept.read_bytes() == torn
    study = optuna.load_study(study_name="s", storage=Storage(URL).optuna)
    study.tell(study.ask(), 2.0)
    assert n_trials() == 4


def test_readers_change_nothing(journal):
    journal.write_bytes(journal.read_bytes() + TORN[0])
    before = journal.read_bytes()

    assert n_trials() == 3
    assert journal.read_bytes() == before
    assert not list(journal.parent.glob("*.torn-*"))


@pytest.mark.parametrize("content", [b"hello", b"hello\nworld\n", b"\0" * 64, b"SQLite format 3\0"])
def test_a_file_that_is_no_journal_is_left_as_it_was(cwd, content):
    path = cwd / "studies.log"
    path.write_bytes(content)

    with pytest.raises(StorageError, match=r"no journal of Optuna's.*nothing was changed"):
        Storage(URL)

    assert path.read_bytes() == content
    assert not list(cwd.glob("*.torn-*"))


def test_a_journal_that_is_damaged_in_the_middle_is_one_line(journal):
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], b"{garbage}\n", *lines[1:]]))

    with pytest.raises(StorageError, match="is damaged") as raised:
        Storage(URL)

    assert "\n" not in str(raised.value)


def test_a_writer_that_was_killed_keeps_nobody_out(journal):
    code = """
import os, signal
from pathlib import Path
from hpsearch.study.journal import SystemLock
SystemLock(Path("studies.log")).acquire()
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False, timeout=HANG_S)

    study = optuna.load_study(study_name="s", storage=Storage(URL).optuna)
    study.tell(study.ask(), 2.0)
    assert n_trials() == 4
