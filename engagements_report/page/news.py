"""What changed most, in lines of an arrow, whose figure, and its numbers. Pure."""

from __future__ import annotations

from fractions import Fraction

from engagements_report.page.document import Change, ChangeLine
from engagements_report.page.figures import whole
from engagements_report.page.formatting import change
from engagements_report.page.period import PageDays, mean_words
from engagements_report.queries import changes
from engagements_report.queries.measures import Measures, covered_before
from engagements_report.queries.people import People


def change_lines(
    measures: Measures, page_days: PageDays, people: People
) -> tuple[list[ChangeLine], str]:
    """Return the lines of what changed most, and a sentence on what they are compared with."""
    if not page_days.is_comparable:
        return [], "None of these days is over: there is nothing to compare yet."
    covered = len(covered_before(page_days.over, measures.covered_first))
    if covered < changes.MIN_PERIODS:
        periods = "period" if covered == 1 else "periods"
        return [], (
            f"The data covers {covered} {periods} before these days: at least"
            f" {changes.MIN_PERIODS} are needed to tell what is usual."
        )
    news = changes.what_changed(measures, page_days.over)
    if not news:
        return [], "Nothing changed more than chance explains."
    note = f"Compared with the {mean_words(page_days.over, covered)} before; chance is left out."
    return [_to_line(it, people) for it in news], note


def _to_line(news: changes.Change, people: People) -> ChangeLine:
    now, mean = news.comparison.now or 0, news.comparison.mean or Fraction(0)
    direction = "up" if now > mean else "down"
    shown = Change(change(now, float(mean)) if mean else "new", direction)
    numbers = f"{now:,} against {whole(mean):,}"
    if news.owner is None:
        return ChangeLine(shown, f"{news.what[0].upper()}{news.what[1:]}", f": {numbers}")
    return ChangeLine(shown, people.name(news.owner), f", {news.what}: {numbers}")
