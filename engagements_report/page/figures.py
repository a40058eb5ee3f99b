"""The six figures at the top of the page, compared with the periods before. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from engagements_report.page.charts.sparkline import sparkline
from engagements_report.page.document import Change, KeyFigure
from engagements_report.page.formatting import change
from engagements_report.page.period import PageDays, before_words, mean_words
from engagements_report.queries.measures import Comparison, Days, Figures, compare, on_days

NAMES = {
    "engagements": "Engagements",
    "calls": "Calls",
    "connected": "Calls connected",
    "emails_sent": "E-mails sent",
    "meetings_held": "Meetings held",
    "tasks_done": "Tasks done",
}
SAME_BELOW = Fraction(1, 200)  # a change that rounds to 0 %
MIN_NUMBER = 10  # smaller ones are no news
NOTABLE_SHARE = Fraction(1, 20)
NOTABLE_DEVIATIONS = 2  # of a number that varies by chance, whose variance is about itself


def key_figures(by_day: Mapping[date, Figures], page_days: PageDays) -> list[KeyFigure]:
    """Return the six figures of the days that are over."""
    comparisons = compare(by_day, page_days.over, page_days.covered_first)
    weeks = {week: on_days(by_day, week) for week in covered_weeks(page_days)}
    figures = []
    for name, title in NAMES.items():
        numbers = [getattr(figures, name) for figures in weeks.values()]
        figures.append(_to_figure(title, comparisons[name], numbers, page_days))
    return figures


def covered_weeks(page_days: PageDays) -> list[Days]:
    """Return the weeks of the small lines that the data covers, at least the last one."""
    weeks = page_days.weeks
    return [week for week in weeks if week.first >= page_days.covered_first] or weeks[-1:]


def _to_figure(
    title: str, comparison: Comparison, weeks: list[int | None], page_days: PageDays
) -> KeyFigure:
    if comparison.now is None:
        return KeyFigure(title, "–", notes=["not loaded"])
    notes = []
    if page_days.is_comparable and comparison.before is not None:
        notes.append(f"{comparison.before:,} {before_words(page_days.over)}")
    if page_days.is_comparable and comparison.mean is not None:
        number = len(comparison.earlier)
        notes.append(f"{whole(comparison.mean):,} {mean_words(page_days.over, number)}")
    numbers = [number or 0 for number in weeks]
    return KeyFigure(
        title,
        f"{comparison.now:,}",
        to_change(comparison.now, comparison.before) if page_days.is_comparable else None,
        notes,
        sparkline(numbers, weeks_title(numbers)),
    )


def whole(mean: Fraction) -> int:
    """Return a mean as a whole number, half up."""
    return int(mean + Fraction(1, 2))


def weeks_title(numbers: list[int]) -> str:
    """Return the numbers of the weeks as text."""
    if len(numbers) == 1:
        return f"1 week: {numbers[0]:,}"
    return f"{len(numbers)} weeks: {', '.join(f'{number:,}' for number in numbers)}"


def to_change(now: int, before: int | Fraction | None) -> Change | None:
    """Return the change from `before`; None where there is nothing to compare with."""
    if not before:
        return None
    share = Fraction(now) / before - 1
    is_same = abs(share) < SAME_BELOW
    direction = "same" if is_same else "up" if share > 0 else "down"
    return Change(change(now, float(before)), direction, is_notable(now, before))


def is_notable(now: int, before: int | Fraction) -> bool:
    """Whether a change is more than chance: of 10 or more, beyond 5 % and two deviations."""
    larger = max(Fraction(now), Fraction(before))
    difference = abs(now - Fraction(before))
    is_large = larger >= MIN_NUMBER and difference >= NOTABLE_SHARE * before
    return is_large and difference**2 >= NOTABLE_DEVIATIONS**2 * larger
