"""The page of a report, looked at in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from hpsearch.pictures.drawing import Rendered
from hpsearch.pictures.kinds import PictureKind
from hpsearch.reporting.content import Picture, Report, Section
from hpsearch.reporting.material import Material
from hpsearch.reporting.page import LARGEST_SVG, as_page, shown
from hpsearch.study.storage import Storage
from tests.browser import chromium
from tests.reporting.written import FORMULA, RUDE, rude_report

RUDE_PAGE = "report/report.html"
WIDTHS = [pytest.param(1200, id="desktop"), pytest.param(360, id="phone")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@dataclass
class Visit:
    """A page, and what it did."""

    page: Page
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """The report of rude studies, 1200 pixels wide unless the test says otherwise."""
    path = rude_report() / RUDE_PAGE
    with browser.new_context(viewport={"width": getattr(request, "param", 1200), "height": 800},
                             bypass_csp=True) as context:  # fmt: skip
        visit = Visit(context.new_page())
        visit.page.on("request", lambda sent: visit.requests.append(sent.url))
        visit.page.on("console", lambda line: visit.messages.append(line.text))
        visit.page.on("pageerror", lambda error: visit.messages.append(str(error)))
        visit.page.goto(path.as_uri())
        yield visit


@pytest.mark.slow
@pytest.mark.xdist_group("report")
@pytest.mark.parametrize("visit", WIDTHS, indirect=True)
def test_it_fits_a_desktop_and_a_phone_and_everybody_can_read_it(visit: Visit):
    overflow = "document.documentElement.scrollWidth - window.innerWidth"
    assert visit.page.evaluate(overflow) <= 0

    results = Axe().run(visit.page)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.slow
@pytest.mark.xdist_group("report")
def test_names_from_a_study_are_text_even_without_the_policy_that_forbids_scripts(visit: Visit):
    foreign = "script, b, iframe, object, link, [onerror], [onload], a:not([href^='#'])"
    assert visit.page.locator(foreign).count() == 0
    assert visit.page.locator("img:not([src^='data:image/png;base64,'])").count() == 0
    assert visit.page.evaluate("typeof ran") == "undefined"
    assert visit.page.locator("h1").inner_text() == shown(RUDE)
    assert shown(FORMULA) in visit.page.locator("tbody").all_inner_texts()[1]


@pytest.mark.slow
@pytest.mark.xdist_group("report")
def test_it_asks_for_nothing_and_complains_of_nothing(browser: Browser):
    visit = Visit(browser.new_page())
    visit.page.on("request", lambda sent: visit.requests.append(sent.url))
    visit.page.on("console", lambda line: visit.messages.append(line.text))
    path = rude_report() / RUDE_PAGE

    visit.page.goto(path.as_uri())
    n_pages = len(re.findall(rb"/Type /Page\b", visit.page.pdf(format="A4")))
    visit.page.close()

    assert [url for url in visit.requests if not url.startswith("data:")] == [path.as_uri()]
    assert visit.messages == []
    assert 2 <= n_pages <= 20


@pytest.mark.slow
@pytest.mark.xdist_group("report")
def test_every_part_can_be_reached_from_the_contents(visit: Visit):
    links = visit.page.locator("nav a")
    ids = [link.get_attribute("href") for link in links.all()]

    assert ids == ["#task", "#question-1", "#sweep", "#search", "#measured", "#repeat"]
    assert [visit.page.locator(one).count() for one in ids if one] == [1] * len(ids)
    assert visit.page.locator("[id]").count() == visit.page.evaluate(
        "new Set([...document.querySelectorAll('[id]')].map(one => one.id)).size"
    )


def test_the_policy_allows_styles_and_images_of_the_page_itself_and_nothing_else():
    page = as_page(Report(title="t", studies=["s"], sections=[]), {})

    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in page


@pytest.mark.slow
@pytest.mark.xdist_group("report")
def test_a_picture_of_many_marks_is_stored_as_pixels():
    folder = rude_report()
    subject = Material(Storage(f"sqlite:///{folder}/studies.db", read_only=True), [RUDE]).subjects
    picture = Picture(name="a", caption=RUDE, kind=PictureKind.TIME, subject=subject[0])
    report = Report(
        title="t",
        studies=["s"],
        sections=[Section(anchor="a", heading="h", pictures=[picture])],
    )

    few = as_page(report, {"a": Rendered(svg="<?xml?><svg>few</svg>", png=b"PNG")})
    many = as_page(report, {"a": Rendered(svg="<svg>" + "." * LARGEST_SVG, png=b"PNG")})

    assert '<svg role="img" aria-label="&lt;img src=x onerror=&#34;' in few
    assert ">few</svg>" in few
    assert "<?xml" not in few
    assert 'src="data:image/png;base64,UE5H"' in many
    assert "<svg" not in many
