"""The table of people, and a section a person: 14-day lines and last engagements. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from zoneinfo import ZoneInfo

from engagements_report.page.charts.averages import averages
from engagements_report.page.charts.sparkline import share_bar, sparkline
from engagements_report.page.colours import css_class
from engagements_report.page.document import Link, Marked, People, Person, Section, Table, Value
from engagements_report.page.figures import NAMES, covered_weeks, to_change, weeks_title
from engagements_report.page.formatting import MONTHS, plural
from engagements_report.page.goals import Goals
from engagements_report.page.links import address_of
from engagements_report.page.period import PageDays, before_words
from engagements_report.page.sections.daily import by_volume
from engagements_report.page.sections.rolling import (
    averages_of,
    to_label,
    without_partial_day,
)
from engagements_report.queries.calendar import DAY, EPOCH, MS
from engagements_report.queries.last_engagements import LastEngagement
from engagements_report.queries.measures import (
    Comparison,
    Measure,
    by_day,
    compare,
    days_before,
    on_days,
)
from engagements_report.queries.people import Owner
from engagements_report.queries.people import People as Owners

MAX_PERSON_LINES = 4
PERSON_CHART_HEIGHT = 110  # pixels
MAX_TITLE_LENGTH = 60


@dataclass(frozen=True)
class Activity:
    """What people did: rows by day, the owners, last engagements by owner's id, and more."""

    rows: Sequence[Measure]
    owners: Owners
    last: Mapping[int, Sequence[LastEngagement]]
    median_minutes: Mapping[int, Fraction]
    overdue_tasks: Mapping[int, int]
    goals: Goals
    page_days: PageDays
    zone: ZoneInfo
    window_days: int


@dataclass(frozen=True)
class OwnerFigures:
    """An owner with the comparison of each figure, the weeks, and the last day with any."""

    owner: Owner
    name: str
    comparisons: Mapping[str, Comparison]
    weeks: Sequence[int]
    last_day: date | None

    def number(self, measure: str) -> int | None:
        return self.comparisons[measure].now


def build_people(section: Section, activity: Activity) -> People:
    """Return the table of all who did anything in the period or those that it is compared with."""
    people = _owner_figures(activity)
    if not people:
        return People(replace(section, empty="Nothing to show: no engagements of anybody."))
    names = {name for person in people for _, name in person.owner.teams}
    teams = sorted(names, key=lambda name: (name.casefold(), name))
    classes = [_classes(person.owner, teams) for person in people]
    table = _table(people, classes, activity)
    persons = [
        _person(person, css, activity)
        for person, css in zip(people, classes, strict=True)
        if person.owner.id
    ]
    lead = _lead(people, activity.page_days)
    return People(replace(section, lead=lead, table=table), teams, persons)


def _owner_figures(activity: Activity) -> list[OwnerFigures]:
    """Return the owners with any engagement in the period or the eight before, most calls first."""
    page_days = activity.page_days
    compared = [page_days.over, *days_before(page_days.over), page_days.days]
    days_by_owner = by_day(activity.rows, lambda row: row.owner)
    weeks = covered_weeks(page_days)
    people = []
    for owner_id, figures in days_by_owner.items():
        if not any(any(on_days(figures, days)) for days in compared):
            continue
        name = activity.owners.name(owner_id)
        owner = activity.owners.owners.get(owner_id) or Owner(owner_id, name)
        seen = [day for day, it in figures.items() if it.engagements]
        people.append(
            OwnerFigures(
                owner,
                name,
                compare(figures, page_days.over, page_days.covered_first),
                [on_days(figures, week).engagements for week in weeks],
                max(seen, default=None),
            )
        )
    people.sort(key=_rank)
    return _with_distinct_names(people)


def _rank(person: OwnerFigures) -> tuple[bool, int, int, str]:
    """Return what people are sorted by: calls, most first, then engagements; no owner last."""
    calls, engagements = (person.number(name) or 0 for name in ("calls", "engagements"))
    return person.owner.id == 0, -calls, -engagements, person.name


def _with_distinct_names(people: Sequence[OwnerFigures]) -> list[OwnerFigures]:
    """Return the people, with the id added to each name that occurs more than once."""
    names = [person.name for person in people]
    return [
        replace(person, name=f"{person.name} ({person.owner.id})")
        if names.count(person.name) > 1
        else person
        for person in people
    ]


def _classes(owner: Owner, teams: Sequence[str]) -> str:
    """Return the CSS classes of an owner's row, by which the style filters."""
    return " ".join(["of-team", *(f"t{teams.index(name)}" for _, name in owner.teams)])


def _lead(people: Sequence[OwnerFigures], page_days: PageDays) -> str:
    active = sum(bool(person.number("engagements")) for person in people if person.owner.id)
    words = before_words(page_days.over)
    lead = f"{active:,} {'person' if active == 1 else 'people'} with engagements."
    return f"{lead} Change: calls, compared with {words}." if page_days.is_comparable else lead


def _table(people: Sequence[OwnerFigures], classes: Sequence[str], activity: Activity) -> Table:
    """Return a row for each person."""
    goals = activity.goals.measures
    columns = [
        *("name", "team", "calls", "change", "connected", "e-mails", "meetings held"),
        *("median response", "tasks done", "overdue", "last seen"),
        f"{plural(len(covered_weeks(activity.page_days)), 'week')}",
        *(f"{NAMES[name].lower()} of goal" for name in goals),
    ]
    rows = [_row(person, activity, goals) for person in people]
    return Table("By calls, most first", columns, rows, classes, kind="whole")


def _row(person: OwnerFigures, activity: Activity, goals: Sequence[str]) -> list[Value]:
    owner = person.owner
    calls = person.comparisons["calls"]
    changed = to_change(calls.now or 0, calls.before) if activity.page_days.is_comparable else None
    minutes = activity.median_minutes.get(owner.id)
    return [
        Link(person.name, f"#p{owner.id}") if owner.id else person.name,
        ", ".join(name for _, name in owner.teams) or None,
        calls.now,
        changed,
        connect_rate(calls.now, person.number("connected")),
        person.number("emails_sent"),
        person.number("meetings_held"),
        None if minutes is None else format_duration(minutes),
        person.number("tasks_done"),
        activity.overdue_tasks.get(owner.id),
        _short_day(person.last_day, activity.page_days.today),
        Marked("", sparkline(person.weeks, weeks_title(list(person.weeks)))),
        *(_goal(person, name, activity) for name in goals),
    ]


def connect_rate(calls: int | None, connected: int | None) -> str | None:
    """Return the share of calls that reached someone, in whole percent, None without calls."""
    if not calls or connected is None:
        return None
    return f"{int(Fraction(100 * connected, calls) + Fraction(1, 2))} %"


def format_duration(exact: Fraction) -> str:
    """Return minutes as for example 35 min, 2.4 h, 3.1 d."""
    minutes = float(exact)
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:.1f} d"


def _short_day(day: date | None, today: date) -> str | None:
    """Return for example 20 Nov, with the year if it is another."""
    if day is None:
        return None
    text = f"{day.day} {MONTHS[day.month - 1][:3]}"
    return text if day.year == today.year else f"{text} {day.year}"


def _goal(person: OwnerFigures, measure: str, activity: Activity) -> Value:
    number = person.number(measure)
    days = activity.page_days.over.number
    share = None if number is None else activity.goals.share(person.owner, measure, number, days)
    if share is None or not person.owner.id:
        return None
    bar = share_bar(float(share), "met" if share >= 1 else "unmet")
    return Marked(f"{round(share * 100)} %", bar, after=False)


def _person(person: OwnerFigures, css: str, activity: Activity) -> Person:
    """Return a person's section: averages of the types with most, and the last engagements."""
    page_days = activity.page_days
    days, window = page_days.chart, activity.window_days
    since = days.first - (window - 1) * DAY
    counts: dict[tuple[str, date], int] = {}
    for row in activity.rows:
        if row.owner == person.owner.id and row.figures.engagements and since <= row.day:
            counts[row.type, row.day] = counts.get((row.type, row.day), 0) + row.figures.engagements
    lines = {
        name: without_partial_day(
            averages_of(counts, name, days, page_days.covered_first, window), page_days.partial_day
        )
        for name in by_volume(counts)[:MAX_PERSON_LINES]
    }
    labels = {name: to_label(name, points, window) for name, points in lines.items()}
    description = f"{window}-day averages of {person.name}: " + "; ".join(
        label.text for label in labels.values()
    )
    chart = averages(lines, {}, days, page_days.shaded, description, PERSON_CHART_HEIGHT)
    return Person(
        f"p{person.owner.id}",
        person.name,
        _summary(person),
        css,
        chart,
        [(label.text, css_class(name)) for name, label in labels.items()],
        _last_engagements(activity.last.get(person.owner.id, ()), activity.zone),
    )


def _summary(person: OwnerFigures) -> str:
    parts = [
        plural(person.number("engagements") or 0, "engagement"),
        plural(person.number("calls") or 0, "call"),
        f"{person.number('emails_sent') or 0:,} e-mails sent",
    ]
    return ", ".join(parts)


def _last_engagements(engagements: Sequence[LastEngagement], zone: ZoneInfo) -> Table | None:
    """Return the last engagements of the period, each with a link into HubSpot."""
    rows: list[Sequence[Value]] = []
    for one in engagements:
        at = (EPOCH + one.at_ms * MS).astimezone(zone)
        when = f"{at.day} {MONTHS[at.month - 1][:3]}, {at:%H:%M}"
        title = _shortened(one.title) or one.type
        address = address_of(one)
        rows.append([when, one.type, Link(title, address) if address else title])
    return Table("Last engagements", ["when", "type", "what"], rows) if rows else None


def _shortened(title: str) -> str:
    words = " ".join(title.split())
    return words if len(words) <= MAX_TITLE_LENGTH else f"{words[: MAX_TITLE_LENGTH - 1]}…"
