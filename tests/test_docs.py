"""What the README says is so: every verb and option is in it, every command parses.

What studies/README.md says is done: each of its blocks is run as it stands there.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer

import hpsearch
from hpsearch.choices import Kind
from hpsearch.cli import app
from tests.inside import run_in

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
LESSONS = (ROOT / "studies" / "README.md").read_text()
PICTURE = (ROOT / "scripts" / "picture" / "search.svg").read_text()
PICTURED = "".join(ElementTree.fromstring(PICTURE).itertext()).replace("\N{NO-BREAK SPACE}", " ")
COMMANDS = re.findall(r"^(?:\$ )?hpsearch (.+?)(?:\s+#.*)?$", README + PICTURED, re.MULTILINE)


def verbs(group: object, prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            found |= verbs(command, f"{prefix}{name} ")
        else:
            found[prefix + name] = command
    return found


VERBS = verbs(typer.main.get_command(app))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_readme_and_has_help(verb):
    assert re.search(rf"hpsearch {verb}\b", README) or f"`{verb}`" in README
    assert VERBS[verb].help


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_is_in_the_readme(verb):
    options = {o for param in VERBS[verb].params for o in param.opts if o.startswith("--")}
    for option in options - {"--help"}:
        assert re.search(rf"[` ]{option}(?![\w-])", README), f"{verb} {option}"


def test_resume_takes_the_options_of_run_but_four():
    def options(verb: str) -> set[str]:
        return {option for param in VERBS[verb].params for option in param.opts}

    assert {name for name in options("run") - options("resume") if name.startswith("--")} == {
        "--objective",
        "--repeats",
        "--seed",
        "--study",
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_the_readme_parses(command):
    words = shlex.split(command)
    verb = " ".join(words[:2]) if " ".join(words[:2]) in VERBS else words[0]
    arguments = words[len(verb.split()) :]

    VERBS[verb].make_context(verb, arguments)  # raises what the user would see


FAULTS = dict(re.findall(r"^\| (F\d+) \| (.+) \|$", README, re.MULTILINE))
PROMISED = re.compile(r"^ *@pytest\.mark\.fault\(\"(F\d+)\"\)$", re.MULTILINE)


def test_each_promise_of_what_can_go_wrong_has_a_test_and_each_such_test_a_promise():
    texts = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    untested = {row for row, text in FAULTS.items() if "not tested:" in text}

    assert [f"F{n}" for n in range(1, len(FAULTS) + 1)] == list(FAULTS)
    assert {row for text in texts for row in PROMISED.findall(text)} == set(FAULTS) - untested
    assert untested == {"F28"}


def test_there_are_commands_in_the_readme():
    assert len(COMMANDS) > 10


def test_the_readme_shows_the_picture_and_says_what_is_in_it():
    assert re.search(r"^!\[.{40,}\]\(scripts/picture/search\.svg\)$", README, re.MULTILINE)


def test_the_picture_fetches_nothing_and_names_no_folder_of_the_machine_it_was_made_on():
    addresses = set(re.findall(r"\w+://[^\s\"<]+", PICTURE))

    assert addresses == {"http://www.w3.org/2000/svg", "sqlite:///runs/studies.db"}
    assert set(re.findall(r"url\((.)", PICTURE)) == {"#"}
    assert not re.search(r"(?<![\w/])/\w", PICTURED)


def test_the_public_names_are_the_ones_the_readme_names():
    assert hpsearch.__all__ == sorted(hpsearch.__all__)
    for name in hpsearch.__all__:
        assert re.search(rf"\b{name}\b", README), name
        assert getattr(hpsearch, name) is not None


def test_the_changelog_is_of_this_version():
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert version
    assert f"## {version[1]}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_lock_holds_hashes_and_names_no_index():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^[a-z0-9._-]+==\S+", lock, re.MULTILINE)

    assert len(pinned) > 50
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert "://" not in lock


def blocks(text: str) -> list[tuple[str, str]]:
    """Language and content of each code block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


SECTIONS = {
    title: blocks(body)
    for title, body in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", LESSONS, re.M | re.S)
    if blocks(body)
}


REGRESSION = "A number to predict"
"""The section that `tests/test_regression.py` follows, and looks at what comes of it."""


def steps(language: str, code: str) -> list[tuple[str, str]]:
    """A block as it can be run: commands of ours, which need no shell, in the test's process."""
    if language != "sh":
        return [(language, code)]
    before, end, after = code.rpartition("\nEND\n")
    lines = [(kind_of(line), line) for line in after.splitlines() if line]
    return [("sh", before + end), *lines] if end else lines


def kind_of(line: str) -> str:
    is_ours = line.startswith("hpsearch ") and not set("|<>$&;") & set(line)
    return "hpsearch" if is_ours else "sh"


def follow(title: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what a section says, in the current folder."""
    monkeypatch.delenv("HPSEARCH_DATA", raising=False)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    shells = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}

    for language, code in [step for block in SECTIONS[title] for step in steps(*block)]:
        if language == "hpsearch":
            done = run_in(folder, *shlex.split(code, comments=True)[1:])
        else:
            done = subprocess.run(
                [*shells[language], code], capture_output=True, text=True, check=False
            )
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        promised = re.findall(r"# says (\w+)$", code, re.MULTILINE)
        likeliest = re.findall(r"^\S.*\n  [\d.]+  (\w+)$", done.stdout, re.MULTILINE)
        assert likeliest == promised


@pytest.mark.slow
@pytest.mark.parametrize("title", sorted(SECTIONS.keys() - {REGRESSION}))
def test_a_newcomer_can_follow_the_page_word_for_word(
    title: str, cwd: Path, monkeypatch: pytest.MonkeyPatch
):
    follow(title, cwd, monkeypatch)


def test_the_page_has_a_section_for_each_kind_that_init_writes():
    kinds = re.findall(r"^hpsearch init \w+ --kind (\w+)$", LESSONS, re.MULTILINE)

    assert sorted(kinds) == sorted(Kind)
