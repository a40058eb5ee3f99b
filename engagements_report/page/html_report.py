"""The page of all reports: runs each, and shows the reason of a failure."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from engagements_report.exceptions import DatabaseError
from engagements_report.page import document, formatting
from engagements_report.page.document import Head, KeyFigure, Section
from engagements_report.page.sections.catalogue import NOTHING_FOUND, SECTION_BUILDERS, TITLES
from engagements_report.page.sections.parts import SectionInput
from engagements_report.queries.calendar import DAY, iter_offsets
from engagements_report.queries.database import Database
from engagements_report.queries.periods import ReportFilter, Span
from engagements_report.queries.reports import PAGE_REPORTS, find_span, read_synced_at, run_report

PAGE_DAYS = 90  # shown without --from


@dataclass(frozen=True)
class Page:
    """The page as HTML, and a line for each report that could not be made."""

    html: str
    problems: Sequence[str] = ()


def render(database: Database, report_filter: ReportFilter, report: str | None = None) -> Page:
    """
    Return the page of all reports, or of `report`; all numbers are of the same moment.

    Without a first day the page covers the last PAGE_DAYS. A report whose table is
    missing has a message in place of a chart. Raises DatabaseError if no query can run.
    """
    database.begin_snapshot()
    span = _find_span(database, report_filter)
    reports = [report] if report else list(PAGE_REPORTS)
    if span is None:
        empty = f"There are no engagements{report_filter.description}."
        sections = [replace(_empty_section(name), empty=empty) for name in reports]
        return Page(document.render(Head("Engagements", [empty]), sections))
    filter_of_days = report_filter.on_days(span)
    contents = [_build_section(database, name, filter_of_days, span) for name in reports]
    figures = [figure for _, figure in contents if figure]
    synced_at = _read_synced_at(database)
    synced = _synced_sentence(synced_at, report_filter)
    age = _age_figure(synced_at, report_filter.max_age_s)
    head = _build_head(filter_of_days, span, synced, [age, *figures])
    sections = [section for section, _ in contents]
    problems = [f"{it.name}: {it.problem}" for it in sections if it.problem]
    return Page(document.render(head, sections), problems)


def _find_span(database: Database, report_filter: ReportFilter) -> Span | None:
    """Return the days of the page; the current day only if there are no others."""
    span = find_span(database, report_filter, averages=True)
    if span is None and not report_filter.period.last:
        span = find_span(database, report_filter, averages=False)
    if span and not report_filter.period.first:
        span = replace(span, first=max(span.first, span.last - (PAGE_DAYS - 1) * DAY))
    return span


def _build_section(
    database: Database, name: str, report_filter: ReportFilter, span: Span
) -> tuple[Section, KeyFigure | None]:
    """Return a report's section, and the report's key figure or None."""
    section = _empty_section(name)
    try:
        result = run_report(database, name, report_filter)
    except DatabaseError as error:
        return replace(section, problem=f"This report cannot be made: {error}."), None
    section = replace(section, notes=result.notes)
    if not result.rows.rows:
        empty = f"Nothing to show: no {NOTHING_FOUND[name]}, {formatting.format_span(span)}."
        return replace(section, empty=empty), None
    content = SECTION_BUILDERS[name](SectionInput(report_filter, span, result))
    section = replace(section, lead=content.lead, pictures=content.pictures, table=content.table)
    return section, content.figure


def _empty_section(name: str) -> Section:
    title, question = TITLES[name]
    return Section(name, title, question)


def _read_synced_at(database: Database) -> datetime | None:
    """Return the UTC time of the last load, None where the table does not tell."""
    with contextlib.suppress(DatabaseError):
        return read_synced_at(database)
    return None


def _age_figure(synced_at: datetime | None, max_age_s: int) -> KeyFigure:
    """Return how long ago the last load was: wrong if that is longer than allowed."""
    if synced_at is None:
        return KeyFigure("Last synced", "unknown")
    age = datetime.now(timezone.utc) - synced_at
    is_late = age.total_seconds() > max_age_s
    text = formatting.format_age(age)
    return KeyFigure("Last synced", f"{'✕' if is_late else '✓'} {text}", is_late)


def _synced_sentence(synced_at: datetime | None, report_filter: ReportFilter) -> str:
    if synced_at is None:
        return "The time of the last sync is unknown."
    local_time = synced_at.astimezone(report_filter.period.zone)
    return f"Last synced: {formatting.format_moment(local_time)}."


def _build_head(
    report_filter: ReportFilter, span: Span, synced: str, figures: Sequence[KeyFigure]
) -> Head:
    zone = report_filter.period.zone
    calendar = formatting.format_zone(zone.key, iter_offsets(span.first, span.last, zone))
    lines = [
        f"{formatting.plural(span.days, 'day')} by the calendar of {calendar}.",
        *([f"{formatting.format_day(span.last)} is not over."] if span.partial_day else []),
        formatting.describe_filter(report_filter),
        synced,
    ]
    return Head(f"Engagements, {formatting.format_span(span)}", lines, figures)
