"""Tables as target-mysql makes them for the tap, filled by hand, and the program run on them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable

import pytest

from tests.conftest import Outcome, TestDatabase, run_program
from tests.report.june_2018 import Row
from tests.servers import FAMILY

COLLATED = f"CHARACTER SET utf8mb4 COLLATE {FAMILY.collation}"
TEXT = f"LONGTEXT {COLLATED}"
KEY = f"VARCHAR(36) {COLLATED}"
DETAIL = "engagementId BIGINT NOT NULL PRIMARY KEY"
TABLES = {
    "engagements": (
        "id BIGINT NOT NULL PRIMARY KEY AUTO_INCREMENT, active TINYINT(1), createdAt BIGINT,"
        f" `timestamp` BIGINT, ownerId BIGINT, type {TEXT},"
        " _sdc_batched_at DATETIME(6), _sdc_deleted_at DATETIME(6)"
    ),
    "engagement_calls": f"{DETAIL}, disposition {TEXT}, durationMilliseconds BIGINT",
    "engagement_emails": f"{DETAIL}, html {TEXT}",
    "engagement_meetings": f"{DETAIL}, meetingOutcome {TEXT}, startTime BIGINT, endTime BIGINT",
    "engagement_notes": DETAIL,
    "engagement_tasks": f"{DETAIL}, status {TEXT}, completionDate BIGINT",
    "engagement_other": DETAIL,
    "engagement_associations": (
        f"engagementId BIGINT NOT NULL, objectType {KEY} NOT NULL, objectId BIGINT NOT NULL,"
        " PRIMARY KEY (engagementId, objectType, objectId)"
    ),
    "call_dispositions": f"id {KEY} NOT NULL PRIMARY KEY, label {TEXT}",
    "owners": f"id BIGINT NOT NULL PRIMARY KEY, email {TEXT}, firstName {TEXT}, lastName {TEXT}",
}


CLIENT = shutil.which("mariadb") or shutil.which("mysql")


def create_tables(database: TestDatabase, names: Iterable[str] = TABLES) -> None:
    """Make the tables of these streams, or of all that the reports look at."""
    for name in names:
        database.query(f"CREATE TABLE IF NOT EXISTS {name} ({TABLES[name]}) CHARACTER SET utf8mb4")


def fill_engagements(database: TestDatabase, rows: Iterable[Row]) -> None:
    """Let the table hold engagements of these times and types, and no others."""
    database.query("TRUNCATE engagements")
    rows = list(rows)
    if rows:
        marks = ", ".join(["(%s, %s)"] * len(rows))
        values = [value for row in rows for value in row]
        database.query(f"INSERT INTO engagements (createdAt, type) VALUES {marks}", values)


def run(database: TestDatabase, *arguments: object) -> Outcome:
    return run_program("engagements-report", *arguments, environment=database.environment)


def report(database: TestDatabase, *arguments: object) -> str:
    """Return a report's CSV."""
    done = run(database, *arguments, "--format", "csv")
    assert done.code == 0, done.err
    return done.out


def through_the_client(database: TestDatabase, sql: str) -> list[list[str]]:
    """Run SQL with the mysql client; return the rows, with NULL as text."""
    if CLIENT is None:
        pytest.skip("no mysql client here")
    done = subprocess.run(
        [
            *(CLIENT, "--no-defaults", "--host=127.0.0.1", f"--port={database.server.port}"),
            *("--user=root", "--skip-column-names", "--default-character-set=utf8mb4"),
            database.name,
        ],
        env={**os.environ, "MYSQL_PWD": database.server.password},
        input=sql,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]
