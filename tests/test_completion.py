"""What Tab offers, as bash asks for it; and that asking leaves no trace."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.study.record import create_or_continue, make_record
from hpsearch.study.storage import Storage
from hpsearch.study_file import read_study_file
from tests.toy import write_toy

OTHER = "sqlite:///other.db"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study in the default storage, two in another one, a study file and an export."""
    folder = tmp_path_factory.mktemp("made")
    fields = 'factors={"level": [0.8], "units": [8]}, paths={"grow": [{"level": 0.7}]},'
    path = write_toy(folder, fields=fields)
    study_file = read_study_file(str(path))
    record = make_record(study_file, {}, data="d", seed=0, sampler="tpe", pruner="none")
    for file, names in {"runs/studies.db": ["toy"], "other.db": ["clouds", "x;reboot"]}.items():
        (folder / file).parent.mkdir(exist_ok=True)
        storage = Storage(f"sqlite:///{folder / file}")
        for name in names:
            create_or_continue(storage, name, record, {})
        storage.engine.dispose()
    path.rename(folder / "cloudy.py")
    (folder / "best").mkdir()
    (folder / "best" / "MANIFEST.json").touch()
    return folder


@pytest.fixture
def folder(made: Path, cwd: Path) -> Path:
    """A copy of it, the current folder."""
    shutil.copytree(made, cwd, dirs_exist_ok=True)
    return cwd


def offered(inside, line: str) -> list[str]:
    """What the script for each shell gets."""
    done = inside(
        _HPSEARCH_COMPLETE="complete_fish",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
        _TYPER_COMPLETE_ARGS=line,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [one.partition("\t")[0] for one in done.stdout.splitlines() if one]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        pytest.param("hpsearch ver", ["verify"], id="verb"),
        pytest.param("hpsearch data st", ["status"], id="verb of a verb"),
        pytest.param("hpsearch show ", ["toy"], id="study"),
        pytest.param(f"hpsearch show --storage {OTHER} ", ["clouds"], id="other storage"),
        pytest.param("hpsearch run clou", ["cloudy.py"], id="study file"),
        pytest.param("hpsearch run dig", ["digits"], id="named study file"),
        pytest.param("hpsearch predict b", ["best"], id="exported folder"),
        pytest.param("hpsearch show toy --to", ["--top"], id="option"),
        pytest.param("hpsearch run cloudy.py --set u", ["units="], id="params of a file"),
        pytest.param("hpsearch run digits --set units_", ["units_1="], id="params of a name"),
        pytest.param("hpsearch resume toy --set p", ["peak="], id="params of a study"),
        pytest.param(
            "hpsearch sweep cloudy.py --factors ", ["level", "units", "grow"], id="factors"
        ),
        pytest.param(
            "hpsearch sweep cloudy.py --factors level,", ["level,units", "level,grow"], id="more"
        ),
        pytest.param("hpsearch plot toy --factor l", ["level"], id="factors of a study"),
        pytest.param("hpsearch plot toy cu", ["curves"], id="picture"),
        pytest.param("hpsearch run digits --sampler t", ["tpe"], id="sampler"),
        pytest.param("hpsearch export toy -o b", [], id="files are the shell's"),
        pytest.param("hpsearch run digits --data b", [], id="folders, too"),
    ],
)
def test_tab_offers_what_fits(folder, inside, line, names):
    assert offered(inside, line) == names


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("sqlite:///no/where.db", id="absent"),
        pytest.param("sqlite:///cloudy.py", id="no database"),
        pytest.param("sqlite:///empty.db", id="empty"),
        pytest.param("postgresql://nowhere/studies", id="server"),
        pytest.param("nonsense", id="no URL"),
    ],
)
def test_a_storage_that_cannot_be_read_offers_nothing_and_stays_as_it_is(folder, inside, url):
    Path("empty.db").touch()
    before = sorted(folder.rglob("*"))

    assert offered(inside, f"hpsearch show --storage {url} ") == []
    assert offered(inside, f"hpsearch resume toy --storage {url} --set ") == []

    assert sorted(folder.rglob("*")) == before


def test_a_study_file_is_read_not_run(folder, inside):
    Path("mine.py").write_text(
        "BASELINE = {'rate': 1, **more}\n"
        "open('ran', 'w')\n"
        "def build(hp): hp.Int('layers', 1, 3)\n"
        "TASK = Task(baseline=BASELINE)\n"
    )
    Path("broken.py").write_text("TASK = Task(")

    assert offered(inside, "hpsearch run mine.py --set ") == ["rate=", "layers="]
    assert offered(inside, "hpsearch run broken.py --set ") == []
    assert not Path("ran").exists()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_without_keras_optuna_or_a_word_of_its_own(folder):
    lines = ["hpsearch show --storage sqlite:///oth", f"hpsearch show --storage {OTHER} cl"]
    lines += ["hpsearch run cloudy.py --set un"]
    script = 'set -eu; eval "$(hpsearch completion bash)"; compopt() { echo compopt "$@"; }'
    for line in lines:
        script += f"; COMP_LINE={shlex.quote(line)}; COMP_POINT=${{#COMP_LINE}}"
        script += '; _hpsearch_completion hpsearch; echo "${COMPREPLY[@]-}"'
    loud = "import sys; [sys.modules.update({name: None}) for name in ('keras', 'optuna')]"
    (folder / "sitecustomize.py").write_text(loud)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": path, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["", "clouds", "compopt -o nospace", "units="]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_of_another_shell_is_typers(inside, shell):
    done = inside("completion", shell)

    assert done.returncode == 0
    assert "_HPSEARCH_COMPLETE=complete_" + shell in done.stdout


def test_an_unknown_shell_is_named(inside):
    assert "takes one of bash, zsh, fish, got 'tcsh'" in inside("completion", "tcsh").stderr
