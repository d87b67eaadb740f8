"""`hpsearch plot`: a picture of a study as a file, or one line that says why not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.errors import DataError, NothingFinished, UsageError
from hpsearch.pictures.gallery import Choice
from hpsearch.pictures.kinds import ABOUT, PictureKind
from hpsearch.verbs.plot import plot
from tests.conftest import Cli
from tests.pictures.stored import Stored, logs, store

URL = "sqlite:///studies.db"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search with a finished trial."""
    place = tmp_path_factory.mktemp("toy")
    store(place, Stored(curve=logs(3), params={"epochs": 3, "units": 4}))
    return place


@pytest.fixture
def study(folder: Path, cwd: Path) -> Path:
    """A copy of it in the current folder."""
    shutil.copytree(folder, cwd, dirs_exist_ok=True)
    return cwd


def draw(kind: str, output: str | None = None, *, force: bool = False) -> None:
    path = None if output is None else Path(output)
    plot(URL, "toy", PictureKind(kind), path, Choice(), data=None, force=force)


def test_a_picture_is_a_file_in_the_current_folder_and_its_name_is_printed(study, capsys):
    draw("curves")

    assert (study / "toy-curves.svg").read_text().startswith("<?xml")
    assert capsys.readouterr().out == "drew curves of toy: toy-curves.svg\n"


def test_an_existing_file_is_kept_unless_force_is_given(study):
    (study / "a.svg").write_text("mine")

    with pytest.raises(UsageError, match=r"a\.svg exists: .*--force"):
        draw("curves", "a.svg")
    assert (study / "a.svg").read_text() == "mine"

    draw("curves", "a.svg", force=True)
    assert (study / "a.svg").read_text() != "mine"


@pytest.mark.parametrize(
    ("kind", "output", "error"),
    [
        pytest.param("factors", "a.svg", UsageError, id="no sweep"),
        pytest.param("confusion", "a.svg", NothingFinished, id="not evaluated"),
        pytest.param("importances", "a.svg", NothingFinished, id="one trial"),
        pytest.param("curves", "a.jpg", UsageError, id="another format"),
        pytest.param("curves", "none/a.svg", UsageError, id="no folder"),
        pytest.param("curves", "x" * 300 + ".svg", DataError, id="a long name"),
    ],
)
def test_what_cannot_be_drawn_leaves_nothing_behind(study, kind, output, error):
    before = sorted(study.iterdir())

    with pytest.raises(error):
        draw(kind, output)

    assert sorted(study.iterdir()) == before


def test_a_study_with_an_odd_name_gets_a_file_of_a_safe_name(cwd):
    store(cwd, Stored(curve=logs(1)), name="../$x")

    plot(URL, "../$x", PictureKind.CURVES, None, Choice(), data=None, force=False)

    (picture,) = cwd.glob("*.svg")
    assert picture.name.startswith("x-")


@pytest.mark.slow
def test_the_command_line_takes_what_its_help_lists(study, inside: Cli):
    shown = inside("plot", "--help")
    for kind, about in ABOUT.items():
        assert f"{kind:<12} {about.shows}" in shown.stdout

    done = inside("plot", "toy", "curves", "-o", "a.png", "--trial", "1", "--storage", URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert (study / "a.png").exists()

    wrong = inside("plot", "toy", "curve", "--storage", URL)
    assert wrong.returncode == 2
    assert "did you mean curves?" in wrong.stderr
    assert wrong.stderr.count("\n") == 1


@pytest.mark.slow
def test_drawing_loads_neither_pyplot_nor_keras(study):
    code = (
        "import sys; sys.argv = ['hpsearch', 'plot', 'toy', 'importances', '--storage', "
        f"{URL!r}]\n"
        "from hpsearch.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: print('exit', end.code)\n"
        "print(sorted({'keras', 'matplotlib.pyplot', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "exit 3\n[]\n"
