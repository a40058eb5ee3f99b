"""A sales team at work: what its reports should show."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from statistics import mean, median
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hubspot_simulator.lifelike import DIP_DAYS
from hubspot_simulator.portal import Portal
from hubspot_simulator.team import PEOPLE, TEAM_IDS
from tests.simulator.conftest import NOW_MS, Clock, Serve
from tests.simulator.object_requests import objects_path

ZONES = {person.owner_id: ZoneInfo(person.zone) for person in PEOPLE}
TODAY = datetime.fromtimestamp(NOW_MS / 1000, tz=timezone.utc).date()
DAY_MS = 86_400_000
Record = dict[str, Any]


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return Portal.lifelike(12_000, seed=7, clock=Clock()).records()


def local(record: Record) -> datetime:
    """Return when a record was made, by its owner's clock."""
    inner = record["engagement"]
    return datetime.fromtimestamp(inner["createdAt"] / 1000, tz=ZONES[inner["ownerId"]])


def of(records: list[Record], *kinds: str) -> list[Record]:
    return [record for record in records if record["engagement"]["type"] in kinds]


def test_a_seed_gives_the_same_portal_each_time() -> None:
    """Same seed, size and clock: same records; another seed: others."""
    first, second, other = (
        Portal.lifelike(300, seed=seed, clock=Clock()).records() for seed in (7, 7, 8)
    )
    assert first == second != other
    assert len(first) == 300


@pytest.mark.parametrize("count", [0, 1, 20])
def test_any_size_is_made(count: int) -> None:
    """A portal has as many records as asked for."""
    assert len(Portal.lifelike(count, clock=Clock())) == count


def test_ids_and_dates_rise_to_now(records: list[Record]) -> None:
    """No record is made or changed in the future."""
    inners = [record["engagement"] for record in records]
    assert all(a["id"] < b["id"] and a["createdAt"] <= b["createdAt"] for a, b in pairwise(inners))
    assert all(inner["createdAt"] <= inner["lastUpdated"] <= NOW_MS for inner in inners)
    assert NOW_MS - inners[-1]["createdAt"] < DAY_MS * 4


def test_people_work_in_their_office_hours(records: list[Record]) -> None:
    """By the owners' clocks work is done between 7 and 20, on weekdays, less at noon."""
    ours = [local(record) for record in records if record["engagement"]["type"] != "INCOMING_EMAIL"]
    hours = Counter(moment.hour for moment in ours)
    weekdays = Counter(moment.weekday() for moment in ours)
    assert sum(hours[hour] for hour in range(7, 21)) > 0.99 * len(ours)
    assert hours[12] < 0.7 * hours[11]
    assert weekdays[5] + weekdays[6] < 0.05 * len(ours)
    utc = Counter(moment.astimezone(timezone.utc).hour for moment in ours)
    assert sum(utc[hour] for hour in range(7, 21)) < 0.95 * len(ours)


def test_work_grows_but_for_a_dip(records: list[Record]) -> None:
    """The last months have more than the first; the dip has half of its neighbours."""
    days = Counter(local(record).date() for record in records)

    def a_day(first_ago: int, last_ago: int) -> float:
        return mean(days[TODAY - timedelta(days=ago)] for ago in range(first_ago, last_ago))

    assert a_day(1, 120) > 1.2 * a_day(420, 540)
    assert a_day(*DIP_DAYS) < 0.65 * a_day(DIP_DAYS[1] + 2, DIP_DAYS[1] + 40)


def test_emails_are_replied_to(records: list[Record]) -> None:
    """A thread goes to and fro between one person and one contact; replies take hours."""
    threads: dict[str, list[Record]] = {}
    for record in of(records, "EMAIL", "INCOMING_EMAIL"):
        threads.setdefault(record["metadata"]["threadId"], []).append(record)
    pairs = [pair for thread in threads.values() for pair in pairwise(thread)]
    waits_ms = [b["engagement"]["createdAt"] - a["engagement"]["createdAt"] for a, b in pairs]
    assert len(pairs) > 0.2 * len(of(records, "EMAIL"))
    assert all(a["engagement"]["type"] != b["engagement"]["type"] for a, b in pairs)
    assert all(a["associations"] == b["associations"] for a, b in pairs)
    assert all(a["metadata"]["from"] == b["metadata"]["to"][0] for a, b in pairs)
    assert DAY_MS / 24 < median(waits_ms) < DAY_MS


def test_tasks_are_done_overdue_or_due(records: list[Record]) -> None:
    """Most tasks are done, some late; of the others some are overdue and some are to come."""
    tasks = of(records, "TASK")
    done = [task for task in tasks if task["metadata"]["status"] == "COMPLETED"]
    late = [
        task
        for task in done
        if task["metadata"]["completionDate"] > task["engagement"]["timestamp"]
    ]
    open_tasks = [task for task in tasks if task["metadata"]["status"] == "NOT_STARTED"]
    overdue = [task for task in open_tasks if task["engagement"]["timestamp"] < NOW_MS]
    assert 0.6 < len(done) / len(tasks) < 0.8
    assert 0.05 < len(late) / len(done) < 0.4
    assert len(done) + len(open_tasks) == len(tasks)
    assert 0 < len(overdue) < len(open_tasks)
    assert all(task["metadata"]["completionDate"] <= NOW_MS for task in done)


def test_meetings_are_held_in_the_days_after_they_are_agreed_on(records: list[Record]) -> None:
    """A meeting starts within two weeks or so, and has an outcome only when it is over."""
    meetings = of(records, "MEETING")
    for meeting in meetings:
        inner, start_ms = meeting["engagement"], meeting["metadata"]["startTime"]
        assert inner["timestamp"] == start_ms
        assert 0 < start_ms - inner["createdAt"] < 20 * DAY_MS
        assert start_ms <= NOW_MS or meeting["metadata"]["meetingOutcome"] == "SCHEDULED"
    outcomes = Counter(meeting["metadata"]["meetingOutcome"] for meeting in meetings)
    assert 0.55 < outcomes["COMPLETED"] / len(meetings) < 0.85


def test_contacts_have_several_engagements(records: list[Record]) -> None:
    """Every engagement has a contact and a company; a few contacts take much of the work."""
    contacts = Counter(record["associations"]["contactIds"][0] for record in records)
    assert 5 < mean(contacts.values()) < 15
    tenth = sorted(contacts.values(), reverse=True)[: len(contacts) // 10]
    assert sum(tenth) > 0.2 * len(records)
    assert all(record["associations"]["companyIds"] for record in records)


def test_owners_and_teams_are_those_of_the_records(clock: Clock, serve: Serve) -> None:
    """Each owner has a team, and the records' owners and teams are among them."""
    portal = Portal.lifelike(600, clock=clock)
    hubspot = serve(portal)
    owners = {int(one["id"]): one for one in hubspot.json("/crm/v3/owners")["results"]}
    teams = {
        (record["engagement"]["ownerId"], str(record["engagement"]["teamId"]))
        for record in portal.records()
    }
    assert {owner for owner, _ in teams} == owners.keys()
    assert all(owners[owner]["teams"][0]["id"] == team for owner, team in teams)
    assert {team for _, team in teams} == {str(team) for team in TEAM_IDS.values()}
    contacts = hubspot.json(objects_path("contacts"), properties="email")["results"]
    known = {record["associations"]["contactIds"][0] for record in portal.records()}
    assert {int(one["id"]) for one in contacts} <= known
