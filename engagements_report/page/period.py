"""The days of the page: those that it is about, those of its charts, and their names. Pure."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from engagements_report.page.formatting import MONTHS, format_days
from engagements_report.queries.calendar import DAY
from engagements_report.queries.measures import WEEK_DAYS, Days, days_to_read, over_days

CHART_DAYS = 91  # at least; the last of them is the last of the period
SPARKLINE_WEEKS = 13


class PageDays(NamedTuple):
    """
    The days of a page: `days` is the period, `today` the current day of the zone.

    `covered_first` and `covered_last` are the first and the last day with data.
    """

    days: Days
    today: date
    covered_first: date
    covered_last: date

    @property
    def over(self) -> Days:
        """The days of the period that are over, which the figures are about; else the period."""
        return over_days(self.days, self.today) or self.days

    @property
    def partial_day(self) -> date | None:
        """The current day, if it is one of the period: it has part of its data."""
        return self.today if self.today in self.days else None

    @property
    def is_comparable(self) -> bool:
        """Whether any day of the period is over, so that it can be compared."""
        return over_days(self.days, self.today) is not None

    @property
    def chart(self) -> Days:
        """The days of the charts: the period and the days before it, none before the data."""
        first = min(self.days.first, self.days.last - (CHART_DAYS - 1) * DAY)
        return Days(min(self.days.first, max(first, self.covered_first)), self.days.last)

    @property
    def shaded(self) -> Days | None:
        """The period, if the charts show other days, too."""
        return self.days if self.chart != self.days else None

    @property
    def weeks(self) -> list[Days]:
        """The thirteen spans of seven days, the latest last, that end with the last day over."""
        last = self.over.last
        spans = [Days(last - (WEEK_DAYS - 1) * DAY, last).back(WEEK_DAYS * n) for n in range(13)]
        return spans[::-1]

    def to_read(self, window_days: int) -> Days:
        """Return the days whose figures charts, comparisons and lines of weeks need."""
        charts = self.chart.first - (window_days - 1) * DAY
        return Days(min(charts, days_to_read(self.over).first, self.weeks[0].first), self.days.last)


def period_title(days: Days) -> str:
    """Return for example Week 47, 16 to 22 November 2026, or November 2026, or the days."""
    first, last = days
    if days.number == WEEK_DAYS and first.weekday() == 0:
        return f"Week {first.isocalendar().week}, {format_days(days)}"
    if first.day == 1 and last == first.replace(day=monthrange(first.year, first.month)[1]):
        return f"{MONTHS[first.month - 1]} {first.year}"
    return format_days(days)


def before_words(days: Days) -> str:
    """Return the words for the period before, with which `days` are compared."""
    if days.number == WEEK_DAYS:
        return "the week before"
    if days.number < WEEK_DAYS:
        return "a week before"
    return f"the {days.number} days before"


def mean_words(days: Days, number: int) -> str:
    """Return the words for the mean of the periods before, of which there are `number`."""
    if days.number <= WEEK_DAYS:
        return f"mean of {number} {'week' if number == 1 else 'weeks'}"
    return f"mean of {number} {'period' if number == 1 else 'periods'}"


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment at which a day is over in `zone`, in UTC."""
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=zone)
    return midnight.astimezone(timezone.utc)
