"""CSV files of all reports, and the age of the data."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from engagements_report.queries.reports import REPORTS
from tests.conftest import TestDatabase
from tests.report import june_2018
from tests.report.conftest import Reports
from tests.report.tables import TABLES, create_tables, fill_engagements, run


def test_each_report_has_a_file(database: TestDatabase, reports: Reports, tmp_path: Path) -> None:
    """
    csv-dir, also as --csv-dir, writes each report's CSV, and leaves no other file.
    """
    create_tables(database)
    fill_engagements(database, june_2018.rows())
    folder = tmp_path / "new" / "reports"
    options = ("--from", "2018-06-01", "--to", "2018-07-31", "--tz", "America/New_York")
    assert reports.out("--csv-dir", folder, *options) == ""
    assert {path.name for path in folder.iterdir()} == {f"{name}.csv" for name in REPORTS}
    for name in REPORTS.keys() - {"tasks", "touches", "quality"}:  # these tell the time
        assert (folder / f"{name}.csv").read_text() == reports.csv(name, *options)
    reports.out("csv-dir", folder, "hours", "daily", "--format", "excel")
    assert (folder / "hours.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert not (folder / "calls.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_report_that_fails_keeps_its_file(database: TestDatabase, tmp_path: Path) -> None:
    """
    Without a table its reports end the command with 1 and keep their files; others are written.
    """
    create_tables(database, TABLES.keys() - {"engagement_calls"})
    fill_engagements(database, june_2018.rows())
    (tmp_path / "calls.csv").write_text("old")
    done = run(database, "csv-dir", tmp_path, "calls", "daily")
    assert (done.code, done.out) == (1, "")
    assert "select the stream engagement_calls" in done.err
    assert "reports failed, and have no new file: calls" in done.err
    assert (tmp_path / "calls.csv").read_text() == "old"
    assert (tmp_path / "daily.csv").read_text().count("\n") == 25
    today = str(datetime.now(timezone.utc).date())
    begun = run(database, "csv-dir", tmp_path, "changes", "hours", "--from", today)
    assert begun.code == 1
    assert "none of the days from" in begun.err
    assert (tmp_path / "hours.csv").exists()
    for report in ("changes", "teams"):
        long = run(database, report, "--from", "1000-01-01")
        assert (long.code, long.out) == (2, "")
        assert "is more than 10000 days: set --from" in long.err
    closed = run(database, "csv-dir", "/proc/nowhere")
    assert (closed.code, closed.out) == (2, "")
    assert "/proc/nowhere: " in closed.err
    useless = run(database, "csv-dir", tmp_path, "daily", "--hours", "9-17")
    assert "--hours is for response only: daily does not use it" in useless.err
    assert useless.code == 2


@pytest.mark.parametrize(
    ("age", "options", "code", "state"),
    [
        ("INTERVAL 90 MINUTE", (), 0, "fresh"),
        ("INTERVAL 90 MINUTE", ("--max-age", "2h"), 0, "fresh"),
        ("INTERVAL 90 MINUTE", ("--max-age", "80m"), 1, "stale"),
        ("INTERVAL 25 HOUR", (), 1, "stale"),
        ("INTERVAL 25 HOUR", ("--max-age", "2d"), 0, "fresh"),
    ],
)
def test_freshness(
    database: TestDatabase, age: str, options: tuple[str, ...], code: int, state: str
) -> None:
    """
    freshness tells the age of the last load, and ends with 1 if it is more than --max-age.
    """
    create_tables(database)
    fill_engagements(database, june_2018.rows())
    database.query(f"UPDATE engagements SET _sdc_batched_at = UTC_TIMESTAMP - {age}")
    done = run(database, "freshness", "--format", "json", *options)
    (row,) = json.loads(done.out)
    assert (done.code, row["state"]) == (code, state)
    assert 90 <= row["age_minutes"] <= 25 * 60 + 10
    assert ("see whether tap and target still run" in done.err) == bool(code)


def test_an_unknown_age_is_stale(database: TestDatabase) -> None:
    """
    Without engagements, or a time of their load, nothing is fresh.
    """
    create_tables(database)
    done = run(database, "freshness", "--format", "csv")
    assert (done.code, done.out.splitlines()[1]) == (1, ",,1440,stale")
    assert "engagements is empty, or was loaded at an unknown time" in done.err
