"""Fallbacks for a portal without a list of changes, or with a false list; none loses a change."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from hubspot_api.client import HubspotClient
from hubspot_api.exceptions import ScopeError
from hubspot_api.rate_limit import RateLimiter
from hubspot_simulator.faults import NOT_FOUND, Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.exceptions import PagingError, ResultLimitError
from tap_hubspot_engagements.replication import iter_steps
from tap_hubspot_engagements.state import Position
from tap_hubspot_engagements.times import ms_to_utc
from tap_hubspot_engagements.v1.endpoints import iter_modified_after, iter_recent
from tap_hubspot_engagements.v1.page_size import PageSizes
from tap_hubspot_engagements.v1.source import V1Source
from tests.tap.test_every_source import HOUR_MS, TOKEN

SETTINGS: dict[str, Any] = {"access_token": TOKEN, "backfill_workers": 3}


@pytest.fixture
def portal() -> Portal:
    """350 engagements, all changed within the last hour, a second apart."""
    portal = Portal.generate(350, seed=2)
    for number, record in enumerate(portal.records()):
        at_ms = portal.now_ms - HOUR_MS + 1000 * number
        portal.update(record["engagement"]["id"], last_updated_ms=at_ms)
    return portal


@pytest.fixture
def hubspot(portal: Portal) -> Iterator[Simulator]:
    with Simulator(portal, token=TOKEN) as simulator:
        yield simulator


def client_of(simulator: Simulator, **settings: object) -> HubspotClient:
    config = Config.from_dict({**SETTINGS, "base_url": simulator.url, **settings}, {})
    return HubspotClient(config, RateLimiter(10_000, sleep=lambda _: None))


def source_of(simulator: Simulator, **settings: object) -> V1Source:
    config = Config.from_dict({**SETTINGS, "base_url": simulator.url, **settings}, {})
    return V1Source(client_of(simulator), config)


def ids_of(pages: Any) -> list[int]:
    return [one.id for page in pages for one in page.engagements]


@pytest.mark.parametrize("deleted", [1, 9, 10, 60, 150])
def test_a_deletion_between_two_pages_loses_no_row(hubspot: Simulator, deleted: int) -> None:
    """
    Rows that move up on the list of recent changes, many or few, are all read.
    """
    portal = hubspot.portal
    newest_first = sorted(portal.records(), key=lambda one: -one["engagement"]["lastUpdated"])
    # None of them is among the last rows read, which would show the deletion by being gone.
    doomed = [one["engagement"]["id"] for one in newest_first[:80] + newest_first[110:180]][
        :deleted
    ]

    def delete(portal: Portal) -> None:
        for one in doomed:
            portal.delete(one)

    hubspot.faults.add(Fault(on=1, path="recent/modified", then=delete))
    since_ms = portal.now_ms - 2 * HOUR_MS
    read = set(ids_of(iter_recent(client_of(hubspot), PageSizes(), since_ms)))
    assert {record["engagement"]["id"] for record in portal.records()} <= read


def test_edits_between_pages_lose_no_row(hubspot: Simulator) -> None:
    """
    Rows that move to the top, and push others down, are read before or after.
    """
    random_ = random.Random(1)

    def edit(portal: Portal) -> None:
        for record in random_.sample(portal.records(), 30):
            portal.update(record["engagement"]["id"], {"uid": "edited"})

    hubspot.faults.add(Fault(path="recent/modified", then=edit, times=3))
    since_ms = hubspot.portal.now_ms - 2 * HOUR_MS
    read = ids_of(iter_recent(client_of(hubspot), PageSizes(), since_ms))
    missing = {record["engagement"]["id"] for record in hubspot.portal.records()} - set(read)
    edits = {r["engagement"]["id"] for r in hubspot.portal.records() if "uid" in r["engagement"]}
    assert missing <= edits, "what was edited meanwhile is newer than the signpost"


def test_recent_changes_that_are_too_many_are_refused(hubspot: Simulator) -> None:
    """
    A list that cannot hold all changes is not read in part.
    """
    body = {"results": [], "hasMore": False, "offset": 0, "total": 9_901}
    hubspot.faults.add(Fault(response=json_response(body)))
    with pytest.raises(ResultLimitError):
        list(iter_recent(client_of(hubspot), PageSizes(), 0))


def json_response(body: object) -> Any:
    from hubspot_simulator.responses import json_response as answer

    return answer(body)


@pytest.mark.parametrize("age_ms", [HOUR_MS, 40 * 24 * HOUR_MS])
def test_without_the_list_of_changes_another_way_is_found(portal: Portal, age_ms: int) -> None:
    """
    On a portal without modified/after recent changes, or a filtered full pass, bring the same.
    """
    with Simulator(portal, token=TOKEN, has_modified_after=False) as simulator:
        config = Config.from_dict({**SETTINGS, "base_url": simulator.url}, {})
        bookmark = ms_to_utc(portal.now_ms - age_ms)
        steps = list(iter_steps(source_of(simulator), config, Position(bookmark=bookmark)))
        assert set(ids_of(step.page for step in steps)) == {
            record["engagement"]["id"] for record in portal.records()
        }
        asked_all = any("paged" in request.path for request in simulator.requests)
        assert asked_all == (age_ms > 30 * 24 * HOUR_MS)
        position = steps[-1].position
        assert position.bookmark and position.bookmark > bookmark
        assert position.changes is None and position.backfill is None


def test_an_empty_answer_for_want_of_a_scope_is_an_error(portal: Portal) -> None:
    """
    No changes at all despite a newer engagement: the error names the scope.
    """
    scopes = ["crm.objects.companies.read"]
    with Simulator(portal, token=TOKEN, scopes=scopes) as simulator:
        config = Config.from_dict({**SETTINGS, "base_url": simulator.url}, {})
        bookmark = ms_to_utc(portal.now_ms - 10 * HOUR_MS)
        with pytest.raises(ScopeError, match="crm.objects.contacts.read"):
            list(iter_steps(source_of(simulator), config, Position(bookmark=bookmark)))


def test_ids_out_of_order_are_read_in_turn(
    hubspot: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A page that breaks the order of ids puts the pass back to sequential requests.
    """

    def shuffled(portal: Portal) -> Any:
        bodies = [portal.record(one["engagement"]["id"]) for one in portal.records()]
        return {"results": bodies[::-1][:250], "hasMore": True, "offset": 10**13}

    hubspot.faults.add(Fault(on=2, path="paged", response=json_response(shuffled(hubspot.portal))))
    pages = list(source_of(hubspot, page_size=50).read_all())
    read = set(ids_of(pages))
    assert {record["engagement"]["id"] for record in hubspot.portal.records()} <= read
    assert pages[-1].is_last and pages[-1].resume
    assert pages[-1].resume["in_order"] is False and pages[-1].resume["ranges"] == []
    assert sum(page.starts_over for page in pages) == 1
    assert "one request after the other" in caplog.text


def test_a_cursor_that_stands_still_is_an_error(hubspot: Simulator) -> None:
    """
    Neither way of paging goes round in circles.
    """
    still = json_response({"results": [], "hasMore": True, "after": "same"})
    hubspot.faults.add(Fault(path="modified/after", response=still, times=None))
    with pytest.raises(PagingError, match="does not go on"):
        list(iter_modified_after(client_of(hubspot), PageSizes(), "same"))


def test_a_404_for_the_highest_id_does_not_matter(hubspot: Simulator) -> None:
    """
    Without the list of recent changes, the full pass does without the guess.
    """
    hubspot.faults.add(NOT_FOUND.at(path="recent/modified", times=None))
    read = ids_of(source_of(hubspot).read_all())
    assert sorted(read) == [record["engagement"]["id"] for record in hubspot.portal.records()]


@pytest.mark.parametrize("page_size", [3, 20])
def test_parts_read_side_by_side_do_not_overlap(hubspot: Simulator, page_size: int) -> None:
    """
    However the ids are split, a first load yields each engagement once.
    """
    read = ids_of(source_of(hubspot, page_size=page_size, backfill_workers=6).read_all())
    assert sorted(read) == [record["engagement"]["id"] for record in hubspot.portal.records()]
