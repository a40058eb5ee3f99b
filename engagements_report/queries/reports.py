"""The questions: which SQL answers each, with which values, and what to say beside the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone

from engagements_report.exceptions import UsageError
from engagements_report.queries.calendar import iter_offsets
from engagements_report.queries.database import Database, Rows
from engagements_report.queries.periods import (
    MAX_DAYS,
    UTC,
    Covered,
    Period,
    ReportFilter,
    Span,
    to_span,
)
from engagements_report.queries.statements import (
    SqlText,
    Value,
    comments,
    empty_table,
    fill,
    read,
    to_condition,
    to_offsets,
)

REPORTS = {
    "daily": "engagements of each type a day; every day that has some",
    "rolling": "for each type and every day, none left out, sum and average over the days up to it",
    "owners": "what each owner did: calls, e-mails, meetings, notes, tasks, and how many were done",
    "calls": "how calls ended, and the share that reached someone",
    "meetings": "what became of meetings",
    "hours": "engagements by weekday and hour",
    "first-response": "how soon incoming e-mails were answered",
    "quality": "what in the data is missing or wrong",
}
# Tables that a report can do without, by their name in its SQL: (table, the columns it looks at).
OPTIONAL = {
    "owners": ("owners", ("id", "firstName", "lastName", "email")),
    "dispositions": ("call_dispositions", ("id", "label")),
    "calls": ("engagement_calls", ("engagementId", "disposition")),
    "emails": ("engagement_emails", ("engagementId", "html")),
    "meetings": ("engagement_meetings", ("engagementId",)),
    "notes": ("engagement_notes", ("engagementId",)),
    "tasks": ("engagement_tasks", ("engagementId",)),
    "other": ("engagement_other", ("engagementId",)),
}


@dataclass(frozen=True)
class Answer:
    """A report's rows; `span`, the days it is about, is None for all; `notes`, what it lacks."""

    rows: Rows
    span: Span | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportQuery:
    """A report's statement, its file's comments, and as in `Answer` its span and notes."""

    text: SqlText
    comments: str
    span: Span | None
    notes: tuple[str, ...]


def ask(database: Database, report: str, choice: ReportFilter) -> Answer:
    """Return a report's answer; raises UsageError for too many days, and DatabaseError."""
    question = to_question(database, report, choice)
    return Answer(database.ask(question.text), question.span, question.notes)


def to_question(database: Database, report: str, choice: ReportFilter) -> ReportQuery:
    """Return what to ask the database; raises as `ask` does."""
    plain = ReportFilter(Period(None, None, UTC))
    if report == "daily" and choice == plain:
        return _question("daily", {}, None, ())
    file = "daily_in_zone" if report == "daily" else report.replace("-", "_")
    span = find_span(database, choice, complete=report == "rolling")
    if report == "rolling" and span and span.days > MAX_DAYS:
        raise UsageError(f"{span.first} to {span.last} is more than {MAX_DAYS} days: set --from")
    parts = {**_when(report, choice, span), **_which(choice), **_columns(choice)}
    sql = read(file)
    missing = {name: why for name, why in _missing(database).items() if f"/*:{name}*/" in sql}
    return _question(file, {**parts, **_tables(missing)}, span, tuple(missing.values()))


def find_span(database: Database, choice: ReportFilter, *, complete: bool) -> Span | None:
    """Return the days that `choice` is about, as far as there is data; see `to_span`."""
    text = fill(read("covered"), {"time": SqlText(f"`{choice.time}`")})
    ((first_ms, last_ms),) = database.ask(text).rows
    covered = None if first_ms is None else Covered(first_ms, last_ms)
    today = datetime.now(timezone.utc).astimezone(choice.period.zone).date()
    return to_span(choice.period, covered, today, complete=complete)


def synced_at(database: Database) -> datetime | None:
    """Return when engagements were loaded last, None where no table or column tells."""
    ((at,),) = database.ask(fill(read("synced"), {})).rows
    return at.replace(tzinfo=timezone.utc) if at else None


def _question(
    file: str, parts: Mapping[str, Value | SqlText], span: Span | None, notes: tuple[str, ...]
) -> ReportQuery:
    sql = read(file)
    return ReportQuery(fill(sql, parts), comments(sql), span, notes)


def _when(report: str, choice: ReportFilter, span: Span | None) -> dict[str, Value | SqlText]:
    """Return the values that say which days; without a span none fits."""
    nothing = Span(date(1970, 1, 2), date(1970, 1, 1), date(1970, 1, 2))
    shown = span or nothing
    counted = shown.with_windows(choice.window_days) if report == "rolling" else shown
    offsets = list(iter_offsets(counted.first, counted.last, choice.period.zone)) if span else []
    return {
        "offsets": to_offsets(offsets),
        "start_ms": offsets[0].start_ms if offsets else 0,
        "end_ms": offsets[-1].end_ms if offsets else 0,
        "first_day": shown.covered_first,
        "first_shown": shown.first,
        "last_day": shown.last,
    }


def _which(choice: ReportFilter) -> dict[str, Value | SqlText]:
    """Return the values that say which engagements."""
    return {
        "time": SqlText(f"`{choice.time}`"),
        "only": to_condition("e", live=choice.live, owners=choice.owners, types=choice.types),
        "reply_only": to_condition("r", live=choice.live),
    }


def _columns(choice: ReportFilter) -> dict[str, Value | SqlText]:
    """Return the words of the rolling report's columns."""
    days = f"{choice.window_days}d"
    return {
        "window": choice.window_days,
        "sum_name": SqlText(f"sum_{days}"),
        "avg_name": SqlText(f"avg_{days}"),
        "full_name": SqlText(f"avg_{days}_full"),
        "kind": SqlText("'ALL'") if choice.total else SqlText("e.type"),
    }


def _missing(database: Database) -> dict[str, str]:
    """Return what to select for each of OPTIONAL that is not there whole."""
    there = database.columns()
    found = {}
    for name, (table, columns) in OPTIONAL.items():
        lacking = [column for column in columns if column not in there.get(table, ())]
        if table not in there:
            found[name] = f"{table} is not loaded: select that stream in the tap's catalog"
        elif lacking:
            found[name] = (
                f"{table} lacks {', '.join(lacking)}: select that field in the tap's catalog"
            )
    return found


def _tables(missing: Mapping[str, str]) -> dict[str, Value | SqlText]:
    """Return the tables' names, or what stands for those that are missing."""
    parts: dict[str, Value | SqlText] = {}
    for name, (table, columns) in OPTIONAL.items():
        parts[name] = empty_table(columns) if name in missing else SqlText(table)
        parts[f"has_{name}"] = None if name in missing else 1
    return parts
