"""Each owner's last engagements, with a title and a record that they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from engagements_report.queries.database import Database
from engagements_report.queries.periods import ReportFilter
from engagements_report.queries.reports import run_report
from engagements_report.queries.statements import SqlText, Value, empty_table, fill, read_sql

LAST_ENGAGEMENTS = 6  # of each owner
# Tables with a title, by their name in last_details.sql, and the column of the title.
TITLES = {"emails": "subject", "tasks": "subject", "meetings": "title", "calls": "title"}


class LastEngagement(NamedTuple):
    """
    An engagement of an owner; `record` is (type, id) of a record that it is tied to.

    `at_ms` is in Unix ms. `portal` is None where the column is not loaded.
    """

    id: int
    portal: int | None
    type: str
    owner: int
    at_ms: int
    title: str
    record: tuple[str, int] | None


def read_last_engagements(
    database: Database, report_filter: ReportFilter
) -> dict[int, list[LastEngagement]]:
    """Return the last engagements in the filter's period by owner, the latest first."""
    rows = run_report(database, "last_engagements", report_filter).rows.rows
    ids = [int(one) for _, text in rows for one in _text(text).split(",")[:LAST_ENGAGEMENTS]]
    by_owner: dict[int, list[LastEngagement]] = {}
    if ids:
        text = fill(read_sql("last_details"), _detail_parts(database, ids, report_filter.time))
        for row in database.query(text).rows:
            last = _to_last_engagement(row)
            by_owner.setdefault(last.owner, []).append(last)
    return by_owner


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _detail_parts(
    database: Database, ids: Iterable[int], time: str
) -> Mapping[str, Value | SqlText]:
    existing = database.columns()
    engagements = existing.get("engagements", ())
    columns = {"portal": "portalId", "preview": "bodyPreview"}
    parts: dict[str, Value | SqlText] = {
        name: SqlText(f"e.{column}" if column in engagements else "NULL")
        for name, column in columns.items()
    }
    for name, column in TITLES.items():
        table = f"engagement_{name}"
        is_loaded = {"engagementId", column} <= set(existing.get(table, ()))
        parts[name] = SqlText(table) if is_loaded else empty_table(("engagementId",))
        parts[f"{name}_title"] = SqlText(f"{name}.{column}" if is_loaded else "NULL")
    ties = ("engagementId", "objectType", "objectId")
    associations = "engagement_associations"
    is_loaded = set(ties) <= set(existing.get(associations, ()))
    parts["associations"] = SqlText(associations) if is_loaded else empty_table(ties)
    parts["time"] = SqlText(f"`{time}`")
    values: dict[str, Value] = {f"id_{nth}": one for nth, one in enumerate(ids)}
    parts["ids"] = SqlText(f"({', '.join(f'%({name})s' for name in values)})", values)
    return parts


def _to_last_engagement(row: Any) -> LastEngagement:
    number, portal, kind, owner, at_ms, title, record = row
    tied = str(_text(record)).split(" ") if record else None
    about = (tied[0], int(tied[1])) if tied else None
    return LastEngagement(number, portal, kind, owner, at_ms, _text(title or ""), about)
