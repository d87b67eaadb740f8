"""The lines that a user writes for one search: the README's numbers are those of the scripts."""

from __future__ import annotations

import re
from pathlib import Path

from hpsearch.study_file import read_study_file
from scripts.benchmarks.lines import FOLDER, TOOLS, count, counts

ROOT = Path(__file__).parent.parent


def test_blank_lines_comments_and_docstrings_do_not_count():
    program = '"""Title.\n\nMore.\n"""\n\n# why\nx = (\n    1,  # one\n\n)\n'
    program += '\n\ndef f():\n    """Says."""\n'

    assert count(program + "    return '''a\n\n b'''\n") == 3 + 1 + 3


def test_the_readme_says_how_many_lines_each_script_has():
    readme = (ROOT / "README.md").read_text()

    found = re.findall(
        r"^ *\| \[(.+)\]\(scripts/benchmarks/fashion/(\S+)\) \| (\d+) \|", readme, re.M
    )

    assert {tool: int(n) for tool, _, n in found} == counts()
    assert [name for _, name, _ in found] == list(TOOLS)
    assert min(counts(), key=lambda tool: counts()[tool]) == "hpsearch, `tune`"


def test_the_study_file_declares_the_search_of_the_other_scripts():
    task = read_study_file(str(FOLDER / "as_study_file.py")).task

    for name in set(TOOLS) - {"as_study_file.py"}:
        text = (FOLDER / name).read_text()
        for param in task.baseline:
            assert param in text, name
