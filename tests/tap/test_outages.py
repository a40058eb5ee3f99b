"""An outage of HubSpot's lists of changes is waited for; a record that breaks them is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hubspot_api.client import RETRY_LIMIT_S
from hubspot_api.exceptions import ServerError
from hubspot_simulator import faults
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.exceptions import StuckError
from tap_hubspot_engagements.v1.changes import check_changes
from tap_hubspot_engagements.v1.endpoints import iter_modified_after
from tap_hubspot_engagements.v1.page_size import PageSizes
from tests.tap.conftest import (
    CHANGED,
    HOUR_MS,
    PAGED,
    RECENT,
    Clock,
    Serve,
    Waits,
    attempt,
    build_client,
    expected_table,
    last_state,
    load,
    mark,
    replicate,
)

FAILURES = 25  # more than it takes to reduce a page to a single record that counts as unlistable


@pytest.fixture
def portal(clock: Clock) -> Portal:
    """Sixty notes whose ids lie close together."""
    portal = Portal(clock)
    for number in range(1, 61):
        portal.create({"engagement": {"id": number, "type": "NOTE"}, "metadata": {"body": "text"}})
    return portal


def change(portal: Portal, clock: Clock, *engagement_ids: int) -> list[int]:
    """Change engagements an hour later, by default each third; return their ids."""
    clock.now_ms += HOUR_MS
    changed = [*engagement_ids] or sorted(expected_table(portal))[::3]
    for engagement_id in changed:
        portal.update(engagement_id, {"uid": "changed"})
    clock.now_ms += HOUR_MS
    return changed


def break_changes(hubspot: Simulator, times: int | None = FAILURES) -> None:
    """Have both lists of changes answer 503, `times` each."""
    for path in (CHANGED, RECENT):
        hubspot.faults.add(faults.UNAVAILABLE.at(path=path, times=times))


def requested(hubspot: Simulator, path: str) -> list[dict[str, str]]:
    """Return the parameters of the requests of a list."""
    return [dict(request.params) for request in hubspot.requests if request.path == path]


def break_lists(
    hubspot: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    fails: Callable[[str, bytes], bool],
) -> None:
    """Have HubSpot answer 500 to each request of which `fails(path, response body)` is true."""
    respond = hubspot.handle

    def handle(request: Any, body: bytes) -> Any:
        result, share = respond(request, body)
        if result and fails(request.path, result.body):
            result = faults.SERVER_ERROR.response
        return result, share

    monkeypatch.setattr(hubspot, "handle", handle)


@pytest.mark.parametrize("has_modified_after", [True, False])
def test_an_outage_of_the_changes(
    has_modified_after: bool, portal: Portal, clock: Clock, serve: Serve
) -> None:
    """
    Both lists of changes fail for a while: the run waits, and does not read the whole portal.
    """
    hubspot = serve(portal, has_modified_after=has_modified_after)
    state = last_state(before := replicate(hubspot))
    change(portal, clock)
    hubspot.requests.clear()
    break_changes(hubspot)
    after = replicate(hubspot, state)
    assert load(load({}, before), after) == expected_table(portal)
    assert not requested(hubspot, PAGED)
    assert "page_sizes" not in mark(last_state(after))


def test_an_outage_at_a_cursor(portal: Portal, clock: Clock, serve: Serve) -> None:
    """
    A run that resumes the changes of an interrupted one keeps their cursor.
    """
    hubspot = serve(portal)
    state = last_state(before := replicate(hubspot))
    change(portal, clock)
    killed, _ = attempt(hubspot, state, page_size=5, lives=9)
    cursor = mark(last_state(killed))["changes"]["after"]
    hubspot.requests.clear()
    break_changes(hubspot)
    after = replicate(hubspot, last_state(killed), page_size=5)
    assert load(load(load({}, before), killed), after) == expected_table(portal)
    answered = [request for request in hubspot.requests if request.status == 200]
    empty, first = (dict(request.params) for request in answered[:2])
    assert empty["after"].isdecimal() and first["after"] == cursor
    assert not requested(hubspot, PAGED) and not requested(hubspot, RECENT)


def test_an_outage_between_two_pages(portal: Portal, clock: Clock, serve: Serve) -> None:
    """
    An outage after the first page of changes goes on from that page's cursor.
    """
    hubspot = serve(portal)
    state = last_state(before := replicate(hubspot))
    change(portal, clock)
    hubspot.requests.clear()
    hubspot.faults.add(faults.BAD_GATEWAY.at(2, path=CHANGED, times=FAILURES))
    after = replicate(hubspot, state, page_size=5)
    assert load(load({}, before), after) == expected_table(portal)
    assert not requested(hubspot, PAGED) and not requested(hubspot, RECENT)
    assert len(requested(hubspot, CHANGED)) <= FAILURES + 60 // 5 + 3


def test_an_outage_in_which_empty_lists_work(
    portal: Portal, clock: Clock, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    HubSpot lists no record for a while, though it answers: the same request is retried longer.
    """
    hubspot = serve(portal)
    state = last_state(before := replicate(hubspot))
    change(portal, clock)
    failures = 0

    def fails(path: str, body: bytes) -> bool:
        nonlocal failures
        failures += has_records(body)
        return has_records(body) and failures <= 18

    hubspot.requests.clear()
    break_lists(hubspot, monkeypatch, fails)
    after = replicate(hubspot, state)
    assert load(load({}, before), after) == expected_table(portal)
    assert failures > 18
    assert not requested(hubspot, PAGED) and not requested(hubspot, RECENT)


def test_check_with_a_record_that_breaks_the_changes(
    hubspot: Simulator, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A record that a run reads another way is no failure of --check; an outage that lasts is one.
    """
    break_lists(hubspot, monkeypatch, lambda path, body: path == CHANGED and has_records(body))
    check_changes(build_client(hubspot, waits))
    hubspot.faults.add(faults.UNAVAILABLE.at(path=CHANGED, times=None))
    with pytest.raises(ServerError, match="503"):
        check_changes(build_client(hubspot, waits))


def has_records(body: bytes) -> bool:
    return body.startswith(b'{"results":[{')


def test_an_outage_that_lasts(portal: Portal, clock: Clock, serve: Serve, waits: Waits) -> None:
    """
    After RETRY_LIMIT_S in all the run ends with HubSpot's error, and the next one loses nothing.
    """
    hubspot = serve(portal)
    state = last_state(before := replicate(hubspot))
    change(portal, clock)
    hubspot.requests.clear()
    break_changes(hubspot, times=None)
    # Each request takes 20 s, so that the empty list is requested when a part of the time is over.
    hubspot.faults.add(Fault(path=CHANGED, times=None, before=lambda _: waits.sleep(20)))
    with pytest.raises(ServerError, match="503") as caught:
        client = build_client(hubspot, waits, request_timeout=60)
        list(iter_modified_after(client, PageSizes(), 0))
    assert not isinstance(caught.value, StuckError)
    assert 0.8 * RETRY_LIMIT_S < waits.now_s <= RETRY_LIMIT_S + 20

    failed, error = attempt(hubspot, state)
    assert isinstance(error, ServerError)
    assert mark(last_state(failed, state))["lastUpdated"] == mark(state)["lastUpdated"]
    assert not requested(hubspot, PAGED)
    assert len(requested(hubspot, RECENT)) == 1, "whether that list works"
    hubspot.faults.clear()
    assert load(load({}, before), replicate(hubspot, state)) == expected_table(portal)


@pytest.mark.parametrize("is_resumed", [False, True])
def test_an_outage_of_one_list_that_lasts(
    is_resumed: bool, portal: Portal, clock: Clock, serve: Serve
) -> None:
    """
    If /modified/after fails for good, and the list of recent changes works, a run reads the latter.
    """
    hubspot = serve(portal)
    state = last_state(before := replicate(hubspot))
    change(portal, clock)
    killed: list[Any] = []
    if is_resumed:
        killed, _ = attempt(hubspot, state, page_size=5, lives=9)
        assert "changes" in mark(last_state(killed))
    hubspot.requests.clear()
    hubspot.faults.add(faults.UNAVAILABLE.at(path=CHANGED, times=None))
    after = replicate(hubspot, last_state(killed, state))
    assert load(load(load({}, before), killed), after) == expected_table(portal)
    assert requested(hubspot, RECENT) and not requested(hubspot, PAGED)
    assert "changes" not in mark(last_state(after))


@pytest.mark.parametrize("which", ["newest", "several"])
@pytest.mark.parametrize("page_size", [4, None])
def test_records_that_break_the_changes(
    page_size: int | None,
    which: str,
    portal: Portal,
    clock: Clock,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Records that no list can have, the newest or several, are read by id after one more request.
    """
    hubspot = serve(portal)
    state = last_state(before := replicate(hubspot))
    changed = change(portal, clock)
    bad = changed[1::4]
    if which == "newest":
        bad = change(portal, clock, changed[5])
    marks = [b'"id":%d,' % one for one in bad]
    lists = (CHANGED, RECENT, PAGED)
    break_lists(
        hubspot,
        monkeypatch,
        lambda path, body: path in lists and any(one in body for one in marks),
    )
    hubspot.requests.clear()
    settings = {} if page_size is None else {"page_size": page_size}
    after = replicate(hubspot, state, **settings)
    assert load(load({}, before), after) == expected_table(portal)
    changes = [one["after"] for one in requested(hubspot, CHANGED)]
    recent = [one["since"] for one in requested(hubspot, RECENT)]
    assert len([after for after in changes if after.isdecimal() and after != changes[0]]) == 1
    assert len([since for since in recent if since != recent[0]]) <= 1
