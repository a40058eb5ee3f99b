"""Changes and teams of a lifelike portal, loaded by the real pipe, equal plain Python."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engagements_report.queries import changes
from engagements_report.queries.measures import Days, Figures, Measure, Measures
from engagements_report.queries.people import Owner, People
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from hubspot_simulator.team import PEOPLE, WHO_CALLS_LESS
from tests.conftest import TestDatabase
from tests.pipeline import Pipeline
from tests.report import plain
from tests.report.conftest import Reports
from tests.report.plain import CONNECTED, is_done, is_held
from tests.report.tables import run

NOW_MS = 1_760_515_200_000  # Wednesday 15 October 2025, 08:00 UTC: no holidays in two months
MONDAY, SUNDAY = date(2025, 10, 6), date(2025, 10, 12)
LONG = ("--from", "2024-06-01", "--to", "2025-06-30")
WEEK = ("--from", str(MONDAY), "--to", str(SUNDAY))
TEAM_OF = {person.owner_id: person.team for person in PEOPLE}
Record = dict[str, Any]


@pytest.fixture
def portal(database: TestDatabase, tmp_path: Path) -> Portal:
    """A team's portal in the database, with a week of fewer calls, most of all of one person."""
    portal = Portal.lifelike(30_000, seed=6, falls=True, clock=lambda: NOW_MS)
    pipeline = Pipeline(tmp_path, database)
    with Simulator(portal) as simulator:
        pipeline.configure(simulator)
        tap, target = pipeline.run()
    assert (tap.code, target.code) == (0, 0), tap.err + target.err
    return portal


def week_of(at_ms: int) -> int:
    """Return how many weeks before the week of the falls a time is, in UTC."""
    day = datetime.fromtimestamp(at_ms / 1000, tz=timezone.utc).date()
    return -((day - MONDAY).days // 7)


def counts(records: list[Record], key: str = "createdAt") -> list[int]:
    """Return the numbers of the week of the falls and of the eight before it."""
    times = (it["metadata"].get(key) or it["engagement"][key] for it in records)
    weeks = Counter(week_of(at_ms) for at_ms in times)
    return [weeks[ago] for ago in range(9)]


def change(numbers: list[int]) -> str:
    """Return the change from the mean of the eight weeks before, as CSV has it."""
    return str(plain.rounded(Decimal(8 * numbers[0]) / sum(numbers[1:]) - 1, 4))


def change_of(records: list[Record]) -> tuple[str, ...]:
    """Return number, number before, mean and change of the week of the falls."""
    numbers = counts(records)
    mean = plain.rounded(Decimal(sum(numbers[1:])) / 8, 1)
    return str(numbers[0]), str(numbers[1]), str(mean), change(numbers)


def team_rows(records: list[Record]) -> list[tuple[str, ...]]:
    """Return the row of each team, the one with most engagements first."""
    of_team = {
        team: [it for it in records if TEAM_OF[it["engagement"]["ownerId"]] == team]
        for team in TEAM_OF.values()
    }
    rows = [team_row(team, its) for team, its in of_team.items()]
    return sorted(rows, key=lambda row: -int(row[2]))


def team_row(name: str, records: list[Record]) -> tuple[str, ...]:
    """Return a team's row, as CSV has it."""
    now = [it for it in records if week_of(it["engagement"]["createdAt"]) == 0]
    calls = [it for it in records if it["engagement"]["type"] == "CALL"]
    calls_now = [it for it in now if it["engagement"]["type"] == "CALL"]
    connected = sum(it["metadata"]["disposition"] == CONNECTED for it in calls_now)
    people = {it["engagement"]["ownerId"] for it in now}
    held = counts([it for it in records if is_held(it)], "startTime")[0]
    done = counts([it for it in records if is_done(it)], "completionDate")[0]
    emails = sum(it["engagement"]["type"] == "EMAIL" for it in now)
    number, before, mean, of_all = change_of(records)
    rate = plain.share(connected, len(calls_now))
    cells = (name, len(people), number, before, mean, of_all, len(calls_now), change(counts(calls)))
    return tuple(map(str, (*cells, rate, emails, held, done)))


def test_what_fell_is_told_first(portal: Portal, reports: Reports, database: TestDatabase) -> None:
    """
    The planted falls, of calls by a third and of one person's by 60 %, are the first of `changes`,
    with the numbers of plain Python; `teams` has those of each team.
    """
    records = portal.records()
    calls = [it for it in records if it["engagement"]["type"] == "CALL"]
    hers = [it for it in calls if it["engagement"]["ownerId"] == WHO_CALLS_LESS.owner_id]
    lines = reports.rows("changes", *WEEK)
    assert len(lines) <= 7
    assert [line[1:] for line in lines[:2]] == [change_of(calls), change_of(hers)]
    assert lines[0][0].startswith("Calls fell by ")
    assert lines[1][0].startswith("Grace Palmer: calls fell by ")
    assert reports.rows("teams", *WEEK) == [*team_rows(records), team_row("(all teams)", records)]
    half_year = reports.rows("teams", "--from", "2025-01-01", "--to", "2025-06-30")
    assert all(Decimal(row[3]) == Decimal(row[4]) > 0 for row in half_year), "the data cover one"
    assert all(row[3:6] == ("",) * 3 for row in reports.rows("teams", *LONG))
    of_team = reports.rows("teams", *WEEK, "--team", "sales emea")
    assert [row[0] for row in of_team] == ["Sales EMEA", "(all teams)"]
    for who in ("grace palmer", "Grace@seller.example", WHO_CALLS_LESS.owner_id):
        assert reports.rows("owners", "--owner", who) == [
            row for row in reports.rows("owners") if row[1] == "Grace Palmer"
        ]
    wrong = run(database, "owners", "--owner", "Grace Pallmer")
    assert (wrong.code, wrong.out) == (2, "")
    hint = "no owner has the name or e-mail 'Grace Pallmer'; did you mean Grace Palmer"
    assert hint in wrong.err


DAYS = Days(MONDAY, SUNDAY)


def weekly(kind: str, owner: int, now: int, *earlier: int) -> list[Measure]:
    """Return measures of the week, and of those before it, the latest first."""
    return [
        Measure(MONDAY - timedelta(days=7 * ago), kind, owner, Figures(engagements=number))
        for ago, number in enumerate((now, *earlier))
    ]


def told(*rows: list[Measure], covered_weeks: int = 8) -> list[str]:
    """Return the sentences on these measures."""
    people = People({70: Owner(70, "Ada Byron"), 71: Owner(71, "", "mei@seller.example")})
    covered_first = MONDAY - timedelta(days=7 * covered_weeks)
    measured = Measures([row for several in rows for row in several], covered_first)
    return [it.sentence(people) for it in changes.what_changed(measured, DAYS)]


def test_small_numbers_and_chance_are_no_news() -> None:
    """
    Numbers below ten, changes below a fifth and usual ups and downs are not told.
    """
    assert told(weekly("CALL", 70, 9, *[1] * 8)) == []
    assert told(weekly("CALL", 70, 850, *[1000] * 8)) == []
    assert told(weekly("CALL", 70, 60, *[100, 50, 140, 80, 60, 150, 40, 100])) == []
    assert told(weekly("CALL", 70, 20, *[26] * 8)) == []


def test_too_little_history_is_no_news() -> None:
    """
    With fewer than three weeks before, nothing is usual, and nothing is told.
    """
    fall = weekly("CALL", 70, 10, *[100] * 8)
    assert told(fall, covered_weeks=2) == []
    assert told(fall, covered_weeks=3) != []


def test_what_all_share_is_told_of_the_type() -> None:
    """
    Where everybody's calls fall, the type is told; a person whose calls fall further, too.
    """
    others = [weekly("CALL", 100 + nth, 20, *[50] * 8) for nth in range(8)]
    shared = weekly("CALL", 70, 20, *[50] * 8)
    assert told(*others, shared) == ["Calls fell by 60 %, to 180 from 450.0"]
    further = weekly("CALL", 71, 1, *[50] * 8)
    assert told(*others, shared, further)[1:] == [
        "mei@seller.example: calls fell by 98 %, to 1 from 50.0"
    ]


def test_a_person_is_told_once() -> None:
    """
    Of a person the type that changed most is told; those without an owner are no person.
    """
    steady = [weekly("NOTE", 100, 500, *[500] * 8), weekly("EMAIL", 100, 500, *[500] * 8)]
    rise = [weekly("NOTE", 70, 90, *[20] * 8), weekly("EMAIL", 70, 60, *[20] * 8)]
    sentences = told(*steady, *rise)
    assert sentences == ["Ada Byron: engagements rose by 275 %, to 150 from 40.0"]
    assert told(*steady, weekly("NOTE", 0, 90, *[20] * 8)) == []
    new = weekly("X", 70, 90, *[0] * 8)
    assert told(*steady, new) == ["X rose to 90 from none", "Ada Byron: X rose to 90 from none"]


def test_at_most_seven_lines() -> None:
    """
    The seven that are farthest from usual are told, the farthest first.
    """
    rows = [weekly(f"T{nth}", 100, 10 * nth, *[200] * 8) for nth in range(9)]
    sentences = told(*rows)
    assert len(sentences) == 7
    assert "engagements" in sentences[0]
    assert sentences[1].startswith("T0 fell by 100 %, to 0 from 200.0")
