"""
What changed most against the periods before, of types and of people. Pure.

A change counts by its distance from what is usual, in usual spreads. That is the spread of the
earlier periods, at least the square root of the number, as chance alone would have it: 6 calls
rather than 4 are chance, 500 rather than 400 are not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from engagements_report.queries import measures
from engagements_report.queries.measures import Comparison, Days, Measures
from engagements_report.queries.people import People
from engagements_report.queries.periods import NO_OWNER

COLUMNS = ("what", "now", "before", "mean_8", "change")
MOST_CHANGES = 7
MIN_NUMBER = 10  # in the period or on average: smaller numbers are no news
MIN_CHANGE = Fraction(1, 5)
# In usual spreads. Each person has several types, so that chance would fill a list of people first.
MIN_SCORE, MIN_SCORE_OF_PERSON = 2.5, 3.0
MIN_SCORE_AGAINST_OTHERS = 1.5
MIN_PERIODS = 3  # before, without which nothing is usual
TYPE_NAMES = {
    "": "engagements without a type",
    "CALL": "calls",
    "EMAIL": "e-mails sent",
    "INCOMING_EMAIL": "incoming e-mails",
    "FORWARDED_EMAIL": "forwarded e-mails",
    "MEETING": "meetings",
    "NOTE": "notes",
    "TASK": "tasks",
}
ALL_TYPES = "engagements"


class Change(NamedTuple):
    """
    A number of engagements that is not as usual.

    `what` is a type in words, or ALL_TYPES; `owner` is None for everybody. `score` is the distance
    from the mean in usual spreads, above 0.
    """

    what: str
    owner: int | None
    comparison: Comparison
    score: float

    def sentence(self, people: People) -> str:
        """Return for example `Calls fell by 33 %, to 412 from 618.2`."""
        now, mean = self.comparison.now or 0, self.comparison.mean or Fraction(0)
        whose = f"{people.name(self.owner)}: " if self.owner is not None else ""
        what = self.what if whose else self.what[0].upper() + self.what[1:]
        share = self.comparison.change_from_mean
        if share is None:
            return f"{whose}{what} rose to {now:,} from none"
        verb = "fell" if share < 0 else "rose"
        percentage = round(abs(share) * 100)
        from_mean = measures.rounded(mean, 1)
        return f"{whose}{what} {verb} by {percentage:,} %, to {now:,} from {from_mean:,}"


def what_changed(rows: Measures, days: Days) -> list[Change]:
    """
    Return the changes on `days` against the eight periods before, the farthest from usual first.

    At most MOST_CHANGES, one for each type and one for each person: the type of their work that
    changed most. What a person shares with everybody else is no news of that person.
    """
    by_type = _compare(rows, days, owners=False)
    by_person = _compare(rows, days, owners=True)
    changes = [
        Change(what, None, comparison, abs(_score(comparison)))
        for (what, _), comparison in by_type.items()
        if what != ALL_TYPES
    ]
    changes += _of_people(by_type, by_person)
    news = [it for it in changes if it.score >= _min_score(it) and _is_large(it.comparison)]
    news.sort(key=lambda it: (-it.score, it.what, it.owner or 0))
    return news[:MOST_CHANGES]


def _of_people(
    by_type: Mapping[tuple[str, int], Comparison], by_person: Mapping[tuple[str, int], Comparison]
) -> list[Change]:
    """Return the largest change of each person."""
    best: dict[int, Change] = {}
    for (what, owner), comparison in by_person.items():
        score = _score_of_person(comparison, by_type[what, NO_OWNER])
        is_news = owner != NO_OWNER and _is_large(comparison)
        if is_news and (owner not in best or best[owner].score < score):
            best[owner] = Change(what, owner, comparison, score)
    return [*best.values()]


def _compare(rows: Measures, days: Days, *, owners: bool) -> dict[tuple[str, int], Comparison]:
    """Return the comparison of each type, and of all, by owner, or with NO_OWNER for everybody."""
    counts: dict[tuple[str, int], dict[date, int]] = {}
    for row in rows.rows:
        owner, number = row.owner if owners else NO_OWNER, row.figures.engagements
        for what in (TYPE_NAMES.get(row.type, row.type), ALL_TYPES):
            by_day = counts.setdefault((what, owner), {})
            by_day[row.day] = by_day.get(row.day, 0) + number
    return {
        key: measures.compare_counts(by_day, days, rows.covered_first)
        for key, by_day in counts.items()
    }


def _score(comparison: Comparison, expected: float | None = None) -> float:
    """Return the distance from the mean, or from `expected`, in usual spreads; below 0 for less."""
    if len(comparison.earlier) < MIN_PERIODS or comparison.now is None:
        return 0.0
    mean = float(comparison.mean or 0) if expected is None else expected
    usual = sum(comparison.earlier) / len(comparison.earlier)
    squares = sum((number - usual) ** 2 for number in comparison.earlier)
    variance = squares / (len(comparison.earlier) - 1)
    return (comparison.now - mean) / math.sqrt(max(mean, comparison.now, variance, 1.0))


def _score_of_person(own: Comparison, everybody: Comparison) -> float:
    """
    Return the distance of a person's number from the person's mean, in usual spreads.

    It is 0 if the others' change explains the person's: if the number is less than
    MIN_SCORE_AGAINST_OTHERS beyond the mean changed by as large a share as that of the others.
    """
    others_now = (everybody.now or 0) - (own.now or 0)
    others_mean = float((everybody.mean or 0) - (own.mean or 0))
    plain = _score(own)
    if others_mean < MIN_NUMBER:
        return abs(plain)
    relative = _score(own, float(own.mean or 0) * others_now / others_mean)
    is_own = plain * relative > 0 and abs(relative) >= MIN_SCORE_AGAINST_OTHERS
    return abs(plain) if is_own else 0.0


def _min_score(change: Change) -> float:
    return MIN_SCORE if change.owner is None else MIN_SCORE_OF_PERSON


def _is_large(comparison: Comparison) -> bool:
    """Whether the numbers and the change between them are large enough to be told."""
    now, mean = comparison.now or 0, comparison.mean or Fraction(0)
    return max(Fraction(now), mean) >= MIN_NUMBER and abs(now - mean) >= MIN_CHANGE * mean


def rows_of(changes: Sequence[Change], people: People) -> list[list[object]]:
    """Return a row for each change: sentence, number, that of the period before, mean, change."""
    return [
        [
            it.sentence(people),
            it.comparison.now,
            it.comparison.before,
            measures.rounded(it.comparison.mean, 1),
            measures.rounded(it.comparison.change_from_mean, 4),
        ]
        for it in changes
    ]
