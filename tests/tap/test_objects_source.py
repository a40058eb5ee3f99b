"""The objects API as a source: lists, searches, associations, scopes, and the tables they make."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from hubspot_api.client import HubspotClient
from hubspot_api.exceptions import BadRequestError, ScopeError
from hubspot_simulator.faults import BAD_PARAMETER, MISSING_SCOPES, SERVER_ERROR, Fault
from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.exceptions import ConfigError, PagingError
from tap_hubspot_engagements.objects.changes import _safe_end
from tap_hubspot_engagements.objects.source import ObjectsSource
from tap_hubspot_engagements.source import Page
from tap_hubspot_engagements.times import ms_to_utc
from tests.expected import expected_tables
from tests.tap.conftest import HOUR_MS, NOW_MS, Clock, Serve, build_config, mark, of_type
from tests.tap.differences import as_objects_show, comparable
from tests.tap.model import ModelTarget
from tests.tap.objects import OBJECTS, build_client, run_tap

every_version = pytest.mark.parametrize("api_version", OBJECTS)


def build_source(simulator: Simulator, **settings: object) -> ObjectsSource:
    config, client = build_client(simulator, **{"api_version": "2026-09", **settings})
    return ObjectsSource(client, config)


def ids_of(pages: Iterator[Page]) -> list[int]:
    return [engagement.id for page in pages for engagement in page.engagements]


def listed_ids(portal: Portal) -> set[int]:
    """Return the ids of the engagements that the objects API has."""
    missing = ("PUBLISHING_TASK", "CONVERSATION_SESSION")
    inner = [record["engagement"] for record in portal.records()]
    return {one["id"] for one in inner if one["type"] not in missing}


def assert_tables(target: ModelTarget, portal: Portal) -> None:
    """Assert that all tables equal v1's, but for the listed differences."""
    expected = comparable(as_objects_show(expected_tables(portal)))
    found = comparable(target.tables)
    for stream, rows in found.items():
        if stream != "call_dispositions":
            assert rows == expected[stream], stream


@every_version
def test_all_tables_are_those_of_v1(serve: Serve, clock: Clock, api_version: str) -> None:
    """
    A full pass, and then changes, make v1's tables, but for the listed differences.
    """
    portal = Portal.generate(300, clock=clock)
    simulator, target, v1 = serve(portal), ModelTarget(), ModelTarget()
    run_tap(simulator, target, api_version=api_version)
    assert_tables(target, portal)
    clock.now_ms += HOUR_MS
    for engagement_id in sorted(listed_ids(portal))[::7]:
        portal.update(engagement_id, {"uid": "changed"}, {"body": "", "title": "new"})
    portal.associate(engagement_id, "contactIds", range(1, 1203))
    portal.create({"engagement": {"type": "NOTE"}, "metadata": {"body": "late"}})
    clock.now_ms += HOUR_MS
    run_tap(simulator, target, api_version=api_version)
    assert_tables(target, portal)
    run_tap(simulator, v1)
    assert target.tables["call_dispositions"] == v1.tables["call_dispositions"]
    assert target.tables["owners"] == v1.tables["owners"]


SWITCHES: dict[str, dict[str, Any]] = {
    "opaque cursor": {"list_cursor": "opaque"},
    "shuffled": {"list_order": "shuffled"},
    "half pages": {"half_pages": True, "last_paging": "null"},
    "few inline": {"inline_associations": 1, "association_page": 1},
    "doubles": {"association_doubles": True, "association_ids": "text"},
    "errors": {"unassociated": "error", "multi_status": "always"},
    "texts": {"null_text": "empty", "time_text": "epoch_ms"},
    "cap": {"search_cap": 300},
}


@pytest.mark.parametrize("switches", SWITCHES.values(), ids=list(SWITCHES))
def test_what_hubspot_leaves_open(serve: Serve, clock: Clock, switches: dict[str, Any]) -> None:
    """
    However HubSpot decides what it leaves open, the tables are the same.
    """
    portal = Portal.generate(600, clock=clock, creation_order="jumbled")
    simulator = serve(portal, objects=ObjectsBehaviour(**switches))
    target = ModelTarget()
    run_tap(simulator, target, api_version="2026-09")
    clock.now_ms += HOUR_MS
    for engagement_id in sorted(listed_ids(portal))[::2]:
        portal.update(engagement_id, {"uid": "changed\x00"})
    clock.now_ms += HOUR_MS
    run_tap(simulator, target, api_version="2026-09")
    assert_tables(target, portal)


@pytest.mark.parametrize("only_type", ["NOTE", None])
def test_ids_are_shared_among_workers(serve: Serve, clock: Clock, only_type: str | None) -> None:
    """
    A full pass by several workers has each engagement once, and ends with is_last alone.
    """
    portal = Portal.generate(2500, clock=clock, only_type=only_type)
    source = build_source(serve(portal), backfill_workers=6, page_size=20)
    pages = list(source.read_all())
    assert Counter(ids_of(iter(pages))) == Counter(listed_ids(portal))
    assert [page.is_last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert source.find_contradiction(pages[-1], 2500, NOW_MS) is None


@pytest.mark.parametrize("switches", [{}, {"list_cursor": "opaque"}], ids=["ids", "cursors"])
def test_a_full_pass_resumes_after_every_page(
    serve: Serve, clock: Clock, switches: dict[str, Any]
) -> None:
    """
    The resume of any page, through JSON, leads to all engagements that come after that page.
    """
    portal = Portal.generate(150, clock=clock)
    simulator = serve(portal, objects=ObjectsBehaviour(**switches))
    source = build_source(simulator, page_size=10)
    pages = list(source.read_all())
    begin = next(at for at, page in reversed([*enumerate(pages)]) if page.starts_over or not at)
    for number, page in enumerate(pages[begin:-1], start=begin + 1):
        resume = json.loads(json.dumps(page.resume))
        source.check_resume(resume)
        before = ids_of(iter(pages[begin:number]))
        assert {*before, *ids_of(source.read_all(resume))} == listed_ids(portal)


def test_the_clock_of_the_first_page_precedes_all_requests(serve: Serve, clock: Clock) -> None:
    """
    The first page of a full pass is complete before any other is requested.
    """
    portal = Portal.generate(300, clock=clock)
    simulator = serve(portal)
    pages = build_source(simulator, backfill_workers=6).read_all()
    next(pages)
    lists = [one for one in simulator.requests if one.path.endswith(("notes", "emails", "calls"))]
    assert lists[0].path.endswith("/notes")
    pages.close()  # type: ignore[attr-defined]  # a generator


def test_an_engagement_made_during_the_pass_with_a_low_id_is_read(
    serve: Serve, clock: Clock
) -> None:
    """
    Ids are not in the order of creation: the run after a pass begins at the pass's start.
    """
    portal = Portal.generate(400, clock=clock)
    simulator, target = serve(portal, index_delay_ms=0), ModelTarget()
    clock.now_ms += HOUR_MS
    late = {"engagement": {"id": 5, "type": "NOTE"}, "metadata": {"body": "late"}}
    simulator.faults.add(Fault(on=20, then=lambda portal: portal.create(late)))
    run_tap(simulator, target, api_version="2026-09", lookback_seconds=0, page_size=10)
    assert (5,) in target.tables["engagement_notes"]


def change_all(portal: Portal, ids: list[int], at_ms: int, step_ms: int) -> None:
    for number, engagement_id in enumerate(ids):
        portal.update(engagement_id, {"uid": "new"}, last_updated_ms=at_ms + number * step_ms)


@pytest.mark.parametrize("step_ms", [0, 1, 7], ids=["one ms", "each ms", "apart"])
def test_changes_are_complete(serve: Serve, clock: Clock, step_ms: int) -> None:
    """
    More changes than a search shows, also in a single millisecond, are all read, and resumed.
    """
    portal = Portal.generate(900, clock=clock, only_type="NOTE")
    simulator = serve(portal, objects=ObjectsBehaviour(search_cap=100), index_delay_ms=0)
    clock.now_ms += HOUR_MS
    ids = sorted(listed_ids(portal))
    change_all(portal, ids[::-1], clock.now_ms, step_ms)
    clock.now_ms += HOUR_MS
    source = build_source(simulator, page_size=50, lookback_seconds=0)
    since = ms_to_utc(clock.now_ms - HOUR_MS)
    pages = list(source.read_changes(since))
    assert set(ids_of(iter(pages))) == set(ids)
    assert len(ids_of(iter(pages))) <= 2 * len(ids)
    for number, page in enumerate(pages[:-1], start=1):
        resume = json.loads(json.dumps(page.resume))
        source.check_resume(resume)
        rest = ids_of(source.resume_changes(resume))
        assert {*ids_of(iter(pages[:number])), *rest} == set(ids)


def test_more_changes_than_a_search_has(serve: Serve, clock: Clock) -> None:
    """
    12,000 changes within one millisecond, among 12,500, are all read.
    """
    portal = Portal.generate(12_500, clock=clock, only_type="NOTE", bulk_edit=12_000)
    source = build_source(serve(portal), lookback_seconds=0)
    dates = [record["engagement"]["lastUpdated"] for record in portal.records()]
    assert max(Counter(dates).values()) >= 12_000
    assert set(ids_of(source.read_changes(ms_to_utc(min(dates))))) == listed_ids(portal)


def test_a_change_during_the_searches_hides_no_other(serve: Serve, clock: Clock) -> None:
    """
    A change between two pages, which moves all later results up, makes none of them missing.
    """
    portal = Portal.generate(120, clock=clock, only_type="NOTE")
    simulator = serve(portal, index_delay_ms=0, objects=ObjectsBehaviour(search_delay_ms=0))
    clock.now_ms += HOUR_MS
    ids = sorted(listed_ids(portal))
    change_all(portal, ids, clock.now_ms, 1)
    clock.now_ms += HOUR_MS
    source = build_source(simulator, page_size=30, lookback_seconds=0)
    search, searches = source.api.search, []

    def search_after_a_change(*arguments: Any, **options: Any) -> Any:
        portal.update(ids[len(searches)], {"uid": "moved"})
        clock.now_ms += 1
        searches.append(arguments)
        return search(*arguments, **options)

    source.api.search = search_after_a_change  # type: ignore[method-assign]
    since = ms_to_utc(clock.now_ms - HOUR_MS)
    assert set(ids_of(source.read_changes(since))) >= set(ids)


def test_the_next_search_begins_before_what_is_out_of_order() -> None:
    """
    If the index is out of order, the next search begins at the lowest date after a higher one.
    """
    assert _safe_end([1, 2, 3]) == 3
    assert _safe_end([1, 9, 2, 3]) == 2
    assert _safe_end([]) == 0


def test_requests_of_two_thousand_changes(serve: Serve, clock: Clock) -> None:
    """
    2,000 changes of all types take at most 45 requests.
    """
    portal = Portal.generate(6000, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    clock.now_ms += HOUR_MS
    run_tap(simulator, target, api_version="2026-09")
    clock.now_ms += 2 * HOUR_MS
    ids = sorted(listed_ids(portal))
    change_all(portal, ids[:: len(ids) // 2000][:2000], clock.now_ms, 1)
    clock.now_ms += HOUR_MS
    simulator.requests.clear()
    source = build_source(simulator, lookback_seconds=0)
    since = ms_to_utc(clock.now_ms - HOUR_MS)
    assert len(set(ids_of(source.read_changes(since)))) == 2000
    assert len(simulator.requests) <= 45, Counter(one.path for one in simulator.requests)


def test_a_refused_id_leaves_the_other_associations(serve: Serve, clock: Clock) -> None:
    """
    HubSpot refuses a whole batch for one unknown id: the other records keep their associations.
    """
    portal = Portal.generate(60, clock=clock, only_type="NOTE")
    simulator = serve(portal, objects=ObjectsBehaviour(unknown_ids="refuse"))
    source = build_source(simulator)
    found = source.api.search("notes", [("hs_lastmodifieddate", "GTE", 1000)])
    gone = int(found.records[7].id)
    portal.delete(gone)
    # Whether a record is deleted is a request like any other: an outage does not end the run.
    simulator.faults.add(SERVER_ERROR.at(path=f"/notes/{gone}", times=3))
    page = source.api.to_page("notes", [found], found.records)
    for engagement in page.engagements:
        if engagement.id == gone:
            assert not engagement.whole["associations"]["contactIds"]
        else:
            expected = portal.record(engagement.id)["associations"]
            assert engagement.whole["associations"]["contactIds"] == expected["contactIds"]


def associations_of(target: ModelTarget, engagement_id: int) -> list[dict[str, Any]]:
    rows = target.tables.get("engagement_associations", {}).values()
    return [row for row in rows if row["engagementId"] == engagement_id]


@pytest.mark.parametrize(
    ("stage", "request_number", "partners"),
    [
        ("full pass", 1, 1202),
        ("full pass", 2, 1202),
        ("changes", 1, 3),
        ("changes", 1, 1202),
        ("changes", 2, 1202),
    ],
)
def test_refused_associations_of_a_record_are_an_error(
    serve: Serve, clock: Clock, stage: str, request_number: int, partners: int
) -> None:
    """
    HubSpot refuses a page, the first or the second, of a live record's associations: no part of
    them is written, the run fails with a line that says what to do, and the next run has all.
    """
    portal = Portal.generate(30, clock=clock, only_type="NOTE")
    target = ModelTarget()
    if stage == "changes":
        run_tap(serve(portal), target, api_version="2026-09")
        clock.now_ms += HOUR_MS
    note = sorted(listed_ids(portal))[4]
    before = associations_of(target, note)
    portal.associate(note, "contactIds", range(1, partners + 1))
    portal.update(note, {"uid": "edited"})
    clock.now_ms += HOUR_MS
    simulator = serve(portal)
    batch = "associations/2026-09/notes/contacts/batch/read"
    simulator.faults.add(BAD_PARAMETER.at(request_number, path=batch, times=None))
    advice = "not all contacts of notes \\d+ can be read: run again"
    with pytest.raises(BadRequestError, match=advice):
        run_tap(simulator, target, api_version="2026-09")
    assert associations_of(target, note) == before
    simulator.faults.clear()
    run_tap(simulator, target, api_version="2026-09")
    assert_tables(target, portal)


def test_a_record_that_hubspot_refuses_does_not_count_as_deleted(
    serve: Serve, clock: Clock
) -> None:
    """
    If HubSpot refuses a record's associations, and then the record itself with 403, the record
    may exist: the run fails, and writes no record without its associations.
    """
    portal = Portal.generate(30, clock=clock, only_type="NOTE")
    simulator, target = serve(portal), ModelTarget()
    note = sorted(listed_ids(portal))[4]
    portal.associate(note, "contactIds", range(1, 1203))  # more than a list shows
    batch = "associations/2026-09/notes/contacts/batch/read"
    simulator.faults.add(BAD_PARAMETER.at(path=batch, times=None))
    simulator.faults.add(MISSING_SCOPES.at(path="/notes/", method="GET", times=None))
    with pytest.raises(BadRequestError, match="not all contacts of notes"):
        run_tap(simulator, target, api_version="2026-09")
    assert not associations_of(target, note)
    assert (note,) not in target.tables.get("engagements", {})


def test_a_forbidden_type_is_an_error_that_names_the_scope(serve: Serve, clock: Clock) -> None:
    """
    A type that answers 403 fails the run, and the error has the scope and the setting.
    """
    portal = Portal.generate(50, clock=clock)
    types = ("contacts", "companies", "deals", "owners")
    scopes = [*(f"crm.objects.{name}.read" for name in types), "tickets"]
    simulator = serve(portal, scopes=scopes)
    for stage in ("full pass", "changes"):
        target = ModelTarget()
        if stage == "changes":
            target.state = {"bookmarks": {"engagements": {"lastUpdated": "2026-11-19T00:00:00Z"}}}
        with pytest.raises(ScopeError, match="sales-email-read.*emails.*skip_types"):
            run_tap(simulator, target, api_version="2026-09")
    with pytest.raises(ScopeError, match="sales-email-read"):
        build_source(simulator).check("engagements")


def test_skipped_types_are_left_as_they_are(
    serve: Serve, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """
    skip_types leaves a type out with one warning, and a full pass flags none of its rows.
    """
    portal = Portal.generate(200, clock=clock)
    target = ModelTarget()
    run_tap(serve(portal), target, api_version="2026-09")
    before = dict(target.tables["engagement_emails"])
    simulator = serve(portal, objects=ObjectsBehaviour(forbidden_types=("emails",)))
    clock.now_ms += HOUR_MS
    settings: dict[str, Any] = {"api_version": "2026-09", "skip_types": ["emails"]}
    messages = run_tap(simulator, target, full_refresh=True, **settings)
    assert before and target.tables["engagement_emails"] == before
    flagged = {message["stream"] for message in of_type(messages, "ACTIVATE_VERSION")}
    assert flagged <= {"owners", "call_dispositions"}
    assert [one.levelname for one in caplog.records if "skip_types" in one.message] == ["WARNING"]
    build_source(simulator, **settings).check("engagements")


@pytest.mark.parametrize("stage", ["full pass", "changes"])
def test_a_type_that_is_skipped_in_mid_pass(serve: Serve, clock: Clock, stage: str) -> None:
    """
    A pass that failed at a type goes on without the type once skip_types names it.
    """
    portal = Portal.generate(300, clock=clock)
    target = ModelTarget()
    if stage == "changes":
        run_tap(serve(portal), target, api_version="2026-09")
        clock.now_ms += HOUR_MS
        for record in portal.records():
            portal.update(record["engagement"]["id"], {"uid": "edited"})
        clock.now_ms += HOUR_MS
    simulator = serve(portal, objects=ObjectsBehaviour(forbidden_types=("emails",)))
    with pytest.raises(ScopeError, match="leave emails out by skip_types"):
        run_tap(simulator, target, api_version="2026-09")
    name = {"full pass": "backfill", "changes": "changes"}[stage]
    assert target.state and name in mark(target.state)
    run_tap(simulator, target, api_version="2026-09", skip_types=["emails"])
    assert not mark(target.state).keys() & {"backfill", "changes"}
    expected = comparable(as_objects_show(expected_tables(portal)))
    found = comparable(target.tables)
    for stream in ("engagement_notes", "engagement_calls", "engagement_tasks"):
        assert found[stream] == expected[stream]


@pytest.mark.parametrize("name", ["emails", "deals"])
def test_a_type_that_is_no_longer_skipped(serve: Serve, clock: Clock, name: str) -> None:
    """
    Nothing is missing of a type that was skipped for some runs, nor of the associations with it.
    """
    portal = Portal.generate(300, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    run_tap(simulator, target, api_version="2026-09", skip_types=[name])
    for _ in range(2):
        clock.now_ms += HOUR_MS
        portal.create({"engagement": {"type": "EMAIL"}, "metadata": {}})
        run_tap(simulator, target, api_version="2026-09", skip_types=[name])
    portal.delete(next(iter(sorted(listed_ids(portal)))))
    clock.now_ms += 3 * HOUR_MS
    run_tap(simulator, target, api_version="2026-09")
    assert_tables(target, portal)
    simulator.requests.clear()
    run_tap(simulator, target, api_version="2026-09")
    assert not [one for one in simulator.requests if one.path.endswith("/notes")]


@pytest.mark.parametrize("stage", ["full pass", "changes"])
@pytest.mark.parametrize("name", ["companies", "deals"])
def test_refused_associations_are_an_error(
    serve: Serve, clock: Clock, caplog: pytest.LogCaptureFixture, name: str, stage: str
) -> None:
    """
    Without the scope of an associated type the run fails, and no association is lost. skip_types
    leaves the type's associations out, with a warning.
    """
    portal = Portal.generate(400, clock=clock)
    target = ModelTarget()
    run_tap(serve(portal), target, api_version="2026-09")
    before = dict(target.tables["engagement_associations"])
    clock.now_ms += HOUR_MS
    key = {"companies": "companyIds", "deals": "dealIds"}[name]
    edited = next(
        one["engagement"]["id"]
        for one in portal.records()
        if one["engagement"]["type"] == "NOTE" and one["associations"].get(key)
    )
    portal.update(edited, {"uid": "edited"})
    clock.now_ms += HOUR_MS
    simulator = serve(portal, objects=ObjectsBehaviour(forbidden_types=(name,)))
    settings: dict[str, Any] = {"api_version": "2026-09", "full_refresh": stage == "full pass"}
    with pytest.raises(ScopeError, match=f"leave {name} out by skip_types"):
        run_tap(simulator, target, **settings)
    assert target.tables["engagement_associations"] == before
    with pytest.raises(ScopeError, match=f"leave {name} out by skip_types"):
        build_source(simulator).check("engagements")
    run_tap(simulator, target, skip_types=[name], **settings)
    assert [one for one in caplog.records if "skip_types" in one.message]
    assert target.tables["engagements"][edited,]["uid"] == "edited"


def test_skip_types_is_checked(hubspot: Simulator) -> None:
    """
    An unknown type, or all of them, is an error of the configuration.
    """
    for value in (
        ["mails"],
        "mails",
        5,
        ["notes", "emails", "calls", "tasks", "meetings", "communications", "postal_mail"],
    ):
        with pytest.raises(ConfigError, match="skip_types"):
            build_client(hubspot, skip_types=value)
    config, _ = build_client(hubspot, skip_types="emails,notes")
    assert config.skip_types == ("notes", "emails")


def test_a_change_of_api_flags_nothing_falsely(serve: Serve, clock: Clock) -> None:
    """
    Rows that one API alone can see survive full passes of the other, and deletions are found.
    """
    portal = Portal.generate(300, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    run_tap(simulator, target)
    types = Counter(row["type"] for row in target.tables["engagements"].values())
    assert types["PUBLISHING_TASK"] and types["CONVERSATION_SESSION"]
    for api_version in ("2026-09", "v1", "v3"):
        clock.now_ms += HOUR_MS
        gone = sorted(listed_ids(portal))[3]
        portal.delete(gone)
        clock.now_ms += HOUR_MS
        run_tap(simulator, target, full_refresh=True, api_version=api_version)
        ids = {key for (key,) in target.tables["engagements"]}
        assert ids == {record["engagement"]["id"] for record in portal.records()}
    assert mark(target.state or {})["writers"] == ["objects", "v1"]


def test_an_unfinished_pass_of_another_api_begins_anew(
    serve: Serve, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The state's unfinished pass of v1 is not resumed, and one line says so.
    """
    portal = Portal.generate(100, clock=clock)
    target = ModelTarget()
    target.state = {
        "bookmarks": {
            "engagements": {
                "backfill": {"signpost": "2026-11-20T07:00:00Z", "ranges": [[99, None]]},
                "version": NOW_MS - HOUR_MS,
            }
        }
    }
    run_tap(serve(portal), target, api_version="2026-09")
    assert {key for (key,) in target.tables["engagements"]} == listed_ids(portal)
    assert sum("begins anew" in one.message for one in caplog.records) == 1


@pytest.mark.parametrize("lacks", [{"unread": [{"ranges": [[5, 9]]}]}, {"doubted": True}])
@pytest.mark.parametrize("changes", [None, [{"signpost": "2026-11-19T00:00:00Z", "after": "x"}]])
def test_what_v1_could_not_read_is_read_anew(
    serve: Serve, clock: Clock, lacks: dict[str, Any], changes: list[Any] | None
) -> None:
    """
    The state's unread pages of v1, and a full pass that is due, lead to one of the objects API,
    also if v1 was interrupted among changes.
    """
    portal = Portal.generate(60, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    run_tap(simulator, target)
    assert target.state is not None
    target.state["bookmarks"]["engagements"] |= {**lacks, "changes": changes}
    messages = run_tap(simulator, target, api_version="2026-09")
    assert any(one.path.endswith("/2026-09/notes") for one in simulator.requests)
    assert {"unread", "doubted"}.isdisjoint(mark(messages[-1]["value"]))


def test_searches_keep_to_their_own_limit(serve: Serve, clock: Clock) -> None:
    """
    HubSpot allows five searches a second, and the tap causes no 429.
    """
    portal = Portal.generate(1500, clock=clock)
    simulator = serve(portal, search_limit=5)
    config = build_config(simulator, api_version="2026-09")
    client = HubspotClient(config)
    source = ObjectsSource(client, config)
    assert set(ids_of(source.read_changes(ms_to_utc(0)))) == listed_ids(portal)
    assert client.retries == 0
    assert sum(one.path.endswith("/search") for one in simulator.requests) > 10


def test_a_search_without_order_is_an_error(client: HubspotClient) -> None:
    """
    A search whose results lie before its filter never ends: that is an error.
    """
    from tap_hubspot_engagements.objects.api import ObjectsApi
    from tap_hubspot_engagements.objects.changes import Place, _advance
    from tap_hubspot_engagements.objects.typed_records import read_page

    class Found:
        records = read_page(
            "notes",
            b'{"results":[{"id":"1","properties":{"hs_lastmodifieddate":"2020-01-01T00:00:00Z"}}]}',
        ).results
        has_more = True

    with pytest.raises(PagingError):
        _advance(ObjectsApi(client, "2026-09"), "notes", Place(NOW_MS), Found())  # type: ignore[arg-type]


def test_one_engagement(serve: Serve, clock: Clock) -> None:
    """
    An engagement of any type is read by its id with all associations; a deleted one is None.
    """
    portal = Portal.generate(60, clock=clock)
    source = build_source(serve(portal))
    first, second, *_, last = sorted(listed_ids(portal))
    portal.associate(first, "contactIds", range(1, 251))
    portal.delete(second)
    engagement = source.read_one(first)
    assert engagement is not None
    assert engagement.whole["associations"]["contactIds"] == [*range(1, 251)]
    assert source.read_one(second) is None
    assert source.read_one(last) is not None
