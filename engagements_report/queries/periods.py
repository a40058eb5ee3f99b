"""Which days a report shows, and which engagements count. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

from engagements_report.exceptions import UsageError
from engagements_report.queries.calendar import DAY, EPOCH, MS, day_of

UTC = ZoneInfo("UTC")
MAX_DAYS = 10_000  # what the calendar in rolling.sql can count
MAX_WINDOW_DAYS = 100
WINDOW_DAYS = 14
# Days that may be asked for: MySQL's first, and as far ahead as a zone's changes of clocks are few.
FIRST_DAY, LAST_DAY = date(1000, 1, 1), date(2199, 12, 31)


@dataclass(frozen=True)
class Period:
    """Days of a zone, first and last included; None where the data says it."""

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
    def in_words(self) -> str:
        since = f" from {self.first}" if self.first else ""
        until = f" to {self.last}" if self.last else ""
        return f"{since}{until} ({self.zone.key})"


@dataclass(frozen=True)
class ReportFilter:
    """
    What was asked for.

    `time` is the column that says when; no `owners` or `types` means all. `total` counts all types
    as one in the rolling report, whose windows are of `window_days`.
    """

    period: Period
    live: bool = False
    time: str = "createdAt"
    owners: tuple[int, ...] = ()
    types: tuple[str, ...] = ()
    window_days: int = WINDOW_DAYS
    total: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.window_days <= MAX_WINDOW_DAYS:
            raise UsageError(f"--window-days: must be from 1 to {MAX_WINDOW_DAYS}")

    @property
    def in_words(self) -> str:
        """What was asked for: " of owner 70 from 2018-07-01 (UTC)"."""
        owners = f" of owner {', '.join(map(str, self.owners))}" if self.owners else ""
        types = f" of type {', '.join(self.types)}" if self.types else ""
        live = " that are live" if self.live else ""
        return f"{live}{owners}{types}{self.period.in_words}"

    def shown(self, span: Span) -> ReportFilter:
        """Return the same choice of just the days of `span`."""
        return replace(self, period=Period(span.first, span.last, self.period.zone))


@dataclass(frozen=True)
class Covered:
    """The times of the first and the last engagement, in Unix ms."""

    first_ms: int
    last_ms: int


@dataclass(frozen=True)
class Span:
    """The days to show, and the first day that the data covers, which is none of later."""

    first: date
    last: date
    covered_first: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def with_windows(self, window_days: int) -> Span:
        """Return the span with the days before it that its windows look back to."""
        back = max(self.covered_first, self.first - (window_days - 1) * DAY)
        return replace(self, first=back)


def to_span(period: Period, covered: Covered | None, today: date, *, complete: bool) -> Span | None:
    """
    Return the days to show; None where there are no engagements in them, for all that is known.

    What the period leaves open is from the first day with engagements to the last, and not after
    `today`; not even today where days have to be `complete`.
    """
    if covered is None:
        return None
    covered_first, covered_last = (
        day_of(_possible(at_ms), period.zone) for at_ms in (covered.first_ms, covered.last_ms)
    )
    first = period.first or covered_first
    last = period.last or min(covered_last, today - DAY if complete else today)
    return Span(first, last, min(first, covered_first)) if first <= last else None


def _possible(at_ms: int) -> int:
    """Return `at_ms`, or the nearest time that a calendar can show with a day to spare."""
    earliest = datetime.min.replace(tzinfo=timezone.utc) + 2 * DAY
    latest = datetime.max.replace(tzinfo=timezone.utc) - 2 * DAY
    return max((earliest - EPOCH) // MS, min(at_ms, (latest - EPOCH) // MS))
