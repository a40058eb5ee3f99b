"""
The six figures of a day, and the comparison of a period with those before it.

`read_measures` scans the engagements once, and gets a row for each day, type and owner. Page and
reports add these rows up; nothing else is asked of the table for a figure of any type, person, team
or period. sql/measures.sql has the definitions:

- engagements: all types, each of the day of `--time`;
- calls, emails_sent: those of type CALL and EMAIL;
- connected: calls whose disposition is Connected;
- meetings_held: meetings with the outcome COMPLETED, of the day on which they start;
- tasks_done: tasks with the status COMPLETED, of the day on which they were completed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, NamedTuple, TypeVar

from engagements_report.queries.calendar import DAY
from engagements_report.queries.database import Database
from engagements_report.queries.periods import Period, ReportFilter
from engagements_report.queries.reports import run_report

PERIODS_BEFORE = 8
_plus: Callable[[Any, Any], Any] = operator.add
WEEK_DAYS = 7
Key = TypeVar("Key", bound=Hashable)


class Figures(NamedTuple):
    """Counts of some days; `call_ms` in ms. None where the table that tells is not loaded."""

    engagements: int = 0
    calls: int = 0
    connected: int | None = 0
    emails_sent: int = 0
    meetings_held: int | None = 0
    tasks_done: int | None = 0
    call_ms: int | None = 0


NO_FIGURES = Figures()


class Measure(NamedTuple):
    """What an owner did of a type on a day; `owner` is 0 for engagements without an owner."""

    day: date
    type: str
    owner: int
    figures: Figures


class Measures(NamedTuple):
    """
    All rows of the days read, and notes on tables that are missing.

    `covered_first` is the first day with data, None without any: earlier days are unknown, not 0.
    """

    rows: Sequence[Measure]
    covered_first: date | None
    notes: tuple[str, ...] = ()


class Days(NamedTuple):
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def number(self) -> int:
        return (self.last - self.first).days + 1

    def back(self, days: int) -> Days:
        """Return the same number of days, `days` days earlier."""
        return Days(self.first - days * DAY, self.last - days * DAY)

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last


class Comparison(NamedTuple):
    """
    A figure of a period, of the period before it, and of up to eight before it, the latest first.

    `now` is None where the figure is unknown. `earlier` has only periods that the data covers.
    """

    now: int | None
    earlier: tuple[int, ...]

    @property
    def before(self) -> int | None:
        """The figure of the period before; None without data."""
        return self.earlier[0] if self.earlier else None

    @property
    def mean(self) -> Fraction | None:
        """The mean of the earlier periods, None without any."""
        return Fraction(sum(self.earlier), len(self.earlier)) if self.earlier else None

    @property
    def change(self) -> Fraction | None:
        """The change from the period before as a share of it: -1/3 is a fall by a third."""
        return _change(self.now, self.before)

    @property
    def change_from_mean(self) -> Fraction | None:
        """The change from the mean of the earlier periods as a share of it."""
        return _change(self.now, self.mean)


def read_measures(database: Database, report_filter: ReportFilter, days: Days) -> Measures:
    """
    Return the figures of `days` by day, type and owner; raises DatabaseError.

    The owners, types, zone, time and rows of the filter count, its period does not.
    """
    zone = report_filter.period.zone
    on_days = replace(report_filter, period=Period(days.first, days.last, zone))
    result = run_report(database, "measures", on_days)
    covered_first = result.span.data_first if result.span else None
    return Measures([_to_measure(row) for row in result.rows.rows], covered_first, result.notes)


def _to_measure(row: Sequence[object]) -> Measure:
    day, name, owner, number, connected, call_ms, held, done = row
    kind = str(name)
    calls = number if kind == "CALL" else 0
    emails_sent = number if kind == "EMAIL" else 0
    figures = Figures._make((number, calls, connected, emails_sent, held, done, call_ms))
    assert isinstance(day, date), "the column is a date"
    assert isinstance(owner, int), "the column is a whole number"
    return Measure(day, kind, owner, figures)


def add(one: Figures, other: Figures) -> Figures:
    """Return the sums; None where either is unknown."""
    try:
        return Figures._make(map(_plus, one, other))
    except TypeError:  # a figure is unknown, which is rare, and slower
        return Figures._make(
            None if left is None or right is None else left + right
            for left, right in zip(one, other, strict=True)
        )


def total(figures: Iterable[Figures]) -> Figures:
    """Return the sum of all figures."""
    sums = NO_FIGURES
    for one in figures:
        sums = add(sums, one)
    return sums


def by_day(
    rows: Iterable[Measure], key: Callable[[Measure], Key]
) -> dict[Key, dict[date, Figures]]:
    """Return each day's figures by key, such as a type, an owner or a team; one pass."""
    days_by_key: dict[Key, dict[date, Figures]] = {}
    for row in rows:
        days = days_by_key.setdefault(key(row), {})
        figures = days.get(row.day)
        days[row.day] = add(figures, row.figures) if figures else row.figures
    return days_by_key


def on_days(figures: Mapping[date, Figures], days: Days) -> Figures:
    """Return the sum of the figures on `days`."""
    return total(one for day, one in figures.items() if day in days)


def over_days(days: Days, today: date) -> Days | None:
    """Return those of `days` that are over, which can be compared; None if none is."""
    last = min(days.last, today - DAY)
    return Days(days.first, last) if days.first <= last else None


def days_before(days: Days, number: int = PERIODS_BEFORE) -> list[Days]:
    """
    Return the periods before, of as many days each, the latest first.

    A period of less than a week is compared with the same weekdays of the weeks before.
    """
    step = max(days.number, WEEK_DAYS)
    return [days.back(nth * step) for nth in range(1, number + 1)]


def days_to_read(days: Days, number: int = PERIODS_BEFORE) -> Days:
    """Return the days that a comparison of `days` with the periods before needs."""
    return Days(days_before(days, number)[-1].first, days.last)


def covered_before(days: Days, covered_first: date | None) -> list[Days]:
    """Return the periods before, the latest first, that do not begin before `covered_first`."""
    return [it for it in days_before(days) if covered_first and it.first >= covered_first]


def compare(
    figures: Mapping[date, Figures], days: Days, covered_first: date | None
) -> dict[str, Comparison]:
    """
    Return the comparison of each figure, by its name in Figures, on `days` with the eight before.

    Periods that begin before `covered_first` do not count.
    """
    now = on_days(figures, days)
    earlier = [on_days(figures, it) for it in covered_before(days, covered_first)]
    return {
        name: Comparison(
            getattr(now, name),
            tuple(it for it in (getattr(one, name) for one in earlier) if it is not None),
        )
        for name in Figures._fields
    }


def rounded(number: Fraction | None, digits: int) -> Decimal | None:
    """Return a number with so many decimals, half up; None for None."""
    if number is None:
        return None
    exact = Decimal(number.numerator) / Decimal(number.denominator)
    return exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def compare_counts(
    counts: Mapping[date, int], days: Days, covered_first: date | None
) -> Comparison:
    """Return the comparison of numbers by day as `compare` does."""

    def on(period: Days) -> int:
        return sum(number for day, number in counts.items() if day in period)

    return Comparison(on(days), tuple(on(it) for it in covered_before(days, covered_first)))


def _change(now: int | None, before: int | Fraction | None) -> Fraction | None:
    return Fraction(now) / Fraction(before) - 1 if now is not None and before else None
