"""The reports: the SQL of each with the values of a filter, and notes on missing tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone

from engagements_report.exceptions import UsageError
from engagements_report.queries import calendar
from engagements_report.queries.calendar import EPOCH, MS, Offset, gaps, iter_offsets
from engagements_report.queries.database import Database, Rows
from engagements_report.queries.periods import (
    LAST_DAY,
    MAX_DAYS,
    UTC,
    CoveredTimes,
    Period,
    ReportFilter,
    Span,
    to_span,
)
from engagements_report.queries.statements import (
    LIVE_CONDITIONS,
    SqlText,
    Value,
    empty_table,
    fill,
    leading_comments,
    read_sql,
    to_condition,
    to_days,
    to_list,
    to_offsets,
    without_times,
)

REPORTS = {
    "daily": "engagements of each type a day; days without any are left out",
    "rolling": "for each type and every day, sum and average over the days up to it",
    "owners": "each owner's calls, e-mails, meetings, notes and tasks, and how many are done",
    "calls": "how calls ended, and the share that reached someone",
    "meetings": "meetings by outcome",
    "hours": "engagements by weekday and hour",
    "first-response": "how soon incoming e-mails were answered",
    "quality": "what in the data is missing or wrong",
    "changes": "what changed most against the eight weeks before, of types and of people",
    "teams": "each team's figures, and their change from the eight weeks before",
    "tasks": "each owner's open tasks, and how long they are overdue",
    "outcomes": "how each owner's calls and meetings ended",
    "response": "each owner's median time to answer an e-mail, and that of nine in ten",
    "touches": "engagements with each contact, company and deal, and when the last was",
    "measures": "what was done on each day, by type and owner",
}
# The SQL of the reports that are not that of a file of their name. The last three are computed from
# the rows of another query.
SQL_FILES = {
    "daily": "daily_in_zone",
    "first-response": "first_response",
    "changes": "measures",
    "teams": "measures",
    "response": "response_pairs",
}
MANY_GROUPS = ("measures",)
# The sections of the page that show a report each.
PAGE_REPORTS = tuple("daily rolling owners calls meetings hours first-response quality".split())
# Tables that a report can do without, by their name in its SQL: (table, columns that it reads).
OPTIONAL_TABLES = {
    "owners": ("owners", ("id", "firstName", "lastName", "email")),
    "dispositions": ("call_dispositions", ("id", "label")),
    "calls": ("engagement_calls", ("engagementId", "disposition")),
    "emails": ("engagement_emails", ("engagementId", "html")),
    "meetings": ("engagement_meetings", ("engagementId",)),
    "notes": ("engagement_notes", ("engagementId",)),
    "tasks": ("engagement_tasks", ("engagementId",)),
    "other": ("engagement_other", ("engagementId",)),
    "call_details": (
        "engagement_calls",
        ("engagementId", "disposition", "durationMilliseconds"),
    ),
    "meeting_details": ("engagement_meetings", ("engagementId", "meetingOutcome", "startTime")),
    "task_details": ("engagement_tasks", ("engagementId", "status", "completionDate")),
    "contacts": ("contacts", ("id", "firstname", "lastname", "email")),
    "companies": ("companies", ("id", "name", "domain")),
    "deals": ("deals", ("id", "dealname", "dealstage")),
}
# The tables of objects as tables of id, name and is_closed; HubSpot's own stages of a closed deal.
OBJECT_TABLES = {
    "contacts": (
        "id, COALESCE(NULLIF(TRIM(CONCAT_WS(' ', firstname, lastname)), ''), email) AS name,"
        " 0 AS is_closed"
    ),
    "companies": "id, COALESCE(NULLIF(name, ''), domain) AS name, 0 AS is_closed",
    "deals": "id, dealname AS name, {is_closed} AS is_closed",
}
CLOSED_STAGES = "COALESCE(dealstage, '') IN ('closedwon', 'closedlost')"

DAILY_NOTE = "daily.sql counts deleted and inactive engagements, too: --rows live leaves them out"
LIVE_NOTES = {
    "active": "inactive engagements count: select that field in the tap's catalog",
    "_sdc_deleted_at": "deleted engagements count: let target-mysql add it, with"
    " add_metadata_columns",
}
BATCHED_AT_NOTE = (
    "engagements lacks _sdc_batched_at, so that the time of the last load is unknown:"
    " let target-mysql add it, with add_metadata_columns"
)
NO_DAYS = Span(date(1970, 1, 2), date(1970, 1, 1), date(1970, 1, 2))


@dataclass(frozen=True)
class ReportQuery:
    """
    A report's statement, and the comments of the SQL file.

    `span` is None for all days. `notes` name the optional tables that are missing.
    """

    sql_text: SqlText
    comments: str
    span: Span | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ReportResult:
    """A report's rows, with the span and notes of the query; `if_empty` says why it has no rows."""

    rows: Rows
    span: Span | None = None
    notes: tuple[str, ...] = ()
    if_empty: str = ""


def run_report(database: Database, report: str, report_filter: ReportFilter) -> ReportResult:
    """Return a report's rows; raises UsageError for too many days, and DatabaseError."""
    query = build_query(database, report, report_filter)
    if report in MANY_GROUPS:
        database.enlarge_temporary_tables()
    rows = database.query(query.sql_text)
    return ReportResult(rows, query.span, query.notes, _if_empty(report, report_filter))


def build_query(database: Database, report: str, report_filter: ReportFilter) -> ReportQuery:
    """Return the query of a report; raises as `run_report` does."""
    if report == "daily" and report_filter == ReportFilter(Period(None, None, UTC)):
        return _fill_file("daily", {}, None, (DAILY_NOTE,))
    file = SQL_FILES.get(report, report)
    span = find_span(database, report_filter, averages=report == "rolling")
    if report == "rolling" and span and span.days > MAX_DAYS:
        raise UsageError(f"{span.first} to {span.last} is more than {MAX_DAYS} days: set --from")
    existing = database.columns()
    live_by = _live_columns(report_filter, existing.get("engagements", ()))
    offsets = _read_offsets(report, report_filter, span)
    parts: dict[str, Value | SqlText] = {
        **_day_values(offsets, span),
        **_filter_values(report_filter, live_by, gaps(offsets)),
        **_column_names(report_filter),
        "max_age_s": report_filter.max_age_s,
        "now_ms": (calendar.utc_now() - EPOCH) // MS,
        "untouched_for": report_filter.untouched_for,
        "kinds": to_list("kind", report_filter.objects),
    }
    sql = read_sql(file)
    used = {name: it for name, it in OPTIONAL_TABLES.items() if f"/*:{name}*/" in sql}
    missing = _missing_tables(database, existing, used)
    missing_age = _missing_batched_at(existing) if "/*:batched_at*/" in sql else []
    notes = (*_live_notes(report_filter, live_by), *missing.values(), *missing_age)
    parts["batched_at"] = SqlText("NULL" if missing_age else "e._sdc_batched_at")
    tables = {**_table_names(missing), **_object_tables(existing, missing)}
    return _fill_file(file, {**parts, **tables}, span, notes)


def find_span(database: Database, report_filter: ReportFilter, *, averages: bool) -> Span | None:
    """Return the days that a filter covers, as far as the data goes; see `to_span`."""
    text = fill(read_sql("covered"), {"time": SqlText(f"`{report_filter.time}`")})
    ((first_ms, last_ms),) = database.query(text).rows
    covered = None if first_ms is None else CoveredTimes(first_ms, last_ms)
    today = calendar.utc_now().astimezone(report_filter.period.zone).date()
    return to_span(report_filter.period, covered, today, averages=averages)


def read_synced_at(database: Database) -> datetime | None:
    """Return the UTC time of the last load of engagements, None if the table has none."""
    ((at,),) = database.query(fill(read_sql("synced"), {})).rows
    return at.replace(tzinfo=timezone.utc) if at else None


def _if_empty(report: str, report_filter: ReportFilter) -> str:
    """Return what it means that a report has no rows."""
    if report == "touches" and report_filter.untouched_for is not None:
        objects = " and ".join(report_filter.objects)
        return f"every {objects} was touched in the last {report_filter.untouched_for} days"
    what = "open tasks" if report == "tasks" else "engagements"
    return f"no {what}{report_filter.description}"


def _fill_file(
    file: str, parts: Mapping[str, Value | SqlText], span: Span | None, notes: tuple[str, ...]
) -> ReportQuery:
    sql = read_sql(file)
    return ReportQuery(fill(sql, parts), leading_comments(sql), span, notes)


def _read_offsets(report: str, report_filter: ReportFilter, span: Span | None) -> list[Offset]:
    """Return the zone's offsets on the days to count, those of the first window included."""
    if span is None:
        return []
    days = span.with_windows(report_filter.window_days) if report == "rolling" else span
    return list(iter_offsets(days.first, days.last, report_filter.period.zone))


def _day_values(offsets: Sequence[Offset], span: Span | None) -> dict[str, Value | SqlText]:
    """Return the values that limit the days; without offsets no day matches."""
    days = span or NO_DAYS
    return {
        "offsets": to_offsets(offsets),
        "start_ms": offsets[0].start_ms if offsets else 0,
        "end_ms": offsets[-1].end_ms if offsets else 0,
        "days": to_days(days),
        "partial_day": days.partial_day or LAST_DAY,
    }


def _live_columns(report_filter: ReportFilter, existing: Collection[str]) -> list[str]:
    """Return the columns that tell a live engagement; without --rows those that exist."""
    if not report_filter.is_live:
        return []
    return [name for name in LIVE_CONDITIONS if report_filter.live or name in existing]


def _live_notes(report_filter: ReportFilter, live_by: Collection[str]) -> list[str]:
    """Return a note for each column without which rows that are not live are counted."""
    lacking = [name for name in LIVE_CONDITIONS if report_filter.is_live and name not in live_by]
    return [f"engagements lacks {name}: {LIVE_NOTES[name]}" for name in lacking]


def _filter_values(
    report_filter: ReportFilter, live_by: Sequence[str], other_days: Sequence[tuple[int, int]]
) -> dict[str, Value | SqlText]:
    """Return the parts that select engagements."""
    condition = to_condition(
        "e", live_by=live_by, owners=report_filter.owners, types=report_filter.types
    )
    return {
        "time": SqlText(f"`{report_filter.time}`"),
        "on_any_day": condition,
        "only": without_times(condition, report_filter.time, other_days),
        "reply_only": to_condition("r", live_by=live_by),
    }


def _column_names(report_filter: ReportFilter) -> dict[str, Value | SqlText]:
    """Return the rolling report's window, type and column names."""
    days = f"{report_filter.window_days}d"
    return {
        "window": report_filter.window_days,
        "sum_name": SqlText(f"sum_{days}"),
        "avg_name": SqlText(f"avg_{days}"),
        "full_name": SqlText(f"avg_{days}_full"),
        "kind": SqlText("'ALL'") if report_filter.total else SqlText("e.type"),
    }


def _missing_tables(
    database: Database,
    existing: Mapping[str, Collection[str]],
    used: Mapping[str, tuple[str, Sequence[str]]],
) -> dict[str, str]:
    """Return a note for each of the tables that cannot be read or lacks a column."""
    notes = {}
    for name, (table, columns) in used.items():
        lacking = [column for column in columns if column not in existing.get(table, ())]
        if table not in existing and not database.may_read(table):
            notes[name] = f"this user may not read {table}: grant it the right SELECT"
        elif table not in existing:
            notes[name] = f"{table} is not loaded: select that stream in the tap's catalog"
        elif lacking:
            fields = ", ".join(lacking)
            notes[name] = f"{table} lacks {fields}: select that field in the tap's catalog"
    return notes


def _missing_batched_at(existing: Mapping[str, Collection[str]]) -> list[str]:
    """Return a note if the table does not tell when it was loaded."""
    is_there = "_sdc_batched_at" in existing.get("engagements", ())
    return [] if is_there else [BATCHED_AT_NOTE]


def _table_names(missing: Mapping[str, str]) -> dict[str, Value | SqlText]:
    """Return the names of the optional tables, an empty table for each that is missing."""
    parts: dict[str, Value | SqlText] = {}
    for name, (table, columns) in OPTIONAL_TABLES.items():
        parts[name] = empty_table(columns) if name in missing else SqlText(table)
        parts[f"has_{name}"] = None if name in missing else 1
    return parts


def _object_tables(
    existing: Mapping[str, Collection[str]], missing: Collection[str]
) -> dict[str, SqlText]:
    """Return the tables of objects as OBJECT_TABLES says, without the rows of deleted objects."""
    parts = {}
    for name, columns in OBJECT_TABLES.items():
        there = existing.get(name, ())
        is_closed = "COALESCE(hs_is_closed, 0)" if "hs_is_closed" in there else CLOSED_STAGES
        is_deleted = " WHERE _sdc_deleted_at IS NULL" if "_sdc_deleted_at" in there else ""
        select = f"(SELECT {columns.format(is_closed=is_closed)} FROM {name}{is_deleted})"
        is_missing = name in missing
        parts[name] = empty_table(("id", "name", "is_closed")) if is_missing else SqlText(select)
    return parts
