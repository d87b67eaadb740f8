"""Names, texts and tracebacks are nothing but text, whatever is in them and wherever it shows."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from hpsearch.files import as_csv, slug
from hpsearch.notebook.shown import html_table
from hpsearch.pictures.drawing import as_svg, entitle, new_figure, shown
from hpsearch.reporting.content import Report, Section, Table
from hpsearch.reporting.markdown import escaped
from hpsearch.reporting.page import as_page
from hpsearch.reporting.page import shown as in_page
from hpsearch.terminal.printing import plain, print_line, print_table

TABLE_TAGS = {"table", "tr", "th", "td"}

nasty = st.sampled_from(
    [
        "<script>alert(1)</script>", "\" onload='x", "]]>", "</style>", "&amp;", "{{ 1 + 1 }}",
        "[red]", "[link=file:///etc]", "\x1b[2J", "\x1b]0;x\x07", "\u202e", "\x00", "\r", "\n",
        "=1+1", "\t=", "@a", "-1", "+", "$x^", "\\", "`", "|", "![a](b)", "# a", "..", "/",
    ]
)  # fmt: skip
texts = st.lists(nasty | st.text(), max_size=6).map("".join)


class Tags(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def report(text: str) -> Report:
    """A report that says a text wherever one can stand."""
    table = Table(name="t", caption=text, header=["a", text], rows=[[text, 1.0]])
    section = Section(
        anchor="a", heading=text, sentences=[text], tables=[table], commands=[text], has_room=True
    )
    return Report(title=text, studies=[text], sections=[section])


@given(texts)
def test_a_terminal_is_sent_no_control_characters_and_no_markup(text: str):
    console = Console(file=io.StringIO(), width=10_000, force_terminal=True, color_system=None)

    print_line(console, text)
    print_table(console, [f"[red]{text}"], [[f"[red]{text}"]])

    sent = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(c.isprintable() or c == "\n" for c in sent)
    assert sent.startswith(f"{plain(text)}\n")
    assert sent.count("[red]") == 2 + 3 * text.count("[red]")


@given(texts)
@settings(max_examples=10)
@example("<script>alert(1)</script>")
def test_a_page_has_the_tags_that_it_has_for_any_text(text: str):
    harmless = Tags(as_page(report("a"), {}))

    page = Tags(as_page(report(text), {}))

    assert page.tags == harmless.tags
    assert page.text.count(in_page(text)) >= 6


@given(texts)
def test_a_table_in_a_notebook_has_no_tags_but_its_own(text: str):
    page = Tags(html_table([text], [[text]]))

    assert {tag for tag, _ in page.tags} == TABLE_TAGS
    assert not any(attrs for _, attrs in page.tags)


@given(texts)
def test_markdown_reads_it_as_the_text_that_it_is(text: str):
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(f"a {escaped(text)}")

    page = Tags(html)

    assert {tag for tag, _ in page.tags} == {"p"}
    assert page.text.split() == ["a", *in_page(text).split()]


@given(texts)
@example("\t1")
@example("\r1")
@example("\uff1d1")
def test_no_cell_of_a_spreadsheet_begins_a_formula(text: str):
    ((cell, number),) = csv.reader(io.StringIO(as_csv([text, -1], []), newline=""))

    assert not re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r]", cell)
    assert cell.removeprefix("'") == text.removeprefix("'")
    assert number == "-1"


@given(texts)
@settings(max_examples=10)
@example("$x^")
@example("\x00\x1b\ufffe")
def test_a_picture_has_it_as_text(text: str):
    figure, (panel,) = new_figure()
    panel.set_xlabel(shown(text))
    entitle(figure, f"a {shown(text)}", shown(text))

    tree = ElementTree.fromstring(as_svg(figure))

    assert {element.tag.rpartition("}")[2] for element in tree.iter()} <= SVG_TAGS


SVG_TAGS = {
    "svg", "metadata", "RDF", "Work", "type", "date", "format", "creator", "Agent", "title",
    "defs", "style", "g", "path", "use", "text", "tspan", "clipPath", "rect",
}  # fmt: skip


@given(texts)
def test_a_file_name_made_of_it_leads_nowhere(text: str):
    assert re.fullmatch(r"[A-Za-z0-9-]+", slug(text))
