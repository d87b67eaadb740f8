"""The documentation: how-tos are followed word for word, and the site builds without a warning."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hpsearch
from tests.inside import run_in

ROOT = Path(__file__).parent.parent
SITE = ROOT / "scripts" / "site"
REFERENCE = SITE / "reference" / "python.md"
HOW_TOS = re.findall(r"^how-to/[\w-]+$", (SITE / "index.md").read_text(), re.MULTILINE)
BLOCK = re.compile(r"^```(\S+)(?: python\n:caption: ([^\n]+)\n)?\n(.*?)^```$", re.M | re.S)
TASK = "TASK = Task(\n"

pytestmark = pytest.mark.slow


def edit(path: Path, where: str, code: str) -> None:
    """Change a file as a caption says."""
    if not where:
        path.write_text(code)
        return
    text = path.read_text()
    if where == "above TASK":
        text = text.replace(TASK, code + TASK)
    elif where == "in TASK":
        text = text.replace(TASK, TASK + code)
    else:
        assert where == "instead of its lines"
        for line in code.splitlines():
            begins = re.match(r"[^=:]+[=:]", line)[0]
            *_, old = [one for one in text.splitlines() if one.startswith(begins)]
            text = text.replace(f"\n{old}\n", f"\n{line}\n")
    assert text != path.read_text()
    path.write_text(text)


def hurry(study_file: Path) -> None:
    """Make a starter file's baseline cheap: to trace a graph takes longer than five epochs."""
    text = study_file.read_text()
    text = text.replace('"epochs": 20,', '"epochs": 5,')
    text = text.replace('metrics=["accuracy"])', 'metrics=["accuracy"], run_eagerly=True)')
    study_file.write_text(text)


def follow(page: Path, folder: Path) -> None:
    """Do what a page says, in a folder."""
    for kind, caption, code in BLOCK.findall(page.read_text()):
        if kind == "{code-block}":
            name, _, where = caption.partition(", ")
            edit(folder / name, where, code)
            continue
        assert kind == "sh", f"{page}: blocks are sh, or python with a caption"
        for line in code.splitlines():
            program, *arguments = shlex.split(line, comments=True)
            if program == "cd":
                folder = folder / arguments[0]
                continue
            if program == "hpsearch":
                done = run_in(folder, *arguments)
            else:
                program = sys.executable if program == "python" else program
                done = subprocess.run(
                    [program, *arguments], cwd=folder, capture_output=True, text=True, check=False
                )
            assert done.returncode == 0, f"{page}: {line}\n{done.stdout}\n{done.stderr}"
            if arguments[:1] == ["init"]:
                hurry(folder / f"{arguments[1]}.py")


def test_the_how_tos_can_be_followed_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("HPSEARCH_DATA", raising=False)  # the tables are beside the study files
    assert len(HOW_TOS) == len(list((SITE / "how-to").glob("*.md")))
    for page in HOW_TOS:
        follow(SITE / f"{page}.md", tmp_path)


def test_the_reference_has_every_public_name():
    named = re.findall(r"^\.\. auto\w+:: hpsearch\.(\w+)$", REFERENCE.read_text(), re.MULTILINE)

    assert sorted(named) == sorted([*hpsearch.__all__, "data"])


def test_the_site_builds_without_a_warning_and_fetches_nothing(tmp_path: Path):
    pytest.importorskip("sphinx", reason="the extra docs is not installed")
    site, html = tmp_path / "scripts" / "site", tmp_path / "html"
    shutil.copytree(SITE, site, ignore=shutil.ignore_patterns("pictures", "commands.md"))
    (tmp_path / "studies").mkdir()
    shutil.copy(ROOT / "studies" / "README.md", tmp_path / "studies")
    pages = "".join(page.read_text() for page in site.rglob("*.md"))
    pictures = set(re.findall(r"pictures/(\w+)\.svg", pages))
    (site / "pictures").mkdir()
    for name in pictures:
        (site / "pictures" / f"{name}.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')

    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", site, html]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    drawn = re.search(r"for kind in (.+); do", (ROOT / "scripts" / "docs").read_text())
    assert pictures == set(drawn[1].split())
    built = "".join(page.read_text() for page in html.rglob("*.html"))
    assert not re.search(r"(?:src=|<link[^>]+href=|url\()[\"']?(?:https?:)?//", built)
    assert "hpsearch data fetch" in built
    assert "keras_tuner_space" in built
