"""The flow of a run: which requests, which records, which state, against a served portal."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from hubspot_api.exceptions import DailyLimitError, HubspotError, NotFoundError, ScopeError
from hubspot_simulator import faults
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.responses import error_response, json_response
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.exceptions import PagingError
from tap_hubspot_engagements.times import ms_to_utc, to_rfc3339
from tests.tap.conftest import (
    HOUR_MS,
    NOW_MS,
    Clock,
    Message,
    Serve,
    attempt,
    expected_table,
    last_state,
    load,
    mark,
    of_type,
    paths,
    records,
    replicate,
)

BACKFILL_SCOPES = {"crm.objects.companies.read", "sales-email-read"}


def bookmark_ms(state: Any) -> int:
    at = datetime.fromisoformat(mark(state)["lastUpdated"].replace("Z", "+00:00"))
    return int(at.timestamp() * 1000)


def is_signpost(state: Any, clock: Clock) -> bool:
    """Whether the bookmark is the start of the pass: a second ago, less the time of the request."""
    return -30_000 < bookmark_ms(state) - clock.now_ms <= -1000


def ids(messages: list[Message]) -> list[int]:
    return [record["id"] for record in records(messages)]


def note(record_id: int, updated_ms: int, **inner: Any) -> dict[str, Any]:
    return {
        "engagement": {"id": record_id, "type": "NOTE", "createdAt": updated_ms, **inner},
        "metadata": {"body": str(record_id)},
    }


@pytest.fixture
def quiet(clock: Clock, serve: Serve) -> Simulator:
    """Forty notes, an hour apart, the last an hour ago; the clock stands still."""
    portal = Portal(clock)
    for number in range(40):
        portal.create(note(1000 + number, NOW_MS - (40 - number) * HOUR_MS))
    return serve(portal)


def test_first_load(quiet: Simulator) -> None:
    """
    Without a state a run reads everything by id, and then the changes since the newest.
    """
    began_s = time.monotonic()
    messages = replicate(quiet, page_size=15)
    took_ms = (time.monotonic() - began_s) * 1000
    assert load({}, messages) == expected_table(quiet.portal)
    assert paths(quiet) == ["paged", "paged", "paged", "modified", "after"]
    assert ids(messages)[:40] == sorted(expected_table(quiet.portal))
    # The newest change less the lookback of an hour, and a millisecond.
    assert quiet.requests[-1].params["after"] == str(NOW_MS - 2 * HOUR_MS - 1)
    # The version is the signpost: the clock's second when the request was sent, less one.
    assert mark(last_state(messages)).keys() == {
        "lastUpdated",
        "swept",
        "version",
        "selected",
        "engagements",
    }
    assert mark(last_state(messages))["lastUpdated"] == "2026-11-20T07:00:00.000000Z"
    assert NOW_MS - 2000 - took_ms <= mark(last_state(messages))["version"] < NOW_MS


def test_an_increment_with_nothing_new(quiet: Simulator) -> None:
    """
    A run with nothing new is a single request, and keeps the state.
    """
    state = last_state(replicate(quiet))
    quiet.requests.clear()
    messages = replicate(quiet, state)
    assert paths(quiet) == ["after"]
    assert last_state(messages) == state
    # The lookback's hour is read again.
    assert ids(messages) == [1038, 1039] or sorted(ids(messages)) == [1038, 1039]


def test_an_increment_moves_only_what_changed(quiet: Simulator, clock: Clock) -> None:
    """
    Without a lookback, changes older than the bookmark are not read again.
    """
    table = load({}, first := replicate(quiet))
    clock.now_ms += HOUR_MS
    quiet.portal.update(1003, {"type": "TASK"}, {"body": "edited"})
    clock.now_ms += HOUR_MS
    quiet.portal.create(note(2000, clock.now_ms))
    clock.now_ms += HOUR_MS
    quiet.requests.clear()
    messages = replicate(quiet, last_state(first), lookback_seconds=0)
    assert sorted(ids(messages)) == [1003, 1039, 2000]
    assert len(quiet.requests) == 1
    assert load(table, messages) == expected_table(quiet.portal)
    assert bookmark_ms(last_state(messages)) == NOW_MS + 2 * HOUR_MS


def test_the_bookmark_is_what_was_seen(quiet: Simulator, clock: Clock) -> None:
    """
    The bookmark is not the time of the run: a change that shows late lies after the bookmark.
    """
    clock.now_ms += 24 * HOUR_MS
    assert bookmark_ms(last_state(replicate(quiet))) == NOW_MS - HOUR_MS


def test_the_bookmark_never_passes_the_signpost(quiet: Simulator, clock: Clock) -> None:
    """
    A change dated in the future, or in ticks, moves the bookmark to HubSpot's clock less a second.
    """
    for at_ms in (NOW_MS + 500 * HOUR_MS, 636418459634654854):
        quiet.portal.create(note(at_ms, at_ms))
        messages = replicate(quiet)
        for _ in range(2):
            assert is_signpost(last_state(messages), clock)
            messages = replicate(quiet, last_state(messages))
            assert at_ms in ids(messages)


def test_the_signpost_is_that_of_the_first_answer(quiet: Simulator, clock: Clock) -> None:
    """
    However long the pass takes, the bookmark stays before the pass's start.
    """

    def an_hour_passes(portal: Portal) -> None:
        clock.now_ms += HOUR_MS
        portal.update(1039)

    quiet.faults.add(Fault(on=2, path="paged", times=None, before=an_hour_passes))
    messages = replicate(quiet, page_size=9, lookback_seconds=0)
    states = [mark(one["value"]) for one in of_type(messages, "STATE")]
    (signpost,) = {state["backfill"]["signpost"] for state in states if "backfill" in state}
    assert "2026-11-20T07:59:50" < signpost <= "2026-11-20T07:59:59.000000Z"
    after_backfill = next(state for state in states if "lastUpdated" in state)
    assert after_backfill["lastUpdated"] == signpost
    assert load({}, messages) == expected_table(quiet.portal)


def test_an_empty_portal(serve: Serve) -> None:
    """
    The output is the SCHEMA and a state that begins again; later engagements are found.
    """
    hubspot = serve(Portal())
    messages = replicate(hubspot)
    kinds = [message["type"] for message in messages]
    assert kinds == ["SCHEMA", "STATE", "ACTIVATE_VERSION", "STATE", "STATE"]
    assert mark(last_state(messages)).keys() == {
        "version",
        "swept",
        "selected",
        "engagements",
    }
    assert paths(hubspot) == ["paged", "modified", "details"]
    hubspot.portal.create({"engagement": {"type": "NOTE"}, "metadata": {}})
    assert (
        set(ids(replicate(hubspot, last_state(messages)))) == expected_table(hubspot.portal).keys()
    )


@pytest.mark.parametrize("name", ["backfill", "changes"])
def test_an_unfinished_pass_of_another_source(
    name: str, quiet: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Another source's place to resume is never used: its pass begins anew, and nothing is lost.
    """
    state = last_state(replicate(quiet, page_size=10))
    foreign = {"signpost": mark(state)["lastUpdated"], "source": "objects", "search": "opaque"}
    mark(state)[name] = [foreign]
    messages = replicate(quiet, state, page_size=10)
    assert "is of the API objects, not v1" in caplog.text
    if name == "backfill":
        assert load({}, messages) == expected_table(quiet.portal)
    assert not mark(last_state(messages)).keys() & {"backfill", "changes"}


def test_interrupted_backfill(quiet: Simulator) -> None:
    """
    A backfill that was killed goes on at the next page, with the same signpost.
    """
    quiet.faults.add(faults.MISSING_SCOPES.at(3))
    messages, error = attempt(quiet, page_size=10)
    assert isinstance(error, ScopeError)
    assert ids(messages) == list(range(1000, 1020))
    earlier = mark(last_state(messages))["backfill"]
    assert earlier["ranges"] == [[1019, None]]
    assert earlier["newest"] == "2026-11-19T11:00:00.000000Z"
    quiet.requests.clear()
    rest = replicate(quiet, last_state(messages), page_size=10)
    assert [request.params.get("offset") for request in quiet.requests] == [
        "1019",
        "1029",
        None,
        None,
    ]
    assert load(load({}, messages), rest) == expected_table(quiet.portal)
    resumed = [mark(one["value"]).get("backfill") for one in of_type(rest, "STATE")]
    assert {one["signpost"] for one in resumed if one} == {earlier["signpost"]}


def test_interrupted_changes(quiet: Simulator, clock: Clock) -> None:
    """
    A pass over changes that was killed resumes at HubSpot's cursor, then reads newer changes.
    """
    table = load({}, first := replicate(quiet))
    clock.now_ms += 24 * HOUR_MS
    for record_id in range(1000, 1030):
        quiet.portal.update(record_id)
    quiet.faults.add(faults.NOT_FOUND.at(3))
    quiet.requests.clear()
    messages, error = attempt(quiet, last_state(first), page_size=10)
    assert isinstance(error, NotFoundError)
    cursors = [request.params["after"] for request in quiet.requests]
    earlier = mark(last_state(messages))
    assert earlier["lastUpdated"] == mark(last_state(first))["lastUpdated"]
    assert earlier["changes"]["after"] == cursors[-1]

    quiet.requests.clear()
    rest = replicate(quiet, last_state(messages), page_size=10)

    assert quiet.requests[0].params["after"] == cursors[-1]
    assert load(load(table, messages), rest) == expected_table(quiet.portal)
    # The bookmark is not that of the second run's clock, but where the first had begun.
    assert is_signpost(last_state(rest), clock)


def test_a_resumed_backfill_remembers_the_newest(quiet: Simulator) -> None:
    """
    The first part counts for the bookmark, even if the rest is older.
    """
    quiet.portal.update(1000, last_updated_ms=NOW_MS - 60_000)
    quiet.faults.add(faults.MISSING_SCOPES.at(3))
    messages, _ = attempt(quiet, page_size=10)
    rest = replicate(quiet, last_state(messages))
    assert bookmark_ms(finished(rest)) == NOW_MS - 60_000


def test_resumed_changes_end_where_they_began(quiet: Simulator, clock: Clock) -> None:
    """
    A change that the second part has seen does not carry the bookmark past the first's beginning.
    """
    state = last_state(replicate(quiet))
    clock.now_ms += 24 * HOUR_MS
    for record_id in range(1000, 1030):
        quiet.portal.update(record_id)
    quiet.faults.add(faults.MISSING_SCOPES.at(2))
    messages, _ = attempt(quiet, state, page_size=10)
    begun_at_ms = clock.now_ms
    clock.now_ms += 5 * HOUR_MS
    quiet.portal.update(1035)
    rest = replicate(quiet, last_state(messages), page_size=10)
    assert 1035 in ids(rest)
    assert begun_at_ms - 30_000 < bookmark_ms(finished(rest)) <= begun_at_ms - 1000


def finished(messages: list[Message]) -> Any:
    """Return the first state after that of the beginning which has no unfinished pass."""
    states = [one["value"] for one in of_type(messages, "STATE")]
    return next(one for one in states if not mark(one).keys() & {"backfill", "changes"})


def test_a_cursor_that_is_not_known_any_more(
    quiet: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """
    If HubSpot refuses an old cursor, changes are read anew from the bookmark, with a warning.
    """
    state = last_state(replicate(quiet))
    mark(state)["changes"] = {"signpost": mark(state)["lastUpdated"], "after": "gibberish"}
    quiet.requests.clear()
    messages = replicate(quiet, state)
    assert [request.params["after"] for request in quiet.requests] == [
        "gibberish",
        str(NOW_MS - 2 * HOUR_MS - 1),
    ]
    assert "changes" not in mark(last_state(messages))
    assert "cursor, reading anew" in caplog.text


@pytest.mark.parametrize("status", [404, 409, 410, 418, 422])
def test_a_cursor_that_is_refused_in_another_way(status: int, quiet: Simulator) -> None:
    """
    Whichever status HubSpot refuses an old cursor with, changes are read anew.
    """
    state = last_state(replicate(quiet))
    mark(state)["changes"] = {"signpost": mark(state)["lastUpdated"], "after": "0"}
    quiet.faults.add(Fault(response=error_response(status, "cursor")))
    messages = replicate(quiet, state)
    assert "changes" not in mark(last_state(messages))


@pytest.mark.parametrize("fault", [faults.MISSING_SCOPES, faults.UNDECODABLE_TOKEN])
def test_a_refusal_does_not_spoil_a_cursor(fault: Fault, quiet: Simulator) -> None:
    """
    A refused token is an error; with a good token the pass resumes at the cursor.
    """
    state = last_state(replicate(quiet))
    mark(state)["changes"] = {"signpost": mark(state)["lastUpdated"], "after": "0"}
    quiet.faults.add(fault)
    messages, error = attempt(quiet, state)
    assert isinstance(error, HubspotError)
    assert last_state(messages) == {**state, "currently_syncing": "engagements"}


def test_changes_begun_without_a_bookmark(quiet: Simulator) -> None:
    """
    Without the start_date of an unfinished pass, the run reads everything.
    """
    earlier = {"signpost": "2026-11-20T07:59:59Z", "after": "gibberish"}
    messages = replicate(quiet, {"bookmarks": {"engagements": {"changes": earlier}}})
    assert load({}, messages) == expected_table(quiet.portal)
    assert paths(quiet) == ["after", "paged", "modified", "after"]


def test_several_ranges(quiet: Simulator) -> None:
    """
    A state with several ranges of ids left is resumed range by range, each to the end.
    """
    earlier = {
        "signpost": "2026-11-20T07:59:59Z",
        "ranges": [[1004, 1009], [1020, 1021], [1035, None]],
    }
    messages = replicate(quiet, {"bookmarks": {"engagements": {"backfill": earlier}}}, page_size=4)
    assert paths(quiet) == ["paged"] * 3 + ["after"]
    assert ids(messages)[:8] == [1005, 1006, 1007, 1008, 1036, 1037, 1038, 1039]
    assert "backfill" not in mark(last_state(messages))


def test_start_date(quiet: Simulator) -> None:
    """
    Engagements last updated before start_date are left out; later and equal times are not.
    """
    exactly = NOW_MS - 10 * HOUR_MS
    for start_date in (exactly, exactly + 1):
        quiet.requests.clear()
        messages = replicate(quiet, start_date=to_rfc3339(ms_to_utc(start_date)))
        assert min(ids(messages)) == (1030 if start_date == exactly else 1031)


def test_an_old_start_date_is_a_backfill(quiet: Simulator) -> None:
    """
    A start_date over 30 days ago reads everything by id; a later date reads changes alone.
    """
    replicate(quiet, start_date="2018-01-01T00:00:00Z")
    assert paths(quiet) == ["paged", "modified", "after"]
    quiet.requests.clear()
    yesterday = datetime.now(timezone.utc).isoformat()[:10]
    portal = Portal()
    portal.create({"engagement": {"type": "NOTE"}, "metadata": {}})
    quiet.portal = portal
    messages = replicate(quiet, start_date=yesterday)
    assert paths(quiet) == ["after"]
    assert len(records(messages)) == 1
    assert "lastUpdated" in mark(last_state(messages))


def test_start_date_is_not_for_what_follows(quiet: Simulator) -> None:
    """
    With a bookmark, changes are asked for from there, and not from start_date.
    """
    state = last_state(replicate(quiet))
    quiet.requests.clear()
    replicate(quiet, state, start_date="2018-01-01T00:00:00Z")
    assert paths(quiet) == ["after"]
    assert int(quiet.requests[0].params["after"]) > NOW_MS - 3 * HOUR_MS


@pytest.mark.parametrize("exclusive", [True, False])
def test_the_millisecond_of_the_bookmark(exclusive: bool, clock: Clock, serve: Serve) -> None:
    """
    Whether `after` is inclusive or not, no change of that time is lost.
    """
    portal = Portal(clock)
    portal.create(note(1, NOW_MS - 5000))
    hubspot = serve(portal, since_exclusive=exclusive)
    state = last_state(replicate(hubspot, lookback_seconds=0))
    portal.create(note(2, NOW_MS - 5000))
    assert 2 in ids(replicate(hubspot, state, lookback_seconds=0))


@pytest.mark.parametrize("delay_s", [0, 600, 3500])
def test_changes_that_show_late(delay_s: int, clock: Clock, serve: Serve) -> None:
    """
    A change that shows late, within the lookback and behind newer changes, is not lost.
    """
    portal = Portal(clock)
    portal.create(note(1, NOW_MS - 48 * HOUR_MS))
    hubspot = serve(portal, index_delay_ms=delay_s * 1000)
    table = load({}, messages := replicate(hubspot))
    for step in range(30):
        clock.now_ms += 300_000
        portal.create(note(2 + step, clock.now_ms))
        portal.update(1 + step // 2)
        table = load(table, messages := replicate(hubspot, last_state(messages)))
    clock.now_ms += HOUR_MS
    table = load(table, replicate(hubspot, last_state(messages)))
    assert table == expected_table(portal)


def test_a_change_dated_before_the_bookmark(quiet: Simulator, clock: Clock) -> None:
    """
    A change that shows after newer changes is found by the lookback, and by nothing else.
    """
    quiet.portal.update(1039)
    state = last_state(replicate(quiet))
    late_ms = bookmark_ms(state) - 1800 * 1000
    clock.now_ms += 24 * HOUR_MS
    quiet.portal.update(1000, last_updated_ms=late_ms)
    assert 1000 not in ids(replicate(quiet, state, lookback_seconds=1799))
    assert 1000 in ids(replicate(quiet, state, lookback_seconds=1800))
    assert 1000 in ids(replicate(quiet, state))


def test_the_empty_trap(quiet: Simulator, clock: Clock) -> None:
    """
    An empty list despite a newer change is a missing scope: an error, and no bookmark moves.
    """
    state = last_state(replicate(quiet))
    clock.now_ms += 2 * HOUR_MS
    quiet.portal.update(1000)
    quiet.behaviour = replace(quiet.behaviour, scopes=BACKFILL_SCOPES)
    quiet.requests.clear()
    messages, error = attempt(quiet, state)
    assert isinstance(error, ScopeError)
    assert "crm.objects.contacts.read" in str(error)
    assert paths(quiet) == ["after", "modified"]
    assert mark(last_state(messages)) == mark(state)
    assert records(messages) == []


def test_the_empty_trap_within_the_lookback(quiet: Simulator, clock: Clock) -> None:
    """
    A change newer by less than the lookback may merely show late: no error, no bookmark moves.
    """
    state = last_state(replicate(quiet))
    clock.now_ms = bookmark_ms(state) + HOUR_MS - 1
    quiet.portal.update(1000)
    quiet.behaviour = replace(quiet.behaviour, scopes=BACKFILL_SCOPES)
    clock.now_ms += 60_000
    messages = replicate(quiet, state)
    assert mark(last_state(messages)) == mark(state)


def test_nothing_to_see_and_nothing_there(quiet: Simulator) -> None:
    """
    An empty list is no error if the newest is as old as the bookmark, or all are gone.
    """
    state = last_state(replicate(quiet))
    quiet.portal.delete(1039)
    quiet.portal.delete(1038)
    for _ in range(2):
        quiet.requests.clear()
        assert mark(last_state(replicate(quiet, state))) == mark(state)
        assert paths(quiet) == ["after", "modified"]
        for record_id in range(1000, 1038):
            if record_id in expected_table(quiet.portal):
                quiet.portal.delete(record_id)


def test_a_change_in_the_middle_of_a_backfill(quiet: Simulator, clock: Clock) -> None:
    """
    Added, edited and deleted between the pages of a backfill: right when the run is over.
    """

    def change(portal: Portal) -> None:
        clock.now_ms += 1500
        portal.update(1001, metadata={"body": str(clock.now_ms)})
        portal.update(1038, metadata={"body": str(clock.now_ms)})
        portal.create(note(3000 + clock.now_ms - NOW_MS, clock.now_ms))
        portal.delete(min(expected_table(portal).keys() - {1001}))

    quiet.faults.add(Fault(path="paged", times=4, then=change))
    table = load({}, messages := replicate(quiet, page_size=11, lookback_seconds=0))
    expected = expected_table(quiet.portal)
    assert {record_id: table[record_id] for record_id in expected} == expected
    assert len(table) - len(expected) == 4
    table = load(table, replicate(quiet, last_state(messages), lookback_seconds=0))
    assert {record_id: table[record_id] for record_id in expected} == expected


def test_a_change_in_the_middle_of_the_changes(quiet: Simulator, clock: Clock) -> None:
    """
    Added, edited and deleted between the pages of changes: right after the next run.
    """
    table = load({}, messages := replicate(quiet, lookback_seconds=0))
    clock.now_ms += HOUR_MS
    for record_id in range(1000, 1040):
        quiet.portal.update(record_id)

    def change(portal: Portal) -> None:
        clock.now_ms += 1500
        portal.update(1001, metadata={"body": str(clock.now_ms)})
        portal.update(1039, metadata={"body": str(clock.now_ms)})
        portal.create(note(3000 + clock.now_ms - NOW_MS, clock.now_ms))
        portal.delete(min(expected_table(portal).keys() - {1001}))

    quiet.faults.add(Fault(path="after", times=4, then=change))
    for _ in range(2):
        messages = replicate(quiet, last_state(messages), page_size=11, lookback_seconds=0)
        table = load(table, messages)
    expected = expected_table(quiet.portal)
    assert {record_id: table[record_id] for record_id in expected} == expected
    assert len(table) - len(expected) == 4


def test_the_daily_limit(quiet: Simulator) -> None:
    """
    Records from before the limit are written, with a state for tomorrow.
    """
    quiet.faults.add(faults.DAILY_LIMIT_REACHED.at(3))
    messages, error = attempt(quiet, page_size=10)
    assert isinstance(error, DailyLimitError)
    assert len(ids(messages)) == 20
    assert mark(last_state(messages))["backfill"]["ranges"] == [[1019, None]]


def test_without_the_endpoint_of_changes(serve: Serve) -> None:
    """
    A portal without modified/after is asked in another way.
    """
    hubspot = serve(Portal.generate(20), has_modified_after=False)
    messages, error = attempt(hubspot)
    assert error is None
    assert len({record["id"] for record in records(messages)}) == 20
    assert paths(hubspot)[:3] == ["paged", "modified", "after"]


def test_a_cursor_that_stands_still_leaves_a_good_state(quiet: Simulator) -> None:
    """
    A page whose cursor does not advance is not written, nor is the cursor kept.
    """
    broken = {"results": [], "hasMore": True, "offset": None, "after": None}
    quiet.faults.add(Fault(on=2, response=json_response(broken)))
    messages, error = attempt(quiet, page_size=10)
    assert isinstance(error, PagingError)
    rest = replicate(quiet, last_state(messages))
    table = load(load({}, messages), rest)
    assert table == expected_table(quiet.portal)

    quiet.faults.add(Fault(response=json_response(broken)))
    messages, error = attempt(quiet, last_state(rest))
    assert isinstance(error, PagingError)
    assert mark(last_state(messages)) == mark(last_state(rest))
