"""The archived sweep: deletions that HubSpot lists are told within deletion_sweep_hours."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from hubspot_api.activity_properties import OBJECT_TYPES
from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.config import API_VERSIONS
from tap_hubspot_engagements.deletion_sweep import first_swept
from tap_hubspot_engagements.exceptions import DeletionsError
from tap_hubspot_engagements.state import read_position
from tap_hubspot_engagements.times import EPOCH, ms_to_utc
from tests.tap.conftest import HOUR_MS, NOW_MS, Clock, Serve, mark, of_type
from tests.tap.model import ModelTarget
from tests.tap.objects import run_tap

DAY_MS = 24 * HOUR_MS
CHILDREN = ("engagement_notes", "engagement_associations", "engagement_email_recipients")
# Full passes would find deletions, too.
NO_PASSES = {"full_refresh_days": 0}

every_api = pytest.mark.parametrize("api_version", API_VERSIONS)


def ids(target: ModelTarget) -> set[int]:
    return {key for (key,) in target.tables["engagements"]}


def portal_ids(portal: Portal) -> list[int]:
    """Return the ids of the engagements that the objects API has."""
    missing = ("PUBLISHING_TASK", "CONVERSATION_SESSION")
    inner = [record["engagement"] for record in portal.records()]
    return [one["id"] for one in inner if one["type"] not in missing]


def deletions(messages: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Return the records of engagements that are told to be deleted."""
    found = [one["record"] for one in of_type(messages, "RECORD") if one["stream"] == "engagements"]
    return {one["id"]: one for one in found if one.get("_sdc_deleted_at")}


def list_requests(simulator: Simulator) -> int:
    return sum(
        "archived=true" in str(one.params) or one.params.get("archived") == "true"
        for one in simulator.requests
        if "/objects/" in one.path
    )


@every_api
def test_deletions_are_told_once_a_day(serve: Serve, clock: Clock, api_version: str) -> None:
    """
    Deleted engagements go with their children once the sweep is due, in full and inactive.
    """
    portal = Portal.generate(120, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    settings: dict[str, Any] = {"api_version": api_version, **NO_PASSES}
    run_tap(simulator, target, **settings)
    clock.now_ms += 2 * HOUR_MS
    gone = portal_ids(portal)[::4]
    before = {engagement_id: portal.record(engagement_id) for engagement_id in gone}
    for engagement_id in gone:
        portal.delete(engagement_id)
    deleted_ms = clock.now_ms
    clock.now_ms += 2 * HOUR_MS
    assert not deletions(run_tap(simulator, target, **settings)), "not due yet"
    clock.now_ms += DAY_MS
    told = deletions(run_tap(simulator, target, **settings))
    assert told.keys() == {*gone}
    for engagement_id, record in told.items():
        assert record["active"] is False
        assert record["lastUpdated"] == before[engagement_id]["engagement"]["lastUpdated"]
        assert record["_sdc_deleted_at"] == f"{ms_to_utc(deleted_ms):%Y-%m-%dT%H:%M:%S.%f}Z"
    assert not ids(target) & {*gone}
    for child in CHILDREN:
        assert target.tables[child]
        assert not {key[0] for key in target.tables[child]} & {*gone}
    clock.now_ms += 2 * DAY_MS
    assert not deletions(run_tap(simulator, target, **settings)), "told already"


@every_api
def test_a_restored_engagement_heals(serve: Serve, clock: Clock, api_version: str) -> None:
    """
    A restored engagement comes back by the changes, or by the full pass if no date moved.
    """
    portal = Portal.generate(60, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    settings: dict[str, Any] = {"api_version": api_version, "deletion_sweep_hours": 0}
    run_tap(simulator, target, **settings)
    clock.now_ms += HOUR_MS
    moved, still = portal_ids(portal)[:2]
    for engagement_id in (moved, still):
        portal.delete(engagement_id)
    clock.now_ms += HOUR_MS
    run_tap(simulator, target, **settings)
    assert not ids(target) & {moved, still}
    clock.now_ms += 2 * HOUR_MS
    portal.restore(moved, last_updated_ms=clock.now_ms)
    portal.restore(still)
    clock.now_ms += HOUR_MS
    run_tap(simulator, target, **settings)
    assert moved in ids(target)
    run_tap(simulator, target, full_refresh=True, **settings)
    assert still in ids(target)


@every_api
def test_a_list_of_live_records_deletes_nothing(
    serve: Serve,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    api_version: str,
) -> None:
    """
    If HubSpot, or a proxy, ignores `archived=true` and lists live records, none is deleted.
    """
    portal = Portal.generate(60, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    settings: dict[str, Any] = {"api_version": api_version, **NO_PASSES}
    run_tap(simulator, target, **settings)
    existing = ids(target)
    respond = simulator.handle

    def handle(request: Any, body: bytes) -> Any:
        request.params.pop("archived", None)
        return respond(request, body)

    monkeypatch.setattr(simulator, "handle", handle)
    clock.now_ms += 2 * DAY_MS
    assert not deletions(run_tap(simulator, target, **settings))
    assert ids(target) == existing
    assert "not taken for deleted" in caplog.text


@pytest.mark.parametrize("hours", [0, None])
def test_each_run_or_never(serve: Serve, clock: Clock, hours: int | None) -> None:
    """
    With 0 every run reads the list of deletions, with null none does.
    """
    portal = Portal.generate(40, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    for _ in range(3):
        clock.now_ms += 40 * DAY_MS
        portal.delete(portal_ids(portal)[0])
        simulator.requests.clear()
        run_tap(simulator, target, deletion_sweep_hours=hours, **NO_PASSES)
        assert list_requests(simulator) == (7 if hours == 0 else 0)


def test_a_forbidden_type_is_left_to_the_full_pass(
    serve: Serve, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A type whose deletions cannot be listed has one info line, and the others are told.
    """
    portal = Portal.generate(120, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    run_tap(simulator, target, **NO_PASSES)
    clock.now_ms += DAY_MS
    gone = {
        portal.record(engagement_id)["engagement"]["type"]: engagement_id
        for engagement_id in portal_ids(portal)
    }
    for engagement_id in gone.values():
        portal.delete(engagement_id)
    clock.now_ms += DAY_MS
    simulator = serve(portal, objects=ObjectsBehaviour(forbidden_types=("emails",)))
    told = deletions(run_tap(simulator, target, **NO_PASSES))
    assert told.keys() == {one for kind, one in gone.items() if "EMAIL" not in kind}
    lines = [one for one in caplog.records if "left to the full pass" in one.message]
    assert [(one.levelname, "emails" in one.message) for one in lines] == [("INFO", True)]


def test_without_access_v1_works_as_ever(serve: Serve, clock: Clock) -> None:
    """
    With no access to the objects API, a v1 run succeeds, and asks again the next time.
    """
    portal = Portal.generate(40, clock=clock)
    simulator = serve(portal, objects=ObjectsBehaviour(forbidden_types=OBJECT_TYPES))
    target = ModelTarget()
    run_tap(simulator, target, **NO_PASSES)
    for _ in range(2):
        clock.now_ms += 2 * DAY_MS
        simulator.requests.clear()
        run_tap(simulator, target, **NO_PASSES)
        assert list_requests(simulator) == 7
    assert len(target.tables["engagements"]) == len(portal)


def test_a_first_load_tells_no_old_deletions(serve: Serve, clock: Clock) -> None:
    """
    What was deleted before the first load is in no table, and is not told.
    """
    portal = Portal.generate(60, clock=clock)
    portal.delete(portal_ids(portal)[0])
    clock.now_ms += 5 * HOUR_MS
    simulator, target = serve(portal), ModelTarget()
    assert not deletions(run_tap(simulator, target, deletion_sweep_hours=0))
    assert mark(target.state or {})["swept"]


def test_what_a_start_date_leaves_out_stays_out(serve: Serve, clock: Clock) -> None:
    """
    A deleted engagement that was last updated before start_date is not told.
    """
    portal = Portal.generate(60, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    dates = {
        engagement_id: portal.record(engagement_id)["engagement"]["lastUpdated"]
        for engagement_id in portal_ids(portal)
    }
    old, new = min(dates, key=dates.__getitem__), max(dates, key=dates.__getitem__)
    settings = {"start_date": "2024-06-01T00:00:00Z", "deletion_sweep_hours": 0}
    run_tap(simulator, target, **settings)
    assert old not in ids(target)
    clock.now_ms += HOUR_MS
    portal.delete(old)
    portal.delete(new)
    clock.now_ms += HOUR_MS
    assert deletions(run_tap(simulator, target, **settings)).keys() == {new}


@pytest.mark.parametrize("api_version", ["v1", "2026-09"])
def test_requests_of_five_thousand_deletions(serve: Serve, clock: Clock, api_version: str) -> None:
    """
    A sweep of 5,000 deletions takes at most 60 requests.
    """
    portal = Portal.generate(5200, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    settings: dict[str, Any] = {"api_version": api_version, **NO_PASSES}
    run_tap(simulator, target, **settings)
    clock.now_ms += HOUR_MS
    gone = portal_ids(portal)[:5000]
    for engagement_id in gone:
        portal.delete(engagement_id)
    clock.now_ms += DAY_MS
    simulator.requests.clear()
    told = deletions(run_tap(simulator, target, **settings))
    assert told.keys() == {*gone}
    assert list_requests(simulator) + 1 <= 60, Counter(one.path for one in simulator.requests)


@pytest.mark.parametrize("first_api", ["v1", "2026-09"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"skip_types": ["emails", "calls"]}, {"skip_types": ["calls"]}),
        ({"skip_types": ["emails"]}, {}),
        ({"start_date": "2026-11-01T00:00:00Z"}, {}),
    ],
)
def test_deletions_of_what_was_left_out(
    serve: Serve, clock: Clock, first_api: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """
    Sweeps tell no deletion of a skipped type, nor from before start_date. Once the type is read
    again, or start_date is gone, they do: by a full pass, or by the list where that flags nothing.
    """
    portal = Portal.generate(200, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    run_tap(simulator, target, api_version=first_api)
    inner = [record["engagement"] for record in portal.records()]
    emails = [one for one in inner if one["type"] == "EMAIL"]
    gone = min(emails, key=lambda one: one["lastUpdated"])["id"]
    clock.now_ms += DAY_MS
    settings: dict[str, Any] = {"api_version": "2026-09", **NO_PASSES}
    run_tap(simulator, target, **settings, **before)
    portal.delete(gone)
    for _ in range(2):
        clock.now_ms += 2 * DAY_MS
        run_tap(simulator, target, **settings, **before)
    assert gone in ids(target)
    run_tap(simulator, target, **settings, **after)
    assert gone not in ids(target)
    simulator.requests.clear()
    run_tap(simulator, target, **settings, **after)
    assert not list_requests(simulator)
    assert not [one for one in simulator.requests if one.path.endswith("/notes")]


def test_where_the_first_sweep_begins() -> None:
    """
    After a full pass of an older version, at that pass; in the midst of one, at the beginning.
    """
    done = {"lastUpdated": "2026-11-20T07:00:00Z", "version": NOW_MS}
    begun = {**done, "backfill": {"signpost": "2026-11-20T07:00:00Z", "ranges": [[9, None]]}}
    cases = [({}, None), (done, ms_to_utc(NOW_MS)), (begun, EPOCH)]
    for engagements, expected in cases:
        assert first_swept(read_position({"bookmarks": {"engagements": engagements}})) == expected
    del done["version"]
    assert first_swept(read_position({"bookmarks": {"engagements": done}})) == EPOCH


@every_api
def test_deletions_that_were_told_are_no_doubt(
    serve: Serve, clock: Clock, api_version: str
) -> None:
    """
    After a large clean-up that a sweep has told, the next full pass is believed; a list that is too
    short beyond that is not.
    """
    portal = Portal.generate(200, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    settings: dict[str, Any] = {"api_version": api_version, "max_deletions": 10}
    run_tap(simulator, target, **settings)
    clock.now_ms += 2 * HOUR_MS
    for engagement_id in portal_ids(portal)[::2]:
        portal.delete(engagement_id)
    clock.now_ms += DAY_MS
    assert deletions(run_tap(simulator, target, **settings))
    clock.now_ms += 8 * DAY_MS
    run_tap(simulator, target, full_refresh=True, **settings)
    assert {*portal_ids(portal)} <= ids(target)
    for engagement_id in portal_ids(portal)[::2]:
        portal.delete(engagement_id)
    clock.now_ms += HOUR_MS
    settings["deletion_sweep_hours"] = None
    with pytest.raises(DeletionsError):
        run_tap(simulator, target, full_refresh=True, **settings)


@pytest.mark.parametrize("workers", [1, 3])
def test_types_are_swept_at_a_time(serve: Serve, clock: Clock, workers: int) -> None:
    """
    The lists of all types are read in parallel, each page of each type once; the next sweep begins
    at the earliest request of this one.
    """
    portal = Portal.generate(300, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    settings = {"page_size": 7, "backfill_workers": workers, **NO_PASSES}
    run_tap(simulator, target, **settings)
    clock.now_ms += 2 * HOUR_MS
    gone = portal_ids(portal)[::3]
    for engagement_id in gone:
        portal.delete(engagement_id)
    clock.now_ms += DAY_MS
    simulator.requests.clear()
    began = ms_to_utc(clock.now_ms)
    told = deletions(run_tap(simulator, target, **settings))
    assert told.keys() == {*gone}
    lists = [one.path + str(one.params.get("after")) for one in simulator.requests]
    archived = [path for path in lists if "/objects/" in path]
    assert len(archived) == len(set(archived)) > 2 * len(OBJECT_TYPES)
    swept = read_position(target.state or {}).swept
    assert swept and swept <= began - timedelta(seconds=1)
