"""The page in a real browser without network: sight, screen readers and keyboard."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
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
    database.query("ALTER TABLE owners ADD teams LONGTEXT")
    teams = '[{"id": "1", "name": "Sales", "primary": true}]'
    database.query("INSERT INTO owners VALUES (70, NULL, 'Ada', 'Ampere', %s)", (teams,))
    database.query("INSERT INTO owners VALUES (71, NULL, 'Bea', 'Bohr', NULL)")
    database.query("UPDATE engagements SET ownerId = 71 WHERE id > 1000")
    database.query("INSERT INTO engagement_calls VALUES (1003, 'x', 60000), (1004, 'y', 0)")
    database.query("INSERT INTO call_dispositions VALUES ('x', 'Connected')")
    database.query("INSERT INTO engagement_meetings VALUES (1000, 'COMPLETED', 0, 3600000)")
    report_file = tmp_path / "report.html"
    reports.out("html", report_file, "--from", "2018-06-15", "--to", "2018-07-13")
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
    A stroke a type and day, a line a type, partly dashed, and its name; a cell an hour.
    """
    cells = wide.page.locator("#daily tbody td").all_text_contents()
    kinds = wide.number_of("#daily thead th") - 2
    counts = [cell.strip() for nth, cell in enumerate(cells) if nth % (kinds + 1)]  # of a type
    paths = wide.page.locator("#daily svg path").evaluate_all(
        "p => p.map(q => q.getAttribute('d'))"
    )
    assert sum(path.count("M") for path in paths) == len([n for n in counts if n != "0"])
    assert wide.number_of("#rolling path.line.part") == kinds + 1  # of all types, too
    labels = wide.page.locator("#rolling .ends text").all_text_contents()
    assert len(labels) == kinds + 1 and labels[0].startswith("■ all types ")
    tops = wide.page.locator("#rolling .ends text").evaluate_all(
        "texts => texts.map(text => text.getBoundingClientRect().top).sort((a, b) => a - b)"
    )
    assert all(after - before > 12 for before, after in itertools.pairwise(tops))
    right = wide.page.locator("#rolling .ends text").evaluate_all(
        "texts => Math.max(...texts.map(text => text.getBoundingClientRect().right))"
    )
    assert right < wide.page.locator("#changes").bounding_box()["x"]
    assert wide.number_of("#hours tbody td[class]") > 10


def test_the_values_of_a_day(wide: BrowserPage) -> None:
    """
    Mouse and arrow keys show a day's numbers: those of its row in the table.
    """
    rows = wide.page.locator("#rolling tbody tr").all_inner_texts
    values = wide.page.locator("#rolling output")
    box = wide.page.locator("#rolling .ground").bounding_box()
    days = wide.number_of("#rolling tbody tr")
    wide.page.mouse.move(box["x"] + box["width"] * 3.5 / days, box["y"] + 40)
    assert values.inner_text().startswith("2018-06-18: all types ")
    slider = wide.page.locator("#rolling input")
    slider.focus()
    wide.page.keyboard.press("ArrowRight")
    assert values.inner_text().startswith("2018-06-19: all types ")
    assert slider.get_attribute("aria-valuetext").startswith("2018-06-19: all types ")
    wide.page.keyboard.press("End")
    of_table = wide.page.locator("#rolling tbody tr").first.locator("th, td").all_text_contents()
    shown = values.inner_text()
    assert shown.startswith(f"{of_table[0].strip()}: all types {float(of_table[1]):.1f} · ")
    line = wide.page.locator("#rolling line.day").bounding_box()
    assert abs(line["x"] - box["x"] - box["width"] * (days - 0.5) / days) < 1.5
    assert rows


def test_without_script_nothing_is_missing(browser: Any, file: Path) -> None:
    """
    Without script all names and numbers are there, and no control that does nothing.
    """
    context = browser.new_context(java_script_enabled=False, viewport=WIDE)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator("#rolling .ends text").count() > 3
    assert page.locator("input[type=range]:visible").count() == 0
    page.locator("#rolling summary").click()
    assert page.locator("#rolling tbody tr").first.is_visible()
    context.close()


def test_people_of_a_team(browser: Any, file: Path) -> None:
    """
    The radio buttons filter rows and sections by team, without script, too.
    """
    for has_script in (True, False):
        context = browser.new_context(java_script_enabled=has_script, viewport=WIDE)
        page = context.new_page()
        page.goto(file.as_uri())
        people = page.locator("#people .scroll tbody tr:visible")
        assert people.count() == 3
        page.get_by_label("Sales").check()
        assert people.all_text_contents()[0].strip().startswith("Ada Ampere")
        assert (people.count(), page.locator("details.person:visible").count()) == (1, 1)
        page.get_by_label("all", exact=True).check()
        assert people.count() == 3
        context.close()


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
    Tab goes over every link, chart and table in turn, with a frame around; arrows scroll a table.
    """
    reached_links = []
    focus_script = "[document.activeElement.tagName, document.activeElement.getAttribute('href')]"
    for _ in range(80):
        wide.page.keyboard.press("Tab")
        reached_links.append(tuple(wide.page.evaluate(focus_script)))
        if reached_links[-1][0] == "BODY":
            break
        is_framed = (
            "[document.activeElement, document.activeElement.closest('figure')]"
            ".some(it => it && getComputedStyle(it).outlineStyle === 'solid')"
        )
        assert wide.page.evaluate(is_framed), reached_links[-1]
    assert reached_links[0] == ("A", "#main")
    assert ("A", "#p70") in reached_links
    tags = Counter(name for name, _ in reached_links)
    details = wide.number_of("details")
    assert (tags["SUMMARY"], tags["INPUT"]) == (details, 2 + 1)  # two charts, the teams
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
    assert {
        "color-contrast",
        "scrollable-region-focusable",
        "svg-img-alt",
        "label",
    } <= passing_rules
    assert browser_page.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    has_labels = browser_page.page.locator("#rolling .ends").is_visible()
    assert has_labels == (size is WIDE)
    assert browser_page.page.locator("#rolling .legend").is_visible() != has_labels
    paper = browser_page.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}[scheme]
    browser_page.context.close()


def test_it_prints_whole_and_on_white(browser: Any, file: Path) -> None:
    """
    On paper there is no scrolling: every table that stands open has full length, also from a dark
    window; what is folded up is left out.
    """
    browser_page = BrowserPage(browser, file, "dark", WIDE)
    browser_page.page.evaluate("document.querySelector('#daily details').open = true")
    browser_page.page.emulate_media(media="print")
    cut = (
        "[...document.querySelectorAll('.scroll')].filter(e => e.scrollHeight > e.clientHeight + 2)"
    )
    assert browser_page.page.evaluate(f"{cut}.length") == 0
    browser_page.page.set_viewport_size({"width": 688, "height": 971})  # A4 without its margins
    assert browser_page.page.evaluate("document.documentElement.scrollWidth") <= 688
    assert browser_page.page.locator("#daily tbody tr").first.is_visible()
    assert not browser_page.page.locator("#rolling summary").is_visible()
    assert not browser_page.page.locator("#p70").is_visible()
    assert browser_page.page.locator("#rolling svg.chart").is_visible()
    paper = browser_page.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    assert browser_page.page.pdf(format="A4").startswith(b"%PDF")
    browser_page.context.close()
