"""A report as Markdown: what comes from a study is text in it."""

from __future__ import annotations

import pytest

from hpsearch.reporting.content import Report, Section, Table
from hpsearch.reporting.markdown import as_markdown, as_table, escaped, fenced


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("<b>", r"\<b\>", id="HTML"),
        pytest.param("a | b", r"a \| b", id="a cell"),
        pytest.param("![a](b) *c* _d_", r"!\[a\](b) \*c\* \_d\_", id="an image, emphasis"),
        pytest.param("`a` \\", r"\`a\` \\", id="code, a backslash"),
        pytest.param("$x^2$ ~~a~~", r"\$x^2\$ \~\~a\~\~", id="a formula"),
        pytest.param("&lt;", r"\&lt;", id="an entity"),
        pytest.param("a\n\n# b\r- c\u2028d", r"a \# b - c d", id="lines"),
        pytest.param("1. a", r"1\. a", id="a list with numbers"),
        pytest.param("- a", r"\- a", id="a list"),
        pytest.param("---", r"\---", id="a rule"),
        pytest.param("-0.5", "-0.5", id="a number"),
        pytest.param("\x1b[31m\x00", "\N{REPLACEMENT CHARACTER}\\[31m\N{REPLACEMENT CHARACTER}",
                     id="control characters"),
    ],
)  # fmt: skip
def test_text_is_no_markup(text, expected):
    assert escaped(text) == expected


def test_a_table_shows_fifty_rows_and_says_where_the_others_are():
    rows = [[i, None, "a|b"] for i in range(53)]
    table = Table(name="t", caption="All", header=["i", "x", "y"], rows=rows)

    lines = "\n".join(as_table(table)).split("\n")

    assert lines[:5] == ["All ([t.csv](t.csv)):", "", "| i | x | y |", "| --- | --- | --- |",
                         r"| 0 |  | a\|b |"]  # fmt: skip
    assert lines[-4] == r"| 49 |  | a\|b |"
    assert lines[-2] == "... and 3 more in t.csv."


def test_what_to_type_cannot_leave_its_block():
    command = "hpsearch run '\n```\n<b>'"
    section = Section(anchor="a", heading="h", commands=[command], has_room=True)

    text = as_markdown(Report(title="t", studies=["s"], sections=[section]), set())

    assert fenced([command]) == "```sh\nhpsearch run ' ``` <b>'\n```"
    assert text == f"# t\n\n## h\n\n*Your own words:*\n\n\n{fenced([command])}\n"
