"""The page: reads all numbers at one moment, and puts the parts together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from fractions import Fraction
from functools import cached_property

from markupsafe import Markup

from engagements_report.exceptions import DatabaseError
from engagements_report.page import document, formatting
from engagements_report.page.charts.plot import PICTURE_WIDTH
from engagements_report.page.document import ChangeLine, Head, Page, People, Section
from engagements_report.page.figures import key_figures
from engagements_report.page.freshness import describe_freshness, missing_days
from engagements_report.page.goals import Goals
from engagements_report.page.news import change_lines
from engagements_report.page.people import Activity, build_people
from engagements_report.page.period import PageDays, period_title
from engagements_report.page.sections.catalogue import (
    CHARTS,
    NOTHING_FOUND,
    SECTION_BUILDERS,
    TEAMS,
    TITLES,
)
from engagements_report.page.sections.daily import Counts, build_daily
from engagements_report.page.sections.first_response import spans_of
from engagements_report.page.sections.parts import SectionInput
from engagements_report.page.sections.rolling import build_rolling
from engagements_report.page.teams import build_teams
from engagements_report.queries import reports, response_times
from engagements_report.queries.calendar import DAY, iter_offsets
from engagements_report.queries.database import Database
from engagements_report.queries.last_engagements import read_last_engagements
from engagements_report.queries.measures import (
    WEEK_DAYS,
    Days,
    Figures,
    Measures,
    by_day,
    read_measures,
)
from engagements_report.queries.people import People as Owners
from engagements_report.queries.people import read_people
from engagements_report.queries.periods import Period, ReportFilter, named_days
from engagements_report.queries.reports import ReportResult, find_span, read_synced_at
from engagements_report.queries.response_times import to_pairs
from engagements_report.queries.summaries import run_report

DEFAULT_PERIOD = "last-week"

Progress = Callable[[str], None]
"""Gets a line for each step, before the step."""


@dataclass(frozen=True)
class Written:
    """
    The page, its HTML, and a line for each report that could not be made.

    `charts` are those of the first screen, of fixed width, for a picture.
    """

    page: Page
    html: str
    problems: Sequence[str] = ()
    charts: Sequence[Markup] = ()


@dataclass(frozen=True)
class Source:
    """What all parts of a page are made of: the filter on the period, the days, the numbers."""

    database: Database
    report_filter: ReportFilter
    page_days: PageDays
    measures: Measures
    people: Owners
    goals: Goals
    synced_at: datetime | None

    @cached_property
    def counts(self) -> Counts:
        """The number of engagements of each type and day."""
        counts: dict[tuple[str, date], int] = {}
        for row in self.measures.rows:
            if row.figures.engagements:
                key = (row.type, row.day)
                counts[key] = counts.get(key, 0) + row.figures.engagements
        return counts

    @cached_property
    def responses(self) -> ReportResult:
        """The incoming e-mails with their times to the answer. Raises DatabaseError."""
        return reports.run_report(self.database, "response", self.report_filter)

    @cached_property
    def figures(self) -> Mapping[date, Figures]:
        """The figures of each day, of all types and owners."""
        return by_day(self.measures.rows, lambda row: 0).get(0, {})


def render(
    database: Database,
    report_filter: ReportFilter,
    report: str | None = None,
    goals: Goals | None = None,
    progress: Progress = lambda line: None,
) -> Written:
    """
    Return the page, or of `report` alone; all numbers are of the same moment.

    Without days it is about last week. A report whose table is missing has a message in place of a
    table. Raises DatabaseError if no query can run.
    """
    database.begin_snapshot()
    now = datetime.now(timezone.utc)
    progress("reading the figures of each day")
    page_days = find_days(database, report_filter, now)
    if page_days is None:
        return _empty_page(report_filter, report)
    days, zone = page_days.days, report_filter.period.zone
    to_read = page_days.to_read(report_filter.window_days)
    measures = read_measures(database, report_filter, to_read)
    source = Source(
        database,
        replace(report_filter, period=Period(days.first, days.last, zone)),
        page_days,
        measures._replace(covered_first=page_days.covered_first),
        read_people(database),
        goals or Goals(),
        _read_synced_at(database),
    )
    page = _build_page(source, report, now, progress)
    problems = [f"{it.name}: {it.problem}" for it in page.sections if it.problem]
    charts = [_build_chart(source, name, PICTURE_WIDTH).chart for name in CHARTS]
    return Written(page, document.render(page), problems, charts)


def find_days(database: Database, report_filter: ReportFilter, now: datetime) -> PageDays | None:
    """Return the days of the page; None if the table is empty, or if they are still to come."""
    zone = report_filter.period.zone
    today = now.astimezone(zone).date()
    covered = find_span(
        database, replace(report_filter, period=Period(None, None, zone)), averages=False
    )
    if covered is None:
        return None
    first, last = report_filter.period.first, report_filter.period.last
    if first is None and last is None:
        first, last = named_days(DEFAULT_PERIOD, today)
    first = first or (last - (WEEK_DAYS - 1) * DAY if last else covered.first)
    last = last or max(first, min(covered.last, today - DAY))
    days = Days(first, min(last, today))
    if days.number < 1:
        return None
    return PageDays(days, today, min(covered.first, days.first), covered.last)


def _build_page(source: Source, report: str | None, now: datetime, progress: Progress) -> Page:
    charts = [_build_chart(source, name) for name in CHARTS if report in (None, name)]
    names = [name for name in SECTION_BUILDERS if report in (None, name)]
    sections = []
    for name in names:
        progress(f"reading {TITLES[name][0].lower()}")
        sections.append(_build_section(source, name))
    head = _build_head(source, now)
    people = _build_people(source, progress) if report in (None, "owners") else None
    changes, note = _build_changes(source)
    if report:
        return Page(head, people=people, sections=[*charts, *sections])
    return Page(
        head,
        figures=key_figures(source.figures, source.page_days),
        charts=charts,
        changes=changes,
        changes_note=note,
        teams=build_teams(Section(*TEAMS), source.measures, source.page_days, source.people),
        people=people,
        sections=sections,
    )


def _build_chart(source: Source, name: str, width: int | None = None) -> Section:
    """Return a section with a chart of the days, which stretches if it has no `width`."""
    section = _empty_section(name)
    counts, page_days = source.counts, source.page_days
    if not any(day in page_days.chart for _, day in counts):
        return replace(section, empty=_nothing(name, page_days.chart))
    if name == "daily":
        return build_daily(section, counts, page_days, width)
    window_days, total = source.report_filter.window_days, source.report_filter.total
    return build_rolling(section, counts, page_days, window_days, total, width)


def _build_changes(source: Source) -> tuple[Sequence[ChangeLine], str]:
    """Return what changed most; nothing can be told of days that are not all loaded."""
    page_days, zone = source.page_days, source.report_filter.period.zone
    if source.synced_at and missing_days(source.synced_at, page_days.over, zone):
        return [], "Not all of these days are loaded: what changed cannot be told yet."
    return change_lines(source.measures, page_days, source.people)


def _build_people(source: Source, progress: Progress) -> People:
    """Return the table of people, and their sections."""
    progress("reading what each person did")
    database, report_filter = source.database, source.report_filter
    all_days = replace(report_filter, period=Period(None, None, report_filter.period.zone))
    overdue, task_notes = _overdue_tasks(database, all_days)
    activity = Activity(
        source.measures.rows,
        source.people,
        read_last_engagements(database, report_filter),
        _median_minutes(source),
        overdue,
        source.goals,
        source.page_days,
        report_filter.period.zone,
        report_filter.window_days,
    )
    notes = [*source.people.notes, *task_notes]
    section = replace(_empty_section("owners"), notes=list(dict.fromkeys(notes)))
    return build_people(section, activity)


def _median_minutes(source: Source) -> dict[int, Fraction]:
    """Return each owner's median time to answer an e-mail; none if the table is missing."""
    with contextlib.suppress(DatabaseError):  # the section on first response says why
        pairs = to_pairs(source.responses.rows.rows)
        zone = source.report_filter.period.zone
        by_owner = response_times.by_owner(pairs, source.report_filter.hours, zone)
        return {
            owner: it.median_ms / 60_000
            for owner, it in by_owner.items()
            if it.median_ms is not None
        }
    return {}


def _overdue_tasks(
    database: Database, report_filter: ReportFilter
) -> tuple[dict[int, int], list[str]]:
    """Return each owner's overdue tasks, and a note if the report cannot be made."""
    try:
        rows = run_report(database, "tasks", report_filter).rows
    except DatabaseError as error:
        return {}, [f"overdue tasks: {error}"]
    columns = [rows.columns.index(name) for name in ("ownerId", "overdue")]
    return {row[columns[0]]: row[columns[1]] for row in rows.rows if row[columns[0]]}, []


def _build_section(source: Source, name: str) -> Section:
    """Return the section of a report that has a query of its own."""
    section = _empty_section(name)
    try:
        result = _run(source, name)
    except DatabaseError as error:
        return replace(section, problem=f"This report cannot be made: {error}.")
    section = replace(section, notes=result.notes)
    days = source.page_days.days
    if not result.rows.rows:
        return replace(section, empty=_nothing(name, days))
    return SECTION_BUILDERS[name](SectionInput(section, source.report_filter, days, result))


def _run(source: Source, name: str) -> ReportResult:
    """Return a report's result; that of first-response is made of the times of all answers."""
    if name != "first-response":
        return run_report(source.database, name, source.report_filter)
    responses = source.responses
    rows = spans_of(to_pairs(responses.rows.rows))
    return replace(responses, rows=rows)


def _nothing(name: str, days: Days) -> str:
    return f"Nothing to show: no {NOTHING_FOUND[name]}, {formatting.format_days(days)}."


def _empty_section(name: str) -> Section:
    title, question = TITLES[name]
    return Section(name, title, question)


def _empty_page(report_filter: ReportFilter, report: str | None) -> Written:
    empty = f"There are no engagements{report_filter.description}."
    names = [name for name in TITLES if report in (None, name)]
    sections = [replace(_empty_section(name), empty=empty) for name in names]
    page = Page(Head("Engagements", [empty]), sections=sections)
    return Written(page, document.render(page))


def _build_head(source: Source, now: datetime) -> Head:
    zone, days = source.report_filter.period.zone, source.page_days.days
    calendar = formatting.format_zone(zone.key, iter_offsets(days.first, days.last, zone))
    lines = [
        calendar,
        *_partial_lines(source.page_days),
        formatting.describe_filter(source.report_filter),
        *_stale_lines(source.page_days),
    ]
    synced_at = source.synced_at
    max_age_s = source.report_filter.max_age_s
    freshness = describe_freshness(synced_at, now, source.page_days.over, zone, max_age_s)
    return Head(period_title(days), lines, freshness)


def _partial_lines(page_days: PageDays) -> list[str]:
    """Return that the current day is not over, and whether the figures are about it."""
    if not page_days.partial_day:
        return []
    line = f"{formatting.format_day(page_days.partial_day)} is not over"
    return [f"{line}, and in none of the figures" if page_days.is_comparable else line]


def _stale_lines(page_days: PageDays) -> list[str]:
    """Return which option shows the latest engagements, if they are older than the period."""
    last = page_days.covered_last
    if last >= page_days.days.first:
        return []
    return [f"The latest engagement is of {formatting.format_day(last)}: see --to {last}"]


def _read_synced_at(database: Database) -> datetime | None:
    """Return the UTC time of the last load, None where the table does not tell."""
    with contextlib.suppress(DatabaseError):
        return read_synced_at(database)
    return None
