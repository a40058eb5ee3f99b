"""What the report quality calls wrong: impossible times, days without data, old data."""

from __future__ import annotations

import pytest

from tests.conftest import TestDatabase
from tests.report.conftest import Reports
from tests.report.html_page import Page, Write
from tests.report.tables import create_tables, fill_engagements

MARCH_2026_MS = 1_772_323_200_000
HOURS_SINCE = "hours since the last load"


def states(reports: Reports, *arguments: object) -> dict[str, tuple[str, str]]:
    """Return the number found and the state of each check."""
    return {row[0]: (row[1], row[4]) for row in reports.rows("quality", *arguments)}


@pytest.mark.parametrize("time", ["createdAt", "timestamp"])
@pytest.mark.parametrize("days", [(), ("--from", "2026-03-01", "--to", "2026-03-02")])
def test_impossible_times(
    database: TestDatabase, reports: Reports, time: str, days: tuple[str, ...]
) -> None:
    """
    Whichever time counts, and whatever the period, each impossible time is found by a check.
    """
    create_tables(database)
    times_ms = (MARCH_2026_MS, 0, -1, 5, MARCH_2026_MS // 1000, 636418459634654854, None)
    for at_ms in times_ms:
        database.query(f"INSERT INTO engagements (type, `{time}`) VALUES ('CALL', %s)", (at_ms,))
    found = states(reports, "--time", time, *days)
    assert found["no time: on no day"] == ("1", "wrong")
    assert found["time in seconds, not milliseconds: on a day of 1970"] == ("2", "wrong")
    assert found["time 0, negative, or after the year 9998"] == ("3", "wrong")
    impossible = "6" if time == "timestamp" else "7"
    assert found["timestamp missing or impossible"] == (impossible, "wrong")


def test_days_without_engagements_are_wrong(database: TestDatabase, reports: Reports) -> None:
    """
    A period without engagements is a fault: most likely nothing was loaded.
    """
    create_tables(database)
    fill_engagements(database, [(MARCH_2026_MS, "CALL")])
    what = "no engagements on these days"
    assert states(reports)[what] == ("0", "ok")
    assert states(reports, "--from", "2026-03-05", "--to", "2026-03-09")[what] == ("1", "wrong")


def test_old_data_are_wrong(database: TestDatabase, reports: Reports, write: Write) -> None:
    """
    A last load before --max-age hours, 24 by default, is a fault of the report and red on the page.
    """
    create_tables(database)
    fill_engagements(database, [(MARCH_2026_MS, "CALL"), (MARCH_2026_MS, "CALL")])
    assert states(reports)[HOURS_SINCE] == ("", "not checked")
    load = (
        "UPDATE engagements SET _sdc_batched_at = UTC_TIMESTAMP - INTERVAL {} MINUTE WHERE id = {}"
    )
    database.query(load.format(8 * 7 * 24 * 60, 1))
    assert states(reports)[HOURS_SINCE] == ("1344", "wrong")
    assert '<p class="fresh wrong">✕ Last synced 56 days ago: ' in write()
    database.query(load.format(150, 2))
    assert states(reports)[HOURS_SINCE] == ("2", "ok")
    assert states(reports, "--max-age", "2.4")[HOURS_SINCE] == ("2", "wrong")
    assert "✓ Last synced 2 hours ago: " in Page(write()).text("head")
    assert '<p class="fresh wrong">✕ Last synced 2 hours ago: ' in write("--max-age", "2.4")
