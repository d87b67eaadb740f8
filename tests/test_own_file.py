"""Files that a script or a cell writes again: never over what somebody else wrote or edited."""

from __future__ import annotations

import pytest

from hpsearch.errors import UsageError
from hpsearch.own_file import is_marked, marked, require_name, write_own


def test_a_file_is_written_again_but_not_once_it_was_edited(tmp_path):
    path = tmp_path / "mine.py"
    write_own(path, marked("UNITS = 4", "a test"))

    write_own(path, marked("UNITS = 8\n\n", "a test"))

    assert is_marked(path.read_text())
    path.write_text(path.read_text().replace("8", "9"))
    with pytest.raises(UsageError, match="is not as hpsearch wrote it, if it did"):
        write_own(path, marked("UNITS = 4", "a test"))
    assert "UNITS = 9" in path.read_text()


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    (tmp_path / "mine.py").mkdir()

    with pytest.raises(UsageError, match="cannot read .*: name another study"):
        write_own(tmp_path / "mine.py", marked("", "a test"))


@pytest.mark.parametrize("name", ["../mine", "a/b", "a\\b", "", ".", "..", "-x", "a\nb", 7])
def test_a_name_that_leads_elsewhere_is_refused(name):
    with pytest.raises(UsageError, match="cannot have a file of that name"):
        require_name(name)


@pytest.mark.parametrize("name", ["mine", "my lab 2", "größe", "a.b-c_d"])
def test_readable_names_are_fine(name):
    require_name(name)
