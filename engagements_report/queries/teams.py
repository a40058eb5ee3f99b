"""Each team's figures of a period, and their change from the periods before. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from engagements_report.queries import measures
from engagements_report.queries.measures import Days, Figures, Measures, rounded
from engagements_report.queries.people import NO_OWNER_NAME, People
from engagements_report.queries.periods import NO_OWNER

COLUMNS = tuple(
    "team people num_engagements before mean_8 change calls calls_change connect_rate emails_sent"
    " meetings_held tasks_done".split()
)
ALL_TEAMS = "(all teams)"


def team_of(people: People, owner_id: int) -> str:
    """Return the name of an owner's primary team; NO_OWNER_NAME for no owner."""
    return NO_OWNER_NAME if owner_id == NO_OWNER else people.team(owner_id)


def to_rows(rows: Measures, days: Days, people: People) -> list[list[object]]:
    """
    Return a row for each team, the one with most engagements first, and a last one for all.

    A person's work is that of the primary team of today. `before` and `mean_8` are engagements of
    the period before and the mean of the eight before; changes are from the mean, as shares.
    """
    by_team = measures.by_day(rows.rows, lambda row: team_of(people, row.owner))
    active: dict[str, set[int]] = {name: set() for name in by_team}
    for row in rows.rows:
        if row.day in days and row.owner != NO_OWNER:
            active[team_of(people, row.owner)].add(row.owner)
    table = [_row(name, active[name], by_team[name], days, rows) for name in by_team]
    table.sort(key=lambda row: (-_number(row[2]), str(row[0])))
    everybody = measures.by_day(rows.rows, lambda _: ALL_TEAMS).get(ALL_TEAMS)
    if everybody:
        of_all = set[int]().union(*active.values())
        table.append(_row(ALL_TEAMS, of_all, everybody, days, rows))
    return table


def _row(
    name: str, people: set[int], figures: Mapping[date, Figures], days: Days, rows: Measures
) -> list[object]:
    compared = measures.compare(figures, days, rows.covered_first)
    now = measures.on_days(figures, days)
    of_all = compared["engagements"]
    rate = Fraction(now.connected, now.calls) if now.calls and now.connected is not None else None
    return [
        *(name, len(people), of_all.now, of_all.before, rounded(of_all.mean, 1)),
        rounded(of_all.change_from_mean, 4),
        *(now.calls, rounded(compared["calls"].change_from_mean, 4), rounded(rate, 4)),
        *(now.emails_sent, now.meetings_held, now.tasks_done),
    ]


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
