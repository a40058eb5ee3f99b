"""Days that have not been are no days, and the current day is marked as partial."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from engagements_report.page.formatting import format_day
from engagements_report.queries.periods import named_days
from tests.conftest import TestDatabase
from tests.report.conftest import Reports
from tests.report.html_page import Page, Write
from tests.report.tables import create_tables, fill_engagements, run

DAY = timedelta(days=1)


def fill_days(database: TestDatabase, today: date) -> None:
    """Three calls on each of the 20 days before today, and one today, each at midnight."""
    create_tables(database)
    midnight = datetime(today.year, today.month, today.day, tzinfo=timezone.utc)
    times_ms = [int((midnight - back * DAY).timestamp() * 1000) for back in range(21)]
    fill_engagements(database, [(times_ms[0], "CALL"), *((at, "CALL") for at in times_ms[1:] * 3)])


@pytest.mark.parametrize(
    ("name", "today", "first", "last"),
    [
        ("last-week", "2026-11-25", "2026-11-16", "2026-11-22"),
        ("last-week", "2026-11-23", "2026-11-16", "2026-11-22"),
        ("last-week", "2026-11-22", "2026-11-09", "2026-11-15"),
        ("last-week", "2027-01-01", "2026-12-21", "2026-12-27"),
        ("this-week", "2026-11-25", "2026-11-23", "2026-11-25"),
        ("this-week", "2026-11-23", "2026-11-23", "2026-11-23"),
        ("last-month", "2026-11-25", "2026-10-01", "2026-10-31"),
        ("last-month", "2024-03-31", "2024-02-01", "2024-02-29"),
        ("last-month", "2027-01-01", "2026-12-01", "2026-12-31"),
        ("this-month", "2026-11-25", "2026-11-01", "2026-11-25"),
        ("90d", "2026-11-25", "2026-08-27", "2026-11-24"),
        ("1d", "2026-11-25", "2026-11-24", "2026-11-24"),
    ],
)
def test_named_periods(name: str, today: str, first: str, last: str) -> None:
    """
    Weeks begin on Monday, months on the first; days are those before today.
    """
    days = named_days(name, date.fromisoformat(today))
    assert [str(day) for day in days] == [first, last]


def test_the_days_of_a_named_period(database: TestDatabase, reports: Reports) -> None:
    """
    --period gives the report of its first and last day.
    """
    today = datetime.now(timezone.utc).date()
    fill_days(database, today)
    first, last = named_days("last-week", today)
    named = reports.rows("daily", "--period", "last-week")
    assert named == reports.rows("daily", "--from", first, "--to", last)
    assert [row[2] for row in named] == ["3"] * 7


def test_averages_end_today(database: TestDatabase, reports: Reports) -> None:
    """
    A --to after today adds no days without engagements; today's average is not of a full window.
    """
    today = datetime.now(timezone.utc).date()
    fill_days(database, today)
    arguments = ("--from", today - DAY, "--to", today + 30 * DAY)
    yesterday, so_far = reports.rows("rolling", *arguments)
    assert yesterday == ("CALL", str(today - DAY), "3", "42", "14", "3.0000", "3.0000")
    assert so_far == ("CALL", str(today), "1", "40", "14", "2.8571", "")
    assert reports.rows("rolling", "--from", today + DAY, "--to", today + 9 * DAY) == []
    for report in ("daily", "rolling"):
        assert (
            f"{today} is not over: its numbers are partial" in run(database, report, *arguments).err
        )
    assert "not over" not in run(database, "rolling").err


def test_the_page_ends_today(database: TestDatabase, write: Write) -> None:
    """
    On the page, too: a day's number and the averages are those of the days that are over.
    """
    today = datetime.now(timezone.utc).date()
    fill_days(database, today)
    page = Page(write("--from", today - 4 * DAY, "--to", today + 30 * DAY))
    assert f"UTC · {format_day(today)} is not over, and in none of the figures · " in page.text(
        "head"
    )
    assert f"13 engagements, 3.0 a day, 1 so far on {today}." in page.text("daily")
    assert page.tables["daily"][1][0] == f"{today} so far"
    assert page.tables["rolling"][1][0] == f"{today} so far"
    assert "CALL 3.0" in page.text("rolling")
    # A page of today alone has today's number and no average of days that are over.
    assert f"1 engagement so far on {today}." in Page(write("--from", today)).text("daily")
