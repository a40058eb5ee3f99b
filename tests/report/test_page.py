"""The page of all reports: a file that agrees with the reports."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engagements_report import cli
from engagements_report.queries.reports import PAGE_REPORTS
from tests.conftest import TestDatabase, run_program
from tests.report import june_2018
from tests.report.conftest import Reports
from tests.report.html_page import Page, Write
from tests.report.tables import TABLES, create_tables, fill_engagements


def june(database: TestDatabase, *left_out: str) -> None:
    create_tables(database, TABLES.keys() - set(left_out))
    fill_engagements(database, june_2018.rows())


def test_the_tables_are_the_reports(database: TestDatabase, write: Write) -> None:
    """
    Every section has a table with the counts and averages of the report.
    """
    june(database)
    database.query("UPDATE engagements SET _sdc_batched_at = '2018-07-14 04:05:06'")
    database.query("INSERT INTO engagement_calls SELECT id, NULL, 0 FROM engagements")
    page = Page(write("--tz", "America/New_York"))
    assert list(page.tables) == [name for name in PAGE_REPORTS if name in page.tables]
    assert page.tables.keys() == set(PAGE_REPORTS) - {"meetings", "first-response"}
    assert "29 days by the calendar of America/New_York (UTC−04:00)." in page.texts["head"]
    assert "Last synced: 14 July 2018, 00:05 EDT." in page.texts["head"]
    kinds, *rows = page.tables["daily"]
    counts_on_page = {
        (kind, row[0]): int(number)
        for row in rows
        for kind, number in zip(kinds[2:], row[2:], strict=True)
        if number != "0"
    }
    assert counts_on_page == {
        (kind, str(day)): n for kind, day, n in june_2018.daily(june_2018.rows())
    }
    volumes = Counter(kind for _, kind in june_2018.rows())
    by_volume = sorted(volumes, key=lambda kind: (-volumes[kind], str(kind)))
    assert kinds == ["day", "all", *by_volume]
    averages, *days = page.tables["rolling"]
    assert dict(zip(averages, days[0], strict=True))["TASK"] == "1.0714"
    assert days[0][:2] == ["2018-07-13", "14 of 14"]
    assert days[-1][:2] == ["2018-06-15", "1 of 14"]
    assert "Nothing to show: no meetings, 15 June to 13 July 2018." in page.texts["meetings"]


def test_the_page_needs_nothing_but_itself(database: TestDatabase, write: Write) -> None:
    """
    No script, no outside address, and a policy that allows only the page's style.
    """
    june(database)
    html = write()
    page = Page(html)
    assert not {"script", "iframe", "img", "object", "embed", "form"} & {*page.tags}
    assert {address for address in page.addresses if address[0] != "#"} == {"data:,"}
    assert not re.search(r"""\s(?:style|on\w+)=["']""", html)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}';" in html
    assert "url(" not in style and "@import" not in style


def test_every_picture_is_one_picture_with_a_name(database: TestDatabase, write: Write) -> None:
    """
    Each chart is well-formed, named for screen readers, and coloured by the style only.
    """
    june(database)
    charts = re.findall(r'<svg [^>]*class="chart.*?</svg>', write(), re.S)
    assert len(charts) == 5 * 2  # daily, rolling, owners, calls, hours, each in two widths
    for chart in charts:
        root = ElementTree.fromstring(chart)
        assert root.get("role") == "img"
        assert len(root.get("aria-label") or "") > 20
        paints = {one.get(name) for one in root.iter() for name in ("fill", "stroke")}
        assert {paint for paint in paints if paint} <= {"none", *map(css_variable, paints)}


def css_variable(paint: str | None) -> str:
    return paint if paint and paint.startswith("var(--") else "none"


def test_what_is_missing_leaves_the_rest(database: TestDatabase, write: Write) -> None:
    """
    A report without a stream names the stream to select; the others are complete.
    """
    june(database, "engagement_calls", "owners", "engagement_associations")
    database.query("ALTER TABLE engagements DROP COLUMN _sdc_batched_at")
    page = Page(write())
    assert "select the stream engagement_calls" in page.text("calls")
    assert "select the stream engagement_calls" in page.text("owners")
    assert "select the stream engagement_associations" in page.text("first-response")
    assert "The time of the last sync is unknown." in page.texts["head"]
    assert {"daily", "rolling", "hours", "quality"} == page.tables.keys()
    states = {row[0]: row[1] for row in page.tables["quality"]}
    assert states["owner who is not in owners"] == "? not checked"
    assert states["note without details"] == "✕ wrong"
    assert states["no type"] == "✓ ok"


def test_names_from_the_data_are_only_texts(database: TestDatabase, write: Write) -> None:
    """
    Markup in a type, an owner or an outcome is shown, not followed.
    """
    june(database)
    bad = "<script>alert(1)</script>&\"'"
    database.query("UPDATE engagements SET ownerId = 7, type = %s WHERE type = 'NOTE'", (bad,))
    database.query("INSERT INTO owners VALUES (7, NULL, %s, NULL)", (bad,))
    database.query("UPDATE engagements SET ownerId = 7 WHERE type = 'TASK'")
    page = Page(write())
    assert "script" not in page.tags
    assert bad in page.tables["daily"][0]
    assert bad in [row[0] for row in page.tables["owners"]]


def test_without_engagements_the_page_says_so(database: TestDatabase, write: Write) -> None:
    """
    Without engagements, in the database or the period, the page names the filter.
    """
    create_tables(database)
    page = Page(write("--from", "2018-01-01", "--to", "2018-01-31"))
    assert "There are no engagements from 2018-01-01 to 2018-01-31 (UTC)." in page.text("daily")
    fill_engagements(database, june_2018.rows())
    page = Page(write("--from", "2018-01-01", "--to", "2018-01-31"))
    message = "Nothing to show: no engagements, 1 January to 31 January 2018."
    assert message in page.texts["daily"] and message in page.texts["hours"]


def test_one_report_and_the_last_days(database: TestDatabase, write: Write) -> None:
    """
    With a report's name only that section is written; the default is the last 90 days.
    """
    create_tables(database)
    day_ms = 86_400_000
    rows: list[june_2018.Row] = [(1_530_000_000_000 + nth * day_ms, "NOTE") for nth in range(200)]
    fill_engagements(database, rows)
    page = Page(write("daily"))
    assert page.tables.keys() == {"daily"}
    assert len(page.tables["daily"]) == 90 + 1


@pytest.mark.parametrize("days", [29, 1])
def test_the_chart_of_averages_tells_each_day(
    database: TestDatabase, reports: Reports, write: Write, days: int
) -> None:
    """
    A tooltip of a day has that day's averages, and each line ends in a dot, also if it has one day.
    """
    june(database)
    first = date(2018, 7, 13) - timedelta(days=days - 1)
    arguments = ("--from", first, "--to", "2018-07-13")
    averages: dict[str, dict[str, str]] = {}
    for row in reports.rows("rolling", *arguments):
        averages.setdefault(row[1], {})[row[0]] = f"{float(row[5]):.2f}"
    (chart,) = re.findall(
        r'<svg class="chart wide".*?</svg>', section(write(*arguments), "rolling"), re.S
    )
    root = ElementTree.fromstring(chart)
    titles = [title.text or "" for title in root.iter("title")]
    assert len(titles) == days
    for title in titles:
        day, _, texts = title.partition(": ")
        of_types = dict(text.rsplit(" ", 1) for text in texts.split(", "))
        of_types.pop("all types")
        assert of_types == averages[day]
    circles = [path for path in root.iter("path") if "A" in (path.get("d") or "")]
    assert len(circles) == len(of_types) + 1


def section(html: str, name: str) -> str:
    """Return a section of the page."""
    return html.split(f'<section id="{name}"')[1].split("</section>")[0]


@pytest.mark.parametrize("module", ["vl_convert", "jinja2"])
def test_without_the_extra_the_page_says_what_to_install(
    database: TestDatabase, tmp_path: Path, module: str
) -> None:
    """
    Without a package of the extra, the error names the extra, and no file is written.
    """
    june(database)
    (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError(name={module!r})\n")
    environment = {**database.environment, "PYTHONPATH": str(tmp_path)}
    file = tmp_path / "report.html"
    done = run_program("engagements-report", "html", file, environment=environment)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert "pip install 'tap-hubspot-engagements[report]'" in line
    assert not file.exists()


def test_where_the_page_cannot_be_written(database: TestDatabase, tmp_path: Path) -> None:
    """
    A folder that does not exist is an error of the call, with the file's name.
    """
    june(database)
    file = tmp_path / "nowhere" / "report.html"
    done = run_program("engagements-report", "html", file, environment=database.environment)
    assert done.code == 2
    assert f"{file}: No such file or directory" in done.err


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (["--html", "FILE"], ["html", "FILE"]),
        (["--html=FILE", "--tz", "Asia/Tokyo"], ["html", "FILE", "--tz", "Asia/Tokyo"]),
        (["daily", "--html", "FILE"], ["html", "FILE", "daily"]),
        (["--type", "daily", "--html", "FILE", "daily"], ["html", "FILE", "daily", "--type=daily"]),
    ],
)
def test_the_page_as_earlier_versions_were_called(before: list[str], now: list[str]) -> None:
    """
    The option --html means the command html.
    """
    assert cli.parse(before) == cli.parse(now)
