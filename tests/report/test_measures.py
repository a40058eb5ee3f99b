"""The figures of a period, and their comparison with the periods before."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from engagements_report.queries import measures
from engagements_report.queries.measures import Comparison, Days, Figures, Measure

MONDAY = date(2026, 3, 2)
WEEK = Days(MONDAY, MONDAY + timedelta(days=6))


def calls(day: date, number: int, owner: int = 70) -> Measure:
    return Measure(day, "CALL", owner, Figures(engagements=number, calls=number))


def test_a_period_is_compared_with_as_many_days_before() -> None:
    """
    A week is compared with the eight weeks before it, the latest first, a month of 31 days with 31.
    """
    before = measures.days_before(WEEK)
    assert before[0] == Days(date(2026, 2, 23), date(2026, 3, 1))
    assert before[-1] == Days(date(2026, 1, 5), date(2026, 1, 11))
    assert len(before) == 8
    assert measures.days_to_read(WEEK) == Days(date(2026, 1, 5), WEEK.last)
    march = Days(date(2026, 3, 1), date(2026, 3, 31))
    assert measures.days_before(march)[0] == Days(date(2026, 1, 29), date(2026, 2, 28))


def test_part_of_a_week_is_compared_with_the_same_weekdays() -> None:
    """
    Monday to Wednesday is compared with Monday to Wednesday, not with the weekend before.
    """
    part = measures.over_days(WEEK, today=date(2026, 3, 5))
    assert part == Days(MONDAY, date(2026, 3, 4))
    assert measures.days_before(part)[0] == Days(date(2026, 2, 23), date(2026, 2, 25))
    assert measures.over_days(WEEK, today=MONDAY) is None
    assert measures.over_days(WEEK, today=date(2026, 3, 30)) == WEEK


def test_comparisons() -> None:
    """
    A figure is compared with the period before and the mean of those that the data covers.
    """
    rows = [calls(MONDAY, 6), calls(WEEK.last, 4)]
    rows += [calls(MONDAY - timedelta(days=7 * nth), 15) for nth in range(1, 9)]
    rows += [calls(MONDAY - timedelta(days=4), 1)]
    ((_, figures),) = measures.by_day(rows, lambda row: row.type).items()
    long_ago = date(2020, 1, 1)
    compared = measures.compare(figures, WEEK, long_ago)["calls"]
    assert compared == Comparison(10, (16, 15, 15, 15, 15, 15, 15, 15))
    assert (compared.before, compared.mean) == (16, Fraction(121, 8))
    assert compared.change == Fraction(-3, 8)
    assert compared.change_from_mean == Fraction(80, 121) - 1
    two_weeks = measures.compare(figures, WEEK, MONDAY - timedelta(days=20))["calls"]
    assert two_weeks.earlier == (16, 15)
    first = measures.compare(figures, WEEK, MONDAY)["calls"]
    assert (first.before, first.mean, first.change, first.change_from_mean) == (None,) * 4
    assert measures.compare({}, WEEK, None)["calls"] == Comparison(0, ())


def test_unknown_figures_stay_unknown() -> None:
    """
    Where a table is missing, its figures are None, and so are their sums; the others are counted.
    """
    unknown = Figures(engagements=2, meetings_held=None)
    rows = [Measure(MONDAY, "MEETING", 0, unknown), calls(MONDAY, 1, owner=0)]
    sums = measures.by_day(rows, lambda row: row.owner)[0]
    assert sums[MONDAY] == Figures(engagements=3, calls=1, meetings_held=None)
    compared = measures.compare(sums, WEEK, MONDAY - timedelta(days=70))
    assert compared["meetings_held"].now is None
    assert compared["meetings_held"].change is None
    assert compared["engagements"].now == 3
