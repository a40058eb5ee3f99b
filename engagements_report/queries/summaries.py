"""
The reports that are computed from the rows of a query: changes, teams and response.

`run_report` runs these and those that are a query each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from engagements_report.exceptions import UsageError
from engagements_report.queries import calendar, changes, measures, reports, response_times, teams
from engagements_report.queries.calendar import DAY
from engagements_report.queries.database import Database, Rows
from engagements_report.queries.measures import Days, Measures
from engagements_report.queries.people import People, read_people
from engagements_report.queries.periods import MAX_DAYS, Period, ReportFilter, named_days
from engagements_report.queries.reports import ReportQuery, ReportResult

COMPARED = ("changes", "teams")


def run_report(database: Database, report: str, report_filter: ReportFilter) -> ReportResult:
    """Return a report's rows; raises UsageError for days that it cannot have, and DatabaseError."""
    if report not in SUMMARIES:
        return reports.run_report(database, report, report_filter)
    return SUMMARIES[report](database, report_filter)


def build_query(database: Database, report: str, report_filter: ReportFilter) -> ReportQuery:
    """Return a report's query, or that of the rows it is computed from; raises as `run_report`."""
    if report in COMPARED:
        days = measures.days_to_read(compared_days(report_filter.period))
        report_filter = replace(report_filter, period=_to_period(days, report_filter))
    return reports.build_query(database, report, report_filter)


def compared_days(period: Period) -> Days:
    """
    Return the days of a period that are over; without any day given, those of last week.

    Without a last day, it is yesterday; without a first day, the week up to the last. Raises
    UsageError if none of the days is over, or for more than MAX_DAYS.
    """
    today = calendar.utc_now().astimezone(period.zone).date()
    if period.first is None and period.last is None:
        return Days(*named_days("last-week", today))
    last = period.last or today - DAY
    days = Days(period.first or last - 6 * DAY, last)
    over = measures.over_days(days, today)
    if over is None:
        raise UsageError(f"none of the days from {days.first} is over: there is nothing to compare")
    if over.number > MAX_DAYS:
        raise UsageError(f"{over.first} to {over.last} is more than {MAX_DAYS} days: set --from")
    return over


def _to_period(days: Days, report_filter: ReportFilter) -> Period:
    return Period(days.first, days.last, report_filter.period.zone)


def _changes(database: Database, report_filter: ReportFilter) -> ReportResult:
    days = compared_days(report_filter.period)
    rows = measures.read_measures(database, report_filter, measures.days_to_read(days))
    people = read_people(database)
    table = changes.rows_of(changes.what_changed(rows, days), people)
    notes = _notes(days, rows, people)
    return ReportResult(
        Rows(changes.COLUMNS, table), None, notes, _why_nothing(rows, days, report_filter)
    )


def _why_nothing(rows: Measures, days: Days, report_filter: ReportFilter) -> str:
    """Return why no change is told."""
    if not rows.rows:
        return f"no engagements{report_filter.description}"
    covered = measures.covered_before(days, rows.covered_first)
    if len(covered) < changes.MIN_PERIODS:
        return (
            f"the data covers {len(covered)} of the periods before: at least {changes.MIN_PERIODS}"
            " are needed to tell what is usual"
        )
    return "nothing changed more than chance explains"


def _teams(database: Database, report_filter: ReportFilter) -> ReportResult:
    days = compared_days(report_filter.period)
    rows = measures.read_measures(database, report_filter, measures.days_to_read(days))
    people = read_people(database)
    table = teams.to_rows(rows, days, people)
    if_empty = f"no engagements{report_filter.description}"
    return ReportResult(Rows(teams.COLUMNS, table), None, _notes(days, rows, people), if_empty)


def _notes(days: Days, rows: Measures, people: People) -> tuple[str, ...]:
    """Return what is compared with what, and notes on missing tables, each once."""
    number = len(measures.covered_before(days, rows.covered_first))
    before = (
        f"the mean of the {number} periods before" if number else "nothing: the data begin later"
    )
    shown = f"{days.first} to {days.last}, compared with {before}"
    return tuple(dict.fromkeys([shown, *rows.notes, *people.notes]))


def _response(database: Database, report_filter: ReportFilter) -> ReportResult:
    result = reports.run_report(database, "response", report_filter)
    people = read_people(database)
    pairs = response_times.to_pairs(result.rows.rows)
    zone = report_filter.period.zone
    table = response_times.to_rows(pairs, people, report_filter.hours, zone)
    notes = tuple(dict.fromkeys([*result.notes, *people.notes]))
    rows = Rows(response_times.COLUMNS, table)
    return ReportResult(rows, result.span, notes, result.if_empty)


SUMMARIES: Mapping[str, Callable[[Database, ReportFilter], ReportResult]] = {
    "changes": _changes,
    "teams": _teams,
    "response": _response,
}
