"""Which engagements, days and owners the options of a command select."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from engagements_report.exceptions import UsageError
from engagements_report.queries.calendar import read_day, read_zone
from engagements_report.queries.database import Database
from engagements_report.queries.people import People, read_people, select_owners
from engagements_report.queries.periods import (
    MAX_AGE_S,
    OBJECTS,
    WINDOW_DAYS,
    Period,
    ReportFilter,
    named_days,
)

# Commands that change the database, whatever the days.
WITHOUT_FILTER = ("index", "views")
# Options that only one report uses.
ONLY_FOR = {
    "window_days": "rolling",
    "total": "rolling",
    "max_age": "quality",
    "hours": "response",
    "object": "touches",
    "untouched_for": "touches",
}


def to_filter(options: argparse.Namespace) -> ReportFilter:
    """Return which engagements and days the options select; raises UsageError."""
    if options.command in WITHOUT_FILTER:
        return ReportFilter(Period(None, None, read_zone("UTC")), time=options.time)
    max_age_s = options.max_age or MAX_AGE_S
    if options.command == "freshness":
        return ReportFilter(Period(None, None, read_zone("UTC")), max_age_s=max_age_s)
    _refuse_unused(options)
    zone = read_zone(options.tz)
    first, last = _read_days(options, zone)
    return ReportFilter(
        Period(first, last, zone),
        live=None if options.rows is None else options.rows == "live",
        time=options.time,
        types=tuple(options.type),
        window_days=WINDOW_DAYS if options.window_days is None else options.window_days,
        total=options.total,
        max_age_s=max_age_s,
        **_special_values(options),
    )


def _special_values(options: argparse.Namespace) -> dict[str, Any]:
    """Return the values of the options that the page lacks."""
    if options.command == "html":
        return {}
    return {
        "hours": options.hours,
        "objects": tuple(dict.fromkeys(options.object)) or OBJECTS,
        "untouched_for": options.untouched_for,
    }


def with_owners(
    options: argparse.Namespace, report_filter: ReportFilter, database: Database
) -> ReportFilter:
    """Return the filter with the ids of --owner and --team; raises UsageError for unknown ones."""
    owners, teams = getattr(options, "owner", ()), getattr(options, "team", ())
    is_by_name = teams or any(not text.isdecimal() and text != "none" for text in owners)
    people = read_people(database) if is_by_name else People()
    return replace(report_filter, owners=select_owners(people, owners, teams))


def _refuse_unused(options: argparse.Namespace) -> None:
    """Raise UsageError for an option that no report of the command uses."""
    reports = getattr(options, "reports", None) or [options.report]
    for name, report in ONLY_FOR.items():
        is_given = getattr(options, name, None) not in (None, False, [])
        if is_given and reports != [None] and report not in reports:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} is for {report} only: {reports[0]} does not use it")
    if options.command == "sql" and options.hours:
        raise UsageError("--hours is for the report: its SQL has all of each time")


def _read_days(options: argparse.Namespace, zone: ZoneInfo) -> tuple[date | None, date | None]:
    """Return the first and the last day of --period, or of --from and --to."""
    if options.period is None:
        return _read_day("--from", options.first), _read_day("--to", options.last)
    if options.first is not None or options.last is not None:
        raise UsageError("--period already says the days: leave out --from and --to")
    return named_days(options.period, datetime.now(zone).date())


def _read_day(flag: str, text: str | None) -> date | None:
    try:
        return None if text is None else read_day(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {text!r} is not a day such as 2018-07-13") from error
