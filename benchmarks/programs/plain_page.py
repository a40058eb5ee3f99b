"""
The plain way to a page of reports: ask for sums, add them up, write a table for each.

No periods, no comparisons, no charts. Argument: the file to write; TARGET_MYSQL_* name the
database.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import pymysql

DAY_MS = 86_400_000
BY_DAY = f"SELECT createdAt DIV {DAY_MS}, type, ownerId, COUNT(*) FROM engagements GROUP BY 1, 2, 3"
BY_LABEL = (
    "SELECT label, COUNT(*), SUM(durationMilliseconds) FROM engagement_calls"
    " JOIN engagements ON id = engagementId"
    " LEFT JOIN call_dispositions ON call_dispositions.id = disposition GROUP BY label"
)
BY_OUTCOME = (
    f"SELECT meetingOutcome, startTime DIV {DAY_MS}, COUNT(*) FROM engagement_meetings"
    " JOIN engagements ON id = engagementId GROUP BY 1, 2"
)
BY_STATUS = (
    "SELECT status, ownerId, COUNT(*), AVG(completionDate - createdAt) FROM engagement_tasks"
    " JOIN engagements ON id = engagementId GROUP BY 1, 2"
)
BY_CONTACT = (
    "SELECT objectId, COUNT(*), MIN(createdAt), MAX(createdAt) FROM engagement_associations"
    " JOIN engagements ON id = engagementId WHERE objectType = 'contact' GROUP BY objectId"
)
DAYS = 28  # of an average

Rows = Iterable[Sequence[object]]


def main() -> None:
    connection = pymysql.connect(
        host=os.environ["TARGET_MYSQL_HOST"],
        port=int(os.environ["TARGET_MYSQL_PORT"]),
        user=os.environ["TARGET_MYSQL_USER"],
        password=os.environ["TARGET_MYSQL_PASSWORD"],
        database=os.environ["TARGET_MYSQL_DATABASE"],
    )
    with connection, connection.cursor() as cursor:
        tables: list[Rows] = []
        for query in (BY_DAY, BY_LABEL, BY_OUTCOME, BY_STATUS, BY_CONTACT):
            cursor.execute(query)
            tables.append(cursor.fetchall())
    tables[0] = _averages(tables[0])
    Path(sys.argv[1]).write_text("\n".join(map(_table, tables)))


def _averages(rows: Iterable[Sequence[object]]) -> Rows:
    """Return (day, type, owner, count, average of the last DAYS days) of each row."""
    counts: dict[Sequence[object], dict[int, int]] = defaultdict(dict)
    for day, kind, owner, count in rows:
        counts[kind, owner][int(str(day))] = int(str(count))
    for (kind, owner), by_day in counts.items():
        for day, count in by_day.items():
            total = sum(by_day.get(other, 0) for other in range(day - DAYS + 1, day + 1))
            yield day, kind, owner, count, total / DAYS


def _table(rows: Rows) -> str:
    cells = ("".join(f"<td>{escape(str(value))}</td>" for value in row) for row in rows)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


if __name__ == "__main__":
    main()
