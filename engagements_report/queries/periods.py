"""The days that a report covers, and the engagements that count. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

from engagements_report.exceptions import UsageError
from engagements_report.queries.calendar import DAY, EPOCH, MS, day_of

UTC = ZoneInfo("UTC")
MAX_DAYS = 10_000  # the size of the calendar in rolling.sql
MAX_WINDOW_DAYS = 100
WINDOW_DAYS = 14
PERIODS = ("last-week", "this-week", "last-month", "this-month", "a number of days such as 90d")
NO_OWNER = 0  # the id of no owner
OBJECTS = ("contact", "company", "deal")
MAX_AGE_S = 86_400  # of the last load; older data are an error of the report quality
# MySQL's first day; a last day up to which a zone has few changes of clocks.
FIRST_DAY, LAST_DAY = date(1000, 1, 1), date(2199, 12, 31)


@dataclass(frozen=True)
class Period:
    """Days of a zone, first and last included; None: as far as the data goes."""

    first: date | None
    last: date | None
    zone: ZoneInfo

    def __post_init__(self) -> None:
        for flag, day in (("--from", self.first), ("--to", self.last)):
            if day and not FIRST_DAY <= day <= LAST_DAY:
                limits = f"must be from {FIRST_DAY} to {LAST_DAY}"
                raise UsageError(f"{flag}: {limits}: leave it out for all days with data")
        if self.first and self.last and self.first > self.last:
            raise UsageError(f"--from {self.first} is after --to {self.last}")

    @property
    def description(self) -> str:
        """For example " from 2018-07-01 (UTC)"."""
        since = f" from {self.first}" if self.first else ""
        until = f" to {self.last}" if self.last else ""
        return f"{since}{until} ({self.zone.key})"


def named_days(name: str, today: date) -> tuple[date, date]:
    """
    Return the first and the last day of a period such as last-week or 90d; see PERIODS.

    Weeks begin on Monday. A period that is not over ends `today`; 90d are the 90 days before today.
    Raises UsageError for another name.
    """
    monday, first_of_month = today - today.weekday() * DAY, today.replace(day=1)
    days = {
        "last-week": (monday - 7 * DAY, monday - DAY),
        "this-week": (monday, today),
        "last-month": ((first_of_month - DAY).replace(day=1), first_of_month - DAY),
        "this-month": (first_of_month, today),
    }
    if name in days:
        return days[name]
    match = re.fullmatch(r"(\d{1,5})d", name)
    if not match or not 1 <= int(match[1]) <= MAX_DAYS:
        raise UsageError(f"--period: {name!r} is not one of {', '.join(PERIODS)}")
    return today - int(match[1]) * DAY, today - DAY


@dataclass(frozen=True)
class Hours:
    """The hours of a working day, Monday to Friday, from `first` to before `last`: 0 to 24."""

    first: int
    last: int


@dataclass(frozen=True)
class ReportFilter:
    """
    The engagements that count.

    With `live`, deleted and inactive engagements do not count; None means the same as far as the
    table has the columns that tell, and lets daily.sql count as it stands. `time` is the column
    whose time counts, createdAt or timestamp. Empty `owners` or `types` mean all; NO_OWNER means
    engagements without an owner. `total` merges all types in the rolling report. A last load longer
    than `max_age_s` ago is a fault. `hours` are those that count in a response, None for all.
    `objects` are the types of objects whose touches count; with `untouched_for`, those without one
    in so many days are shown. Raises UsageError for a `window_days` that is not from 1 to
    MAX_WINDOW_DAYS, and for days beside `untouched_for`.
    """

    period: Period
    live: bool | None = None
    time: str = "createdAt"
    owners: tuple[int, ...] = ()
    types: tuple[str, ...] = ()
    window_days: int = WINDOW_DAYS
    total: bool = False
    max_age_s: int = MAX_AGE_S
    hours: Hours | None = None
    objects: tuple[str, ...] = OBJECTS
    untouched_for: int | None = None

    def __post_init__(self) -> None:
        is_all_days = self.period.first is None and self.period.last is None
        if self.untouched_for is not None and not is_all_days:
            raise UsageError("--untouched-for looks at all days: leave out --period, --from, --to")
        if not 1 <= self.window_days <= MAX_WINDOW_DAYS:
            raise UsageError(f"--window-days: must be from 1 to {MAX_WINDOW_DAYS}")

    @property
    def is_live(self) -> bool:
        """Whether deleted and inactive engagements are left out."""
        return self.live is not False

    @property
    def description(self) -> str:
        """For example " of owner 70 from 2018-07-01 (UTC)"."""
        owners = f" of owner {self.owner_names}" if self.owners else ""
        types = f" of type {', '.join(self.types)}" if self.types else ""
        live = " that are live" if self.live else ""
        return f"{live}{owners}{types}{self.period.description}"

    @property
    def owner_names(self) -> str:
        """The ids of the owners, as for example "70, none"."""
        return ", ".join(str(owner) if owner != NO_OWNER else "none" for owner in self.owners)

    def on_days(self, span: Span) -> ReportFilter:
        """Return the same filter on the days of `span` only."""
        return replace(self, period=Period(span.first, span.last, self.period.zone))


@dataclass(frozen=True)
class CoveredTimes:
    """The times of the first and the last engagement, in Unix ms."""

    first_ms: int
    last_ms: int


@dataclass(frozen=True)
class Span:
    """
    The days to show, and `covered_first`, the first day with data, at the latest `first`.

    `data_first` is the first day with data, also if it is after `first`.
    `partial_day` is the current day if it is one of them: it is not over, and has part of its data.
    """

    first: date
    last: date
    covered_first: date
    partial_day: date | None = None
    data_first: date | None = None

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def complete_days(self) -> int:
        """The number of days that are over."""
        return self.days - (self.partial_day is not None)

    @property
    def notes(self) -> list[str]:
        """A note on the current day, none if that is not shown."""
        return [f"{self.partial_day} is not over: its numbers are partial"] * bool(self.partial_day)

    def with_windows(self, window_days: int) -> Span:
        """Return the span extended back to the first day of the first window."""
        back = max(self.covered_first, self.first - (window_days - 1) * DAY)
        return replace(self, first=back)


def to_span(
    period: Period, covered: CoveredTimes | None, today: date, *, averages: bool
) -> Span | None:
    """
    Return the days to show; None if the period cannot have engagements.

    An open end of the period is the first or last day with engagements, at the latest `today`.
    With `averages`, the last day is `today` at the latest, since an average over days to come would
    take them for days without engagements; an open end is the day before.
    """
    if covered is None:
        return None
    covered_first, covered_last = (
        day_of(_within_calendar(at_ms), period.zone)
        for at_ms in (covered.first_ms, covered.last_ms)
    )
    first = period.first or covered_first
    last = period.last or min(covered_last, today - DAY if averages else today)
    last = min(last, today) if averages else last
    partial_day = today if first <= today <= last else None
    if first > last:
        return None
    return Span(first, last, min(first, covered_first), partial_day, covered_first)


def _within_calendar(at_ms: int) -> int:
    """Return `at_ms`, or the nearest time that Python's calendar holds with a day to spare."""
    earliest = datetime.min.replace(tzinfo=timezone.utc) + 2 * DAY
    latest = datetime.max.replace(tzinfo=timezone.utc) - 2 * DAY
    return max((earliest - EPOCH) // MS, min(at_ms, (latest - EPOCH) // MS))
