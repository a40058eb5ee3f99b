"""A sales team's ten weeks: in the last one calls fell by a third, and one person's by 60 %."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from tests.conftest import TestDatabase
from tests.report.tables import create_tables

FIRST_MONDAY = datetime(2026, 1, 5, tzinfo=timezone.utc)
WEEKS = 10
LAST_WEEK = ("--from", "2026-03-09", "--to", "2026-03-15")
NAMES = {70: ("Ada", "Ampere"), 71: ("Bea", "Bohr"), 72: ("Cem", "Curie")}
TEAMS = {70: "West", 71: "East", 72: "West"}
CALLS_A_DAY, EMAILS_A_DAY = 10, 6
CALLS_OF_LAST_WEEK = {70: 4, 71: 8, 72: 8}  # a day: −60 %, −20 %, −20 %
PORTAL = 4321
EXTRA_COLUMNS = {
    "engagements": "portalId BIGINT, bodyPreview LONGTEXT",
    "engagement_emails": "subject LONGTEXT",
    "engagement_tasks": "subject LONGTEXT",
    "engagement_meetings": "title LONGTEXT",
    "engagement_calls": "title LONGTEXT",
    "owners": "teams LONGTEXT",
}

Row = tuple[int, int, str, int]
"""Id, createdAt in Unix ms, type, owner."""


def rows() -> Iterator[Row]:
    """Yield the engagements: on each weekday from 9:00 UTC on, a minute apart."""
    number = 0
    for week in range(WEEKS):
        for weekday in range(5):
            nine = FIRST_MONDAY + timedelta(days=7 * week + weekday, hours=9)
            for owner in NAMES:
                is_last = week == WEEKS - 1
                calls = CALLS_OF_LAST_WEEK[owner] if is_last else CALLS_A_DAY
                for kind in ["CALL"] * calls + ["EMAIL"] * EMAILS_A_DAY:
                    number += 1
                    at = nine + timedelta(minutes=number % 400)
                    yield number, int(at.timestamp() * 1000), kind, owner


def fill(database: TestDatabase) -> None:
    """Make the tables as a full catalog has them, and fill them; every second call connects."""
    create_tables(database)
    for table, columns in EXTRA_COLUMNS.items():
        database.query(f"ALTER TABLE {table} ADD ({columns})")
    values = ", ".join(
        f"({number}, {at_ms}, {at_ms}, '{kind}', {owner}, {PORTAL})"
        for number, at_ms, kind, owner in rows()
    )
    columns = "id, createdAt, `timestamp`, type, ownerId, portalId"
    database.query(f"INSERT INTO engagements ({columns}) VALUES {values}")
    database.query(
        "INSERT INTO engagement_calls (engagementId, disposition, title)"
        " SELECT id, IF(id % 2, 'x', 'y'), CONCAT('Call ', id) FROM engagements WHERE type = 'CALL'"
    )
    database.query(
        "INSERT INTO engagement_emails (engagementId, subject)"
        " SELECT id, CONCAT('Offer <', id, '>') FROM engagements WHERE type = 'EMAIL'"
    )
    database.query("INSERT INTO call_dispositions VALUES ('x', 'Connected'), ('y', 'Busy')")
    for owner, (first, last) in NAMES.items():
        teams = f'[{{"id": "1", "name": "{TEAMS[owner]}", "primary": true}}]'
        database.query(
            "INSERT INTO owners (id, email, firstName, lastName, teams)"
            " VALUES (%s, %s, %s, %s, %s)",
            (owner, f"{first.lower()}@seller.example", first, last, teams),
        )
