"""Deletions that a full pass may report: none that come from a fault of HubSpot's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubspot_simulator import faults
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.responses import json_response
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.times import ms_to_utc, to_rfc3339
from tests.tap.conftest import Run, Serve, Tap, last_state, mark, of_type, paths, records
from tests.tap.test_portal_check import alone

HOUR_MS = 3_600_000


@pytest.fixture
def hubspot(serve: Serve) -> Simulator:
    """700 notes, six hours apart."""
    portal = Portal()
    now_ms = portal.now_ms
    for number in range(1, 701):
        at_ms = now_ms - (701 - number) * 6 * HOUR_MS
        inner = {"id": number, "type": "NOTE", "createdAt": at_ms, "lastUpdated": at_ms}
        portal.create({"engagement": inner, "metadata": {}})
    return serve(portal)


@pytest.fixture
def tap(hubspot: Simulator, tmp_path: Path) -> Tap:
    return Tap(tmp_path, hubspot)


@pytest.fixture
def state(tap: Tap) -> Any:
    """The state of a first load; a full pass is due."""
    state = last_state(tap().messages)
    mark(state)["version"] -= 8 * 24 * HOUR_MS
    return state


def shows(results: list[dict[str, Any]]) -> Fault:
    """Return the list of all engagements that ends after `results`."""
    last = results[-1]["engagement"]["id"] if results else 0
    body = {"results": results, "hasMore": False, "offset": last}
    return Fault(path="paged", times=None, response=json_response(body))


def refused(run: Run) -> str:
    """Return the error of a run that flagged nothing and wrote a state."""
    assert run.code == 1, run.err
    assert not of_type(run.messages, "ACTIVATE_VERSION")
    assert run.messages[-1]["type"] == "STATE"
    (error,) = (line for line in run.err.splitlines() if line.startswith("ERROR"))
    assert "no row was flagged as deleted" in error
    assert "--allow-deletions" in error
    return error


@pytest.mark.parametrize("listed", [0, 250])
def test_a_list_that_recent_changes_contradict(
    listed: int, tap: Tap, hubspot: Simulator, state: Any
) -> None:
    """
    A list that is empty or ends early, though newer engagements are known, flags nothing.

    Changes are read all the same, and the next run begins another full pass.
    """
    hubspot.faults.add(shows(hubspot.portal.records()[:listed]))
    added = hubspot.portal.create({"engagement": {"type": "NOTE"}, "metadata": {}})["engagement"]
    run = tap(state=state)
    assert f"ends at {listed}" in refused(run)
    assert added["id"] in {record["id"] for record in records(run.messages)}
    again = last_state(run.messages)

    hubspot.faults.clear()
    hubspot.requests.clear()
    run = tap(state=again)
    assert run.code == 0
    assert paths(hubspot) == ["paged"] * 3 + ["modified", "after"]
    versions = {one["version"] for one in of_type(run.messages, "ACTIVATE_VERSION")}
    assert versions == {mark(last_state(run.messages))["version"]}
    assert min(versions) > mark(again)["version"]


def test_a_first_load_that_ends_early(tap: Tap, hubspot: Simulator) -> None:
    """
    Without a state there is nothing to flag, and yet the run does not call itself done.
    """
    hubspot.faults.add(shows(hubspot.portal.records()[:250]))
    run = tap()
    refused(run)
    hubspot.faults.clear()
    run = tap(state=last_state(run.messages))
    assert run.code == 0
    assert len({record["id"] for record in records(run.messages)}) == 700


def test_more_gone_than_both_limits_allow(tap: Tap, hubspot: Simulator, state: Any) -> None:
    """
    Beyond both limits nothing is flagged; beyond a single limit deletions count.
    """
    for record_id in range(1, 301):
        hubspot.portal.delete(record_id)
    error = refused(tap(state=state, max_deletions=299))
    assert "400 engagements, after 700 the last time" in error
    for limits in ({"max_deletions": 300}, {"max_deletions": 0, "max_deletions_share": 0.43}):
        run = tap(state=state, **limits)
        assert run.code == 0, run.err
        assert len(of_type(run.messages, "ACTIVATE_VERSION")) == 1


def test_deletions_that_are_allowed(tap: Tap, hubspot: Simulator, state: Any) -> None:
    """
    --allow-deletions accepts this pass; the next is compared with this.
    """
    for record_id in range(1, 501):
        hubspot.portal.delete(record_id)
    run = tap(state=state, max_deletions=5)
    refused(run)
    run = tap("--allow-deletions", state=last_state(run.messages), max_deletions=5)
    assert run.code == 0
    assert len(of_type(run.messages, "ACTIVATE_VERSION")) == 1
    assert tap("--full-refresh", state=last_state(run.messages), max_deletions=5).code == 0


def test_an_empty_list_where_no_number_is_known(tap: Tap, hubspot: Simulator, state: Any) -> None:
    """
    A state of an older version has no number: an empty list is not plausible.
    """
    del mark(state)["engagements"]
    for record in hubspot.portal.records():
        hubspot.portal.delete(record["engagement"]["id"])
    assert "no engagements, though there have been some before" in refused(tap(state=state))
    assert tap("--allow-deletions", state=state).code == 0


def test_an_interrupted_pass_is_counted_whole(tap: Tap, hubspot: Simulator, state: Any) -> None:
    """
    Engagements from before the interruption count; a pass of an older version is accepted.
    """
    hubspot.faults.add(faults.BAD_PARAMETER.at(3, path="paged"))
    earlier = last_state(tap(state=state, max_deletions=5).messages)
    hubspot.faults.clear()
    run = tap(state=earlier, max_deletions=5)
    assert run.code == 0, run.err
    assert mark(last_state(run.messages))["engagements"] == 700
    for name in ("read", "highest"):
        del mark(earlier)["backfill"][name]
    run = tap(state=earlier, max_deletions=5)
    assert (run.code, len(of_type(run.messages, "ACTIVATE_VERSION"))) == (0, 1)
    assert "engagements" not in mark(last_state(run.messages))


def test_what_the_list_leaves_out_is_no_contradiction(
    tap: Tap, hubspot: Simulator, state: Any
) -> None:
    """
    HubSpot lists no engagements of its sample contacts, though recent changes may show them.
    """
    at_ms = hubspot.portal.now_ms - HOUR_MS
    sample = {"engagement": {"id": 10**6, "portalId": 62515, "createdAt": at_ms}}
    body = {"results": [sample], "hasMore": False, "offset": 1, "total": 1}
    hubspot.faults.add(Fault(path="recent/modified", times=None, response=json_response(body)))
    assert tap(state=state).code == 0


@pytest.mark.parametrize("fault", [faults.SERVER_ERROR, faults.NOT_FOUND, faults.DROPPED])
def test_recent_changes_that_cannot_be_asked(
    fault: Fault, tap: Tap, hubspot: Simulator, state: Any
) -> None:
    """
    Without them the number alone is judged, and nobody waits.
    """
    hubspot.faults.add(fault.at(path="recent/modified", times=None))
    run = tap(state=state, backfill_workers=3)
    assert run.code == 0, run.err
    assert "retrying in" not in run.err


def test_a_range_that_ends_early(tap: Tap, hubspot: Simulator, state: Any) -> None:
    """
    A range whose list ends before known engagements is read on.
    """
    state = last_state(tap(state=state).messages)
    earlier = {"signpost": mark(state)["lastUpdated"], "ranges": [[399, None], [0, 400]]}
    mark(state)["backfill"] = {**earlier, "read": 0, "highest": 0}
    early = {"results": hubspot.portal.records()[:10], "hasMore": False, "offset": 10}
    hubspot.faults.add(Fault(on=3, path="paged", response=json_response(early)))
    run = tap(state=state)
    assert run.code == 0, run.err
    assert {record["id"] for record in records(run.messages)} >= set(range(1, 701))

    nothing = json_response({"results": [], "hasMore": False, "offset": 0})
    hubspot.faults.add(Fault(on=3, path="paged", every=2, times=4, response=nothing))
    run = tap(state=state)
    assert run.code == 1
    assert "the list ends at 0, but it has 700" in run.err
    hubspot.faults.clear()
    assert tap(state=last_state(run.messages)).code == 0


def test_an_engagement_made_while_the_list_is_asked(tap: Tap, hubspot: Simulator) -> None:
    """
    A newest engagement beyond the end of the list makes the pass read on.
    """
    for record in hubspot.portal.records()[100:]:
        hubspot.portal.delete(record["engagement"]["id"])
    lines: list[int] = []

    def make(portal: Portal) -> None:
        lines.append(portal.create({"engagement": {"type": "NOTE"}})["engagement"]["id"])

    hubspot.faults.add(Fault(path="paged", delay_s=0.5))
    hubspot.faults.add(Fault(path="paged", then=make))
    hubspot.faults.add(Fault(path="recent/modified", delay_s=1.5))
    run = tap(backfill_workers=3)
    assert run.code == 0, run.err
    assert lines and lines[0] in {record["id"] for record in records(run.messages)}


@pytest.mark.parametrize("stream", ["owners", "call_dispositions"])
def test_a_list_that_is_empty(stream: str, tap: Tap, hubspot: Simulator) -> None:
    """
    After some engagements, none is not plausible; without any before, none flags nothing.
    """
    path = "owners" if stream == "owners" else "dispositions"
    nothing = json_response({"results": []} if stream == "owners" else [])
    hubspot.faults.add(Fault(path=path, times=None, response=nothing))
    run = tap(catalog=alone(stream))
    assert (run.code, of_type(run.messages, "ACTIVATE_VERSION")) == (0, [])
    hubspot.faults.clear()
    state = last_state(tap(catalog=alone(stream)).messages)
    hubspot.faults.add(Fault(path=path, times=None, response=nothing))
    assert f"no records of {stream}" in refused(tap(state=state, catalog=alone(stream)))
    assert tap("--allow-deletions", state=state, catalog=alone(stream)).code == 0


def test_a_list_that_is_short(tap: Tap, hubspot: Simulator) -> None:
    """
    Of owners ten may go, or max_deletions_share of them.
    """
    owners = hubspot.portal.owners
    hubspot.portal.owners = [{**owners[0], "id": str(number)} for number in range(40)]
    state = last_state(tap(catalog=alone("owners")).messages)
    hubspot.portal.owners = hubspot.portal.owners[:27]
    refused(tap(state=state, catalog=alone("owners")))
    assert tap(state=state, catalog=alone("owners"), max_deletions_share=0.5).code == 0


@pytest.mark.parametrize("ahead_h", [1, 24 * 365])
@pytest.mark.parametrize("name", ["lastUpdated", "version"])
def test_a_state_ahead_of_hubspots_clock(
    ahead_h: int, name: str, tap: Tap, hubspot: Simulator, state: Any
) -> None:
    """
    Nothing would ever be read from there: an error names the key and the remedy.
    """
    ahead_ms = hubspot.portal.now_ms + ahead_h * HOUR_MS
    mark(state)[name] = ahead_ms if name == "version" else to_rfc3339(ms_to_utc(ahead_ms))
    run = tap(state=state)
    assert run.code == 2
    assert f"state: {name} of bookmarks.engagements" in run.err
    assert "lies ahead of HubSpot's clock" in run.err
    assert not records(run.messages)


def test_clocks_that_differ_a_little(tap: Tap, hubspot: Simulator, state: Any) -> None:
    """
    HubSpot's clock is in seconds, and servers differ: half a minute is no fault.
    """
    mark(state)["version"] = hubspot.portal.now_ms + 30_000
    assert tap(state=state).code == 0
