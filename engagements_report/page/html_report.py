"""The page of all reports: asks each, and says what could not be asked and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engagements_report.exceptions import DatabaseError
from engagements_report.page import formatting, html
from engagements_report.page.html import Head, Section
from engagements_report.page.sections import NOTHING_FOUND, SECTION_BUILDERS, TITLES, SectionInput
from engagements_report.queries.calendar import DAY, iter_offsets
from engagements_report.queries.database import Database
from engagements_report.queries.periods import ReportFilter, Span
from engagements_report.queries.reports import REPORTS, ask, find_span, synced_at

PAGE_DAYS = 90  # shown without --from


def write_page(database: Database, choice: ReportFilter, only: str | None = None) -> str:
    """
    Return the page of all reports, or of one, as the database is at one moment.

    Without a first day it is about the last PAGE_DAYS. Raises DatabaseError where nothing can be
    asked at all; a report that lacks its table says so in its section.
    """
    database.begin_snapshot()
    span = find_span(database, choice, complete=True) or find_span(database, choice, complete=False)
    if span and not choice.period.first:
        span = replace(span, first=max(span.first, span.last - (PAGE_DAYS - 1) * DAY))
    names = [only] if only else list(REPORTS)
    if span is None:
        sections = [replace(_bare(name), empty=_nothing(choice)) for name in names]
        return html.to_page(Head("Engagements", [_nothing(choice)]), sections)
    shown = choice.shown(span)
    made = [_make(database, name, shown, span) for name in names]
    figures = [figure for _, figure in made if figure]
    head = _head(shown, span, _synced(database, choice), figures)
    return html.to_page(head, [section for section, _ in made])


def _make(
    database: Database, name: str, choice: ReportFilter, span: Span
) -> tuple[Section, tuple[str, str, bool] | None]:
    """Return a report's section, and its figure for the top, if it has one."""
    try:
        answer = ask(database, name, choice)
    except DatabaseError as error:
        return replace(_bare(name), problem=f"This report cannot be made: {error}."), None
    section = _bare(name)
    if not answer.rows.rows:
        empty = f"Nothing to show: no {NOTHING_FOUND[name]}, {formatting.span_in_words(span)}."
        return replace(section, empty=empty, notes=answer.notes), None
    made = SECTION_BUILDERS[name](SectionInput(choice, span, answer))
    section = replace(section, lead=made.lead, pictures=made.pictures, table=made.table)
    return replace(section, notes=answer.notes), made.figure


def _bare(name: str) -> Section:
    title, question = TITLES[name]
    return Section(name, title, question)


def _nothing(choice: ReportFilter) -> str:
    return f"There are no engagements{choice.in_words}."


def _synced(database: Database, choice: ReportFilter) -> str:
    try:
        at = synced_at(database)
    except DatabaseError:
        at = None
    if at is None:
        return "When it was synced last is not known."
    zone = choice.period.zone
    return f"Last synced: {formatting.moment_in_words(at.astimezone(zone))}."


def _head(
    choice: ReportFilter, span: Span, synced: str, figures: Sequence[tuple[str, str, bool]]
) -> Head:
    zone = choice.period.zone
    offsets = iter_offsets(span.first, span.last, zone)
    calendar = formatting.zone_in_words(zone.key, offsets)
    lines = [
        f"{formatting.plural(span.days, 'day')} by the calendar of {calendar}.",
        formatting.choice_in_words(choice),
        synced,
    ]
    return Head(f"Engagements, {formatting.span_in_words(span)}", lines, figures)
