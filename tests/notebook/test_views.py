"""`show`, `table`, `plot` and `report` as objects: the commands' content, as text and as HTML."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import hpsearch
from hpsearch.errors import StudyNotFound, UsageError
from hpsearch.notebook.shown import MOST_ROWS, ShownTable
from tests.pictures.stored import BASELINE, Stored, logs, store
from tests.reporting.written import RUDE, rude_report

pytestmark = pytest.mark.xdist_group("report")


@pytest.fixture
def storage(cwd: Path) -> str:
    """A search whose best trial is number 2."""
    store(
        cwd,
        *(
            Stored(curve=logs(3, best), params={**BASELINE, "units": units})
            for units, best in ((2, 0.6), (4, 0.8), (8, 0.7))
        ),
    )
    return f"sqlite:///{cwd}/studies.db"


@pytest.fixture
def rude() -> str:
    """The storage of studies whose names and params are markup."""
    return f"sqlite:///{rude_report()}/studies.db"


class Tags(HTMLParser):
    """Which tags and attributes a page has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(name for name, _ in attrs)}


def test_show_is_the_table_of_trials_for_programs_and_people(storage, inside):
    shown = hpsearch.show("toy", storage=storage)

    assert shown.header[:2] == ["trial", "val_accuracy"]
    assert [row["val_accuracy"] for row in shown][:3] == [0.8, 0.7, 0.6]
    assert "<td>0.8</td>" in shown._repr_html_()
    printed = inside("show", "toy", "--storage", storage).stdout
    assert repr(shown).split() == printed.split()


def test_show_takes_the_best_or_one_trial(storage, inside):
    assert len(hpsearch.show("toy", top=1, storage=storage)) == 1

    one = hpsearch.show("toy", trial=2, storage=storage)

    assert [row["epoch"] for row in one] == [1, 2, 3]
    printed = inside("show", "toy", "--trial", "2", "--storage", storage).stdout
    assert repr(one).split() == printed.split()
    with pytest.raises(UsageError, match="no trial 9"):
        hpsearch.show("toy", trial=9, storage=storage)


def test_nothing_that_a_study_holds_is_markup_in_a_notebook(rude):
    shown = [
        hpsearch.show(RUDE, storage=rude),
        hpsearch.show(RUDE, trial=2, storage=rude),
        hpsearch.table(f"sweep {RUDE}", storage=rude),
    ]

    for one in shown:
        tags = Tags(one._repr_html_()).seen
        assert tags <= {"p", "br", "table", "tr", "th", "td"}
        assert "\x1b" not in one._repr_html_() + repr(one)


def test_a_picture_is_an_image_in_which_nothing_can_run(rude, cwd):
    shown = hpsearch.plot(RUDE, "history", storage=rude)

    assert Tags(shown._repr_html_()).seen == {"img", "alt", "src"}
    assert "save('FILE.svg')" in repr(shown)
    shown.save("history.png")
    assert Path("history.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UsageError, match="no picture 'histori': there are curves, "):
        hpsearch.plot(RUDE, "histori", storage=rude)


def test_a_report_is_a_page_in_a_frame_that_runs_nothing_and_can_be_saved(rude, cwd):
    shown = hpsearch.report(RUDE, storage=rude)

    assert Tags(shown._repr_html_()).seen == {"iframe", "sandbox", "style", "srcdoc"}
    shown.save("report")
    assert (cwd / "report/report.html").exists()
    with pytest.raises(UsageError, match="takes the name of a search"):
        hpsearch.report(storage=rude)


def test_a_study_that_is_not_there_is_named(storage):
    with pytest.raises(StudyNotFound, match="no study 'toi'") as error:
        hpsearch.show("toi", storage=storage)

    assert error.value._render_traceback_() == [f"StudyNotFound: {error.value}"]


def test_a_long_table_says_how_much_is_left_out():
    shown = ShownTable(["n"], [[i] for i in range(MOST_ROWS + 2)])

    assert "and 2 more rows" in shown._repr_html_()
    assert repr(shown).endswith("51")


def test_pandas_is_asked_for_only_when_it_is_wanted(monkeypatch):
    shown = ShownTable(["n"], [[1]])
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(UsageError, match="needs pandas: pip install pandas"):
        shown.to_pandas()
