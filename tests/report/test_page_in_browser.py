"""The page in a real browser without network: sight, screen readers and keyboard."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.report import june_2018
from tests.report.conftest import Reports
from tests.report.tables import create_tables, fill_engagements

WHY = "needs playwright, axe-playwright-python and Chromium: make test-page"
playwright = pytest.importorskip("playwright.sync_api", reason=WHY)
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=WHY)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=WHY)

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 800}
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as session:
        chromium = session.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def file(database: TestDatabase, reports: Reports, tmp_path: Path) -> Path:
    """The page of June 2018, with calls, meetings and answered e-mails beside, and faults."""
    create_tables(database)
    fill_engagements(database, june_2018.rows())
    database.query("UPDATE engagements SET ownerId = 70, timestamp = createdAt WHERE id % 2")
    more = [("MEETING", 0), ("INCOMING_EMAIL", 1), ("EMAIL", 3), ("CALL", 5), ("CALL", 20)]
    for nth, (kind, hours) in enumerate(more):
        at_ms = june_2018_noon() + hours * HOUR_MS
        database.query(
            "INSERT INTO engagements (id, createdAt, timestamp, type) VALUES (%s, %s, %s, %s)",
            (1000 + nth, at_ms, at_ms, kind),
        )
        database.query(
            "INSERT INTO engagement_associations VALUES (%s, 'contact', 7)", (1000 + nth,)
        )
    database.query("INSERT INTO engagement_calls VALUES (1003, 'x', 60000), (1004, 'y', 0)")
    database.query("INSERT INTO call_dispositions VALUES ('x', 'Connected')")
    database.query("INSERT INTO engagement_meetings VALUES (1000, 'COMPLETED', 0, 3600000)")
    report_file = tmp_path / "report.html"
    reports.out("html", report_file)
    return report_file


def june_2018_noon() -> int:
    return 1_530_000_000_000


class BrowserPage:
    """A page in a window, with the browser's messages and requests."""

    def __init__(self, browser: Any, file: Path, scheme: str, size: dict[str, int]) -> None:
        self.context = browser.new_context(color_scheme=scheme, viewport=size, offline=True)
        self.page = self.context.new_page()
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())
        self.file = file

    def number_of(self, selector: str) -> int:
        return int(self.page.locator(selector).count())


@pytest.fixture
def wide(browser: Any, file: Path) -> Iterator[BrowserPage]:
    browser_page = BrowserPage(browser, file, "light", WIDE)
    yield browser_page
    browser_page.context.close()


def test_it_opens_without_network(wide: BrowserPage) -> None:
    """
    Nothing is asked for but the file, and the browser has nothing to complain of.
    """
    wide.page.wait_for_load_state("networkidle")
    assert wide.requests == [wide.file.as_uri()]
    assert wide.messages == []


def test_the_charts_have_the_marks_that_the_data_asks_for(wide: BrowserPage) -> None:
    """
    A bar a type and day, a bar an owner and type, a square an hour, a line a type, partly dashed.
    """
    cells = wide.page.locator("#daily tbody td").all_text_contents()
    kinds = wide.number_of("#daily thead th") - 2
    counts = [cell for nth, cell in enumerate(cells) if nth % (kinds + 1)]  # without all types
    assert wide.number_of("#daily svg.wide path:has(title)") == len([n for n in counts if n != "0"])
    assert wide.page.locator("#daily svg.wide title").first.text_content().startswith("2018-06-15,")
    squares = [n for n in wide.page.locator("#hours tbody td").all_text_contents() if n != "0"]
    assert wide.number_of("#hours svg.wide path:has(title)") == len(squares)
    lines = wide.number_of("#rolling svg.wide path[stroke-dasharray='4,4']")
    assert lines == kinds + 1  # of all types, too
    assert wide.number_of("#calls svg.wide path:has(title)") == 3
    assert wide.number_of("#first-response svg.wide path:has(title)") == 10
    assert wide.page.locator("#daily svg.wide").is_visible()
    assert not wide.page.locator("#daily svg.narrow").is_visible()


def test_what_is_wrong_is_red_and_said(wide: BrowserPage) -> None:
    """
    A check that fails is red, and has a sign and a word; a check that passes has others.
    """
    wrong = wide.page.locator("#quality td.wrong").first
    assert wrong.inner_text() == "✕ wrong"
    assert wrong.evaluate("cell => getComputedStyle(cell).color") == "rgb(179, 38, 30)"
    assert wide.page.locator("#quality td.right").first.inner_text() == "✓ ok"


def test_the_keyboard_reaches_everything(wide: BrowserPage) -> None:
    """
    Tab goes over every link and every table in turn, with a frame around; arrows scroll a table.
    """
    reached_links = []
    focus_script = "[document.activeElement.tagName, document.activeElement.getAttribute('href')]"
    everything = "a, [tabindex]"
    for _ in range(wide.number_of(everything)):
        wide.page.keyboard.press("Tab")
        reached_links.append(tuple(wide.page.evaluate(focus_script)))
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert wide.page.evaluate(outline) == "solid"
    assert len(reached_links) == 1 + 8 + 7 + 1  # past the head, to each report, each table
    assert ("A", "#quality") in reached_links
    assert [name for name, _ in reached_links].count("SUMMARY") == 7  # one that stands open
    assert [name for name, _ in reached_links].count("DIV") == 1
    wide.page.locator("#daily summary").press("Enter")
    table = wide.page.locator("#daily .scroll")
    table.focus()
    wide.page.keyboard.press("End")
    for _ in range(100):  # the policy lets no function be waited for
        if table.evaluate("table => table.scrollTop") > 0:
            return
        wide.page.wait_for_timeout(50)
    pytest.fail("the table does not scroll by keyboard")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, file: Path, scheme: str, size: dict[str, int]) -> None:
    """
    Contrast, names, roles, order: axe-core has nothing to say, with all tables unfolded,
    on light paper and on dark.
    """
    browser_page = BrowserPage(browser, file, scheme, size)
    unfold = "document.querySelectorAll('details').forEach(one => one.open = true)"
    browser_page.page.evaluate(unfold)
    results = axe.Axe().run(browser_page.page)
    passing_rules = {rule["id"] for rule in results.response["passes"]}
    assert results.violations_count == 0, results.generate_report()
    assert {"color-contrast", "scrollable-region-focusable", "svg-img-alt"} <= passing_rules
    assert browser_page.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    visible_width = "narrow" if size is NARROW else "wide"
    assert browser_page.page.locator(f"#daily svg.{visible_width}").is_visible()
    paper = browser_page.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}[scheme]
    browser_page.context.close()


def test_it_prints_whole_and_on_white(browser: Any, file: Path) -> None:
    """
    On paper there is no scrolling: every table has full length, also from a dark window.
    """
    browser_page = BrowserPage(browser, file, "dark", WIDE)
    browser_page.page.emulate_media(media="print")
    cut = (
        "[...document.querySelectorAll('.scroll')].filter(e => e.scrollHeight > e.clientHeight + 2)"
    )
    assert browser_page.page.evaluate(f"{cut}.length") == 0
    browser_page.page.set_viewport_size({"width": 688, "height": 971})  # A4 without its margins
    assert browser_page.page.evaluate("document.documentElement.scrollWidth") <= 688
    assert browser_page.page.locator("#daily tbody tr").first.is_visible()
    paper = browser_page.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    assert browser_page.page.pdf(format="A4").startswith(b"%PDF")
    browser_page.context.close()
