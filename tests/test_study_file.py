"""A study file is found by name or path, and says where it went wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from hpsearch.errors import DataCorrupt, StorageError, StudyFileError
from hpsearch.study_file import calling, read_study_file, run_study_file, study_files
from tests.study_texts import study_text

HERE = __file__


def test_a_study_file_of_the_current_folder_comes_before_one_that_hpsearch_ships(cwd):
    (cwd / "studies").mkdir()
    (cwd / "studies" / "digits.py").write_text(study_text())

    assert study_files()["digits"] == Path("studies/digits.py")
    assert read_study_file("digits").title() == "A small task."


def test_a_path_is_read_wherever_it_lies(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(study_text())

    study_file = read_study_file(str(path))

    assert (study_file.name, study_file.filename) == ("mine", str(path))


def test_a_name_that_nobody_knows_is_answered_with_the_names_there_are(cwd):
    with pytest.raises(StudyFileError, match="no study file 'mnits': .*digits"):
        read_study_file("mnits")


def test_a_path_that_is_not_there_is_answered_with_the_files_beside_it(tmp_path):
    (tmp_path / "other.py").touch()

    with pytest.raises(StudyFileError, match=r"No such file.*: other\.py$"):
        read_study_file(str(tmp_path / "mine.py"))


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "mine.py").write_bytes(b"# \xff")

    with pytest.raises(StudyFileError, match=r"mine\.py' is not UTF-8 text"):
        read_study_file(str(tmp_path / "mine.py"))


def test_a_traceback_shows_the_stored_text_although_the_file_is_gone():
    with pytest.raises(StudyFileError, match=r"^gone\.py:2: the study file raised ") as error:
        run_study_file("x = 1\nx / 0  # here\n", "gone.py")

    assert "# here" in "".join(traceback.format_exception(error.value))


def test_what_a_function_raises_becomes_one_line_with_its_place():
    with (
        pytest.raises(StudyFileError, match=rf"^{HERE}:\d+: space\(trial\) raised ValueError: a$"),
        calling("space(trial)", HERE),
    ):
        raise ValueError("a\nb")


def test_an_error_of_ours_keeps_its_type_and_gets_its_place():
    with pytest.raises(DataCorrupt, match=rf"^{HERE}:\d+: no words$"), calling("load()", HERE):
        raise DataCorrupt("no words")


def test_a_storage_that_is_away_is_not_the_study_files_fault():
    with pytest.raises(StorageError, match="^away$"), calling("space(trial)", HERE):
        raise StorageError("away")


def test_what_the_caller_handles_passes():
    with pytest.raises(OSError, match="^gone$"), calling("load()", HERE, passes=(OSError,)):
        raise OSError("gone")


def test_ctrl_c_in_a_function_stays_ctrl_c():
    with pytest.raises(KeyboardInterrupt), calling("load()", HERE):
        raise KeyboardInterrupt


@pytest.mark.parametrize("way", ["sys.exit(0)", "exit()", "os._exit(0)"])
@pytest.mark.fault("F30")
def test_a_study_file_that_exits_when_imported_is_an_error_with_its_line(inside, cwd, way):
    (cwd / "task.py").write_text(f"import os, sys\n{way}\n")

    done = inside("run", "task.py")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: task.py:2: ")
    assert done.stderr.count("\n") == 1


def test_processes_and_threads_of_a_function_exit_as_they_must():
    """A pool of processes in `load` ends its children with `os._exit`."""
    code = (
        "import os, threading\n"
        "from hpsearch.study_file import calling\n"
        "with calling('load()', 'x.py'):\n"
        "    if (child := os.fork()) == 0: os._exit(7)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
        "    threading.Thread(target=os._exit, args=(8,)).start()\n"
        "    threading.Event().wait()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)

    assert (done.stdout, done.returncode) == (b"7\n", 8)


def test_afterwards_everything_exits_as_before():
    before = os._exit
    with calling("load()", HERE):
        assert os._exit is not before
    assert os._exit is before
