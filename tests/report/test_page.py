"""The page of all reports: a file that agrees with the reports."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engagements_report import cli
from tests.conftest import TestDatabase, run_program
from tests.report import june_2018
from tests.report.conftest import Reports
from tests.report.html_page import Page, Write
from tests.report.tables import TABLES, create_tables, fill_engagements


def june(database: TestDatabase, *left_out: str) -> None:
    create_tables(database, TABLES.keys() - set(left_out))
    fill_engagements(database, june_2018.rows())


JUNE_DAYS = ("--from", "2018-06-15", "--to", "2018-07-13")


def test_the_tables_are_the_reports(database: TestDatabase, write: Write) -> None:
    """
    Every section has a table with the counts and averages of the report.
    """
    june(database)
    database.query("UPDATE engagements SET _sdc_batched_at = '2018-07-14 04:05:06'")
    database.query("INSERT INTO engagement_calls SELECT id, NULL, 0 FROM engagements")
    page = Page(write(*JUNE_DAYS, "--tz", "America/New_York"))
    assert list(page.tables) == ["daily", "rolling", "people", "calls", "hours", "quality"]
    assert "15 June to 13 July 2018" in page.texts["head"]
    assert "America/New_York (UTC−04:00) · Counted: live engagements only" in page.text("head")
    assert "days ago: 14 July 2018, 00:05 EDT, longer ago than 24 hours." in page.text("head")
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
    assert averages == ["day", "all types", *kinds[2:], "days in window"]
    newest, oldest = (dict(zip(averages, days[nth], strict=True)) for nth in (0, -1))
    assert (newest["day"], newest["TASK"]) == ("2018-07-13", "1.0714")
    assert newest["days in window"] == "14 of 14"
    assert (oldest["day"], oldest["days in window"]) == ("2018-06-15", "1 of 14")
    assert "Nothing to show: no meetings, 15 June to 13 July 2018." in page.texts["meetings"]


def test_the_page_needs_nothing_but_itself(database: TestDatabase, write: Write) -> None:
    """
    No outside address, and a policy that allows only the page's style and script.
    """
    june(database)
    html = write(*JUNE_DAYS)
    page = Page(html)
    assert not {"iframe", "img", "object", "embed", "form"} & {*page.tags}
    assert {address for address in page.addresses if address[0] != "#"} == {"data:,"}
    assert not re.search(r"""\s(?:style|on\w+)=["']""", html)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.S)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.S)
    style_digest, script_digest = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    )
    policy = f"style-src 'sha256-{style_digest}'; script-src 'sha256-{script_digest}';"
    assert f"default-src 'none'; {policy}" in html
    assert "url(" not in style and "@import" not in style
    assert not re.search(r"innerHTML|eval|fetch|import", script)


def test_every_picture_is_one_picture_with_a_name(database: TestDatabase, write: Write) -> None:
    """
    Each chart is well-formed, named for screen readers, and coloured by the style only.
    """
    june(database)
    database.query("UPDATE engagements SET ownerId = 70")
    charts = charts_of(write(*JUNE_DAYS))
    assert len(charts) == 3  # daily, rolling, a person
    for chart in charts:
        assert chart.get("role") == "img"
        assert len(chart.get("aria-label") or "") > 20
        assert not any(one.get(name) for one in chart.iter() for name in ("fill", "stroke"))


def charts_of(html: str) -> list[ElementTree.Element]:
    """Return the charts, each of which is well-formed XML."""
    charts = re.findall(r'<svg class="chart[^>]*>(?:<svg.*?</svg>|.)*?</svg>', html, re.S)
    return [ElementTree.fromstring(chart) for chart in charts]


def test_what_is_missing_leaves_the_rest(database: TestDatabase, write: Write) -> None:
    """
    A report without a stream names the stream to select; the others are complete.
    """
    june(database, "engagement_calls", "owners", "engagement_associations")
    database.query("ALTER TABLE engagements DROP COLUMN _sdc_batched_at")
    page = Page(write(*JUNE_DAYS))
    assert "select the stream engagement_calls" in page.text("calls")
    assert "Calls connected – not loaded" in page.text("head")
    assert "select the stream engagement_associations" in page.text("first-response")
    assert "The time of the last sync is unknown." in page.text("head")
    assert {"daily", "rolling", "people", "hours", "quality"} == page.tables.keys()
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
    page = Page(write(*JUNE_DAYS))
    assert page.tags.count("script") == 1
    assert bad in page.tables["daily"][0]
    assert bad in [row[0] for row in page.tables["people"]]


def test_without_engagements_the_page_says_so(database: TestDatabase, write: Write) -> None:
    """
    Without engagements, in the database or the period, the page names the filter.
    """
    create_tables(database)
    page = Page(write("--from", "2018-01-01", "--to", "2018-01-31"))
    assert "There are no engagements from 2018-01-01 to 2018-01-31 (UTC)." in page.text("daily")
    fill_engagements(database, june_2018.rows())
    page = Page(write("--from", "2018-01-01", "--to", "2018-01-31"))
    message = "Nothing to show: no engagements, 1 to 31 January 2018."
    assert message in page.texts["daily"] and message in page.texts["hours"]


def test_one_report_and_the_last_days(database: TestDatabase, write: Write) -> None:
    """
    With a report's name only that section is written; charts show 91 days at least.
    """
    create_tables(database)
    day_ms = 86_400_000
    rows: list[june_2018.Row] = [(1_530_000_000_000 + nth * day_ms, "NOTE") for nth in range(200)]
    fill_engagements(database, rows)
    page = Page(write("daily", "--from", "2018-12-01", "--to", "2018-12-07"))
    assert page.tables.keys() == {"daily"}
    assert len(page.tables["daily"]) == 91 + 1
    assert "7 engagements, 1.0 a day." in page.text("daily")


@pytest.mark.parametrize("days", [29, 1])
def test_the_chart_of_averages_is_the_report(
    database: TestDatabase, reports: Reports, write: Write, days: int
) -> None:
    """
    The table of the averages, whose days the script shows, is the report's, to the last digit, and
    each line ends in a dot at its last average, also on the first day.
    """
    june(database)
    last = date(2018, 6, 14) + timedelta(days=days)
    arguments = ("--from", "2018-06-15", "--to", last)
    averages = {(row[0], row[1]): row[5] for row in reports.rows("rolling", *arguments)}
    html = write(*arguments)
    head, *rows = Page(html).tables["rolling"]
    assert len(rows) == days
    for row in rows:
        of_day = dict(zip(head, row, strict=True))
        kinds = [name for name in head if name in {kind for kind, _ in averages}]
        assert {(kind, row[0]): of_day[kind] for kind in kinds} == {
            key: average for key, average in averages.items() if key[1] == row[0]
        }
        total = sum(Decimal(of_day[kind]) for kind in kinds)
        all_types = Decimal(of_day.get("all types", total))
        assert abs(all_types - total) < Decimal("0.001")
    (_, chart) = charts_of(html)[:2]
    circles = [one for one in chart.iter() if one.tag == "circle"]
    assert len(circles) == len(head) - 2
    middle_of_last_day = f"{(days - 0.5) / days * 100:.1f}".removesuffix(".0")
    assert {circle.get("cx") for circle in circles} == {f"{middle_of_last_day}%"}


@pytest.mark.parametrize("module", ["markupsafe", "jinja2"])
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
