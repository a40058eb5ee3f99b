"""HubSpot's endpoints over HTTP: pagination, page sizes, order and limits."""

from __future__ import annotations

from typing import Any

import pytest

from hubspot_simulator.contents import DISPOSITIONS
from hubspot_simulator.portal import Portal
from tests.simulator.conftest import (
    CHANGED,
    ENGAGEMENTS,
    NOW_MS,
    PAGED,
    RECENT,
    RECORDINGS,
    Clock,
    Hubspot,
    Serve,
    ids,
    needs_recordings,
    note,
)

DAY_MS = 86_400_000


def fill(portal: Portal, count: int, **inner: Any) -> None:
    """Create `count` notes with ids from 1, a second apart, the last one now."""
    for record_id in range(1, count + 1):
        at_ms = NOW_MS - (count - record_id) * 1_000
        portal.create(note(record_id, **{"createdAt": at_ms, **inner}))


def drain(hubspot: Hubspot, after: int | str, limit: int = 10) -> tuple[list[int], str]:
    """Follow `modified/after` to its end; return the ids and the durable cursor."""
    record_ids = []
    while True:
        body = hubspot.json(CHANGED, after=after, limit=limit)
        record_ids += ids(body)
        if not body["hasMore"]:
            return record_ids, body["after"]
        after = body["after"]


class TestPaged:
    """GET /engagements/v1/engagements/paged"""

    def test_walks_ids_upwards_by_the_last_id(self, portal: Portal, serve: Serve) -> None:
        """`offset` is the last id returned, on the last page too; there is no total."""
        fill(portal, 5)
        hubspot = serve(portal)

        first = hubspot.json(PAGED, limit=2)
        last = hubspot.json(PAGED, limit=2, offset=4)

        assert (ids(first), first["hasMore"], first["offset"]) == ([1, 2], True, 2)
        assert (ids(last), last["hasMore"], last["offset"]) == ([5], False, 5)
        assert {"results", "hasMore", "offset"} == last.keys()
        assert tuple(hubspot.json(PAGED, offset=9).values()) == ([], False, 9)

    def test_an_empty_portal(self, portal: Portal, serve: Serve) -> None:
        """The page has no results, and an offset of 0."""
        body = serve(portal).json(PAGED)
        assert body == {"results": [], "hasMore": False, "offset": 0}

    def test_page_sizes(self, portal: Portal, serve: Serve) -> None:
        """The default is 100, the maximum 250; `count` is ignored."""
        fill(portal, 260)
        hubspot = serve(portal)

        assert len(hubspot.json(PAGED)["results"]) == 100
        assert len(hubspot.json(PAGED, count=1)["results"]) == 100
        assert len(hubspot.json(PAGED, limit=1000)["results"]) == 250
        assert len(hubspot.json(PAGED, offset=250)["results"]) == 10

    def test_an_offset_survives_changes(self, portal: Portal, serve: Serve) -> None:
        """Records created or deleted before an offset do not shift the next page."""
        fill(portal, 6)
        hubspot = serve(portal)
        offset = hubspot.json(PAGED, limit=3)["offset"]
        for record_id in (1, 3, 4):
            portal.delete(record_id)
        portal.create(note(2**40))

        assert ids(hubspot.json(PAGED, offset=offset)) == [5, 6, 2**40]

    def test_hidden_records(self, portal: Portal, serve: Serve) -> None:
        """
        No list shows a sample contact's engagement, but an offset may be such an id.
        """
        fill(portal, 4)
        portal.hide(3)
        portal.update(3, metadata={"body": "still hidden"})
        hubspot = serve(portal)

        page = hubspot.json(PAGED, limit=2)
        assert (ids(page), page["offset"], page["hasMore"]) == ([1, 2], 3, True)
        assert ids(hubspot.json(PAGED, offset=3)) == [4]
        assert ids(hubspot.json(RECENT)) == [4, 2, 1]
        assert {1, 2, 4} == set(drain(hubspot, 0)[0])
        assert hubspot.json(f"{ENGAGEMENTS}/3")["engagement"]["id"] == 3

    def test_some_portals_fail_at_large_pages(self, portal: Portal, serve: Serve) -> None:
        """A page size above `server_error_above` returns 500, up to the limit a page."""
        hubspot = serve(portal, server_error_above=190)

        assert [hubspot.get(PAGED, limit=limit).status_code for limit in (190, 191, 5000)] == [
            200,
            500,
            500,
        ]

    @needs_recordings
    def test_recorded_records_are_unchanged(self, serve: Serve) -> None:
        """Recorded records are served unchanged: keys, values, order."""
        portal = Portal.from_recording(RECORDINGS)

        assert portal.records() == serve(portal).json(PAGED, limit=250)["results"]


class TestRecentlyModified:
    """GET /engagements/v1/engagements/recent/modified"""

    def test_walks_rows_from_the_newest(self, portal: Portal, serve: Serve) -> None:
        """`offset` counts rows; every page has `total`, also the last."""
        fill(portal, 5)
        portal.update(1)
        hubspot = serve(portal)

        first = hubspot.json(RECENT, count=3)
        last = hubspot.json(RECENT, count=3, offset=3)

        assert {"results", "hasMore", "offset", "total"} == first.keys()
        assert (ids(first), *list(first.values())[1:]) == ([5, 1, 4], True, 3, 5)
        assert (ids(last), *list(last.values())[1:]) == ([3, 2], False, 5, 5)

    def test_page_sizes(self, portal: Portal, serve: Serve) -> None:
        """The default is 20, the maximum 100; more is no error, and `limit` is ignored."""
        fill(portal, 120)
        hubspot = serve(portal)

        assert len(hubspot.json(RECENT, limit=50)["results"]) == 20
        assert len(hubspot.json(RECENT, count=500)["results"]) == 100

    def test_since_counts_in_the_total(self, portal: Portal, serve: Serve) -> None:
        """`since` excludes older records, also from `total`; the boundary is an option."""
        fill(portal, 5)
        since = NOW_MS - 2_000

        body = serve(portal).json(RECENT, since=since)
        assert (ids(body), body["total"]) == ([5, 4, 3], 3)
        assert ids(serve(portal, since_exclusive=True).json(RECENT, since=since)) == [5, 4]

    def test_thirty_days_are_listed(self, portal: Portal, serve: Serve) -> None:
        """Changes of more than 30 days ago are silently missing."""
        portal.create(note(1, createdAt=NOW_MS - 30 * DAY_MS - 1))
        portal.create(note(2, createdAt=NOW_MS - 30 * DAY_MS))

        assert ids(serve(portal).json(RECENT, since=0)) == [2]

    def test_ten_thousand_rows_are_listed(self, clock: Clock, serve: Serve) -> None:
        """The total stops at 10,000, and an offset from 10,000 on is a 400."""
        portal = Portal.generate(10_100, seed=7, clock=clock)
        for record in portal.records():
            portal.update(record["engagement"]["id"])
        hubspot = serve(portal)
        last = hubspot.json(RECENT, count=100, offset=9_950)

        assert (len(last["results"]), last["hasMore"], last["total"]) == (50, False, 10_000)
        assert hubspot.get(RECENT, offset=10_000).status_code == 400

    def test_rows_shift_while_paging(self, portal: Portal, serve: Serve) -> None:
        """An edit between two pages shows a row twice; a deletion hides one."""
        fill(portal, 4)
        hubspot = serve(portal)

        assert ids(hubspot.json(RECENT, count=2)) == [4, 3]
        portal.update(1, last_updated_ms=NOW_MS + 1)
        assert ids(hubspot.json(RECENT, count=2, offset=2)) == [3, 2]
        portal.delete(4)
        assert ids(hubspot.json(RECENT, count=2, offset=2)) == [2]


class TestModifiedAfter:
    """GET /engagements/v1/engagements/modified/after"""

    def test_every_change_comes_once_in_no_order(self, portal: Portal, serve: Serve) -> None:
        """Paginating from a time returns every change since then once, unordered."""
        fill(portal, 50)
        hubspot = serve(portal)
        record_ids, _ = drain(hubspot, NOW_MS - 29_000)

        assert set(range(21, 51)) == set(record_ids)
        assert len(record_ids) == 30
        assert sorted(record_ids) != record_ids != sorted(record_ids, reverse=True)
        assert len(drain(serve(portal, since_exclusive=True), NOW_MS - 49_000)[0]) == 49

    def test_page_sizes(self, portal: Portal, serve: Serve) -> None:
        """The default is 100, the maximum 1000; no page has a total."""
        fill(portal, 1_010)
        hubspot = serve(portal)

        assert len(hubspot.json(CHANGED, after=0)["results"]) == 100
        assert len(hubspot.json(CHANGED, after=0, limit=5_000)["results"]) == 1_000
        assert {"results", "hasMore", "after"} == hubspot.json(CHANGED, after=0).keys()

    def test_a_cursor_survives_changes(self, portal: Portal, serve: Serve) -> None:
        """
        A record edited during pagination comes on a later page, also with an old `lastUpdated`;
        a deleted record does not come.
        """
        fill(portal, 30)
        hubspot = serve(portal)
        first = hubspot.json(CHANGED, after=NOW_MS - 29_000, limit=10)
        past, later = ids(first)[0], sorted(set(range(1, 31)) - set(ids(first)))
        portal.update(past)
        portal.update(later[0], last_updated_ms=1)
        portal.delete(later[1])
        portal.create(note(99))
        rest, _ = drain(hubspot, first["after"])

        assert len(rest) == len(set(rest))
        assert {past, *later, 99} - {later[1]} == set(rest)

    def test_the_last_cursor_is_durable(self, portal: Portal, serve: Serve) -> None:
        """The cursor of a last page returns the changes since then, and can be used again."""
        fill(portal, 5)
        hubspot = serve(portal)
        _, cursor = drain(hubspot, 0)

        assert drain(hubspot, cursor)[0] == []
        portal.update(2)
        portal.create(note(9, lastUpdated=5))
        portal.associate(3, "contactIds", [1])
        assert {2, 9} == set(drain(hubspot, cursor)[0])
        assert {2, 9} == set(drain(hubspot, cursor)[0])

    def test_a_change_shows_late(self, portal: Portal, clock: Clock, serve: Serve) -> None:
        """Until the index delay is over, the endpoint shows the previous version, or nothing."""
        portal.create(note(1, createdAt=NOW_MS - 60_000))
        hubspot = serve(portal, index_delay_ms=5_000)
        assert hubspot.json(CHANGED, after=0)["results"][0]["metadata"]["body"] == "note 1"
        portal.update(1, metadata={"body": "edited"})
        portal.create(note(2))

        clock.now_ms += 4_999
        [record] = hubspot.json(CHANGED, after=0)["results"]
        assert (
            record["metadata"]["body"],
            record["engagement"]["lastUpdated"],
        ) == ("note 1", NOW_MS - 60_000)
        _, cursor = drain(hubspot, 0)
        assert drain(hubspot, NOW_MS)[0] == []
        assert {1, 2} == set(ids(hubspot.json(RECENT)))

        clock.now_ms += 1
        assert {1, 2} == set(drain(hubspot, cursor)[0])
        assert {1, 2} == set(drain(hubspot, NOW_MS)[0])

    @pytest.mark.parametrize(
        ("last_after", "members"), [("missing", {}), ("null", {"after": None})]
    )
    def test_the_last_page_may_lack_its_cursor(
        self, portal: Portal, serve: Serve, last_after: str, members: dict[str, None]
    ) -> None:
        """The last page's cursor can be missing or null; other pages always have a cursor."""
        fill(portal, 3)
        hubspot = serve(portal, last_after=last_after)
        first = hubspot.json(CHANGED, after=0, limit=2)
        last = hubspot.json(CHANGED, after=first["after"])

        assert isinstance(first["after"], str)
        assert members == {key: last[key] for key in last if key not in ("results", "hasMore")}

    def test_without_the_contacts_scope_it_is_empty(self, portal: Portal, serve: Serve) -> None:
        """A token without crm.objects.contacts.read gets no results, and no error."""
        fill(portal, 3)
        hubspot = serve(portal, scopes=["crm.objects.deals.read"])

        assert tuple(hubspot.json(CHANGED, after=0).values())[:2] == ([], False)
        assert hubspot.json(RECENT)["total"] == 3

    def test_the_endpoint_can_be_missing(self, portal: Portal, serve: Serve) -> None:
        """Without the endpoint, the route is as unknown as any other."""
        response = serve(portal, has_modified_after=False).get(CHANGED, after=0)

        assert (
            response.status_code,
            response.headers["Content-Type"],
        ) == (404, "text/html;charset=utf-8")

    def test_an_unknown_cursor_is_rejected(self, portal: Portal, serve: Serve) -> None:
        """A value that is neither a time nor a cursor of the simulator is a 400."""
        hubspot = serve(portal)
        for text in ("nonsense", "MTox", "é", ""):
            assert hubspot.get(CHANGED, after=text).status_code == 400


class TestOneRecord:
    """Reading, creating, changing and deleting by id."""

    def test_the_life_of_a_note(self, portal: Portal, clock: Clock, serve: Serve) -> None:
        """Create, read, edit, associate, delete: each responds like HubSpot."""
        hubspot = serve(portal)
        submitted = {"engagement": {"type": "NOTE"}, "metadata": {"body": "hi"}}
        record = hubspot.request("POST", ENGAGEMENTS, json=submitted).json()
        path = f"{ENGAGEMENTS}/{record['engagement']['id']}"
        assert record.pop("associationCreateFailures") == []
        assert record == hubspot.json(path)
        assert record["associations"]["contactIds"] == []

        clock.now_ms += 5
        edits = {"metadata": {"body": "ho"}, "associations": {"contactIds": [1]}}
        record = hubspot.request("PATCH", path, json=edits).json()
        assert record["metadata"]["body"] == "ho"
        assert record["engagement"]["lastUpdated"] == NOW_MS + 5
        assert record["associations"]["contactIds"] == []

        response = hubspot.request("PUT", f"{path}/associations/contact/77")
        assert (response.status_code, response.content) == (204, b"")
        assert hubspot.json(path)["associations"]["contactIds"] == [77]

        response = hubspot.request("DELETE", path)
        assert (response.status_code, response.content) == (204, b"")
        self.check_missing(hubspot, path)

    def check_missing(self, hubspot: Hubspot, path: str) -> None:
        """Every request for a deleted record is a 404."""
        for method in ("GET", "DELETE", "PATCH"):
            response = hubspot.request(method, path, json={})
            assert (response.status_code, response.json()["message"]) == (404, "resource not found")
        assert hubspot.request("PUT", f"{path}/associations/contact/77").status_code == 404

    @pytest.mark.parametrize(
        "body",
        [
            {"metadata": {}},
            {"engagement": {"type": "NOTE"}},
            {"engagement": {"type": "SMS"}, "metadata": {}},
            [],
        ],
    )
    def test_invalid_records_are_rejected(self, portal: Portal, serve: Serve, body: Any) -> None:
        """A record needs metadata and one of the five writable types."""
        response = serve(portal).request("POST", ENGAGEMENTS, json=body)

        assert (response.status_code, response.json()["status"], len(portal)) == (400, "error", 0)

    def test_invalid_bodies_and_types_are_rejected(self, portal: Portal, serve: Serve) -> None:
        """A body that is not JSON is a 400; so is an association with an unknown type."""
        portal.create(note(1))
        hubspot = serve(portal)

        assert hubspot.request("POST", ENGAGEMENTS, data=b"{").status_code == 400
        assert hubspot.request("PATCH", f"{ENGAGEMENTS}/1", data=b"{").status_code == 400
        response = hubspot.request("PUT", f"{ENGAGEMENTS}/1/associations/FAKE_TYPE/2")
        assert (
            response.json()["message"] == "Invalid enum constant 'FAKE_TYPE' for class ObjectType"
        )


class TestOthers:
    """Other endpoints, and unknown routes."""

    def test_dispositions_are_an_array(self, portal: Portal, serve: Serve) -> None:
        """The response is an array: HubSpot's six dispositions and a custom one."""
        body = serve(portal).json("/calling/v1/dispositions")

        assert {entry["id"]: entry["label"] for entry in body} == DISPOSITIONS
        assert (7, {False}) == (len(body), {entry["deleted"] for entry in body})

    def test_account_details(self, portal: Portal, serve: Serve) -> None:
        """The account of a token can be read without any scope."""
        body = serve(portal, scopes=[]).json("/account-info/v3/details")

        assert (body["portalId"], body["timeZone"]) == (62515, "US/Eastern")

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/", 404),
            ("GET", f"{ENGAGEMENTS}/abc", 404),
            ("GET", f"{PAGED}/", 404),
            ("POST", PAGED, 405),
            ("DELETE", "/calling/v1/dispositions", 405),
        ],
    )
    def test_unknown_routes_are_html(
        self, portal: Portal, serve: Serve, method: str, path: str, status: int
    ) -> None:
        """The response to an unknown route or method is an HTML page."""
        response = serve(portal).request(method, path)

        assert status == response.status_code
        assert response.text.startswith("<html> <head> <meta http-equiv=")

    @pytest.mark.parametrize(
        ("path", "name", "text"),
        [
            (PAGED, "limit", "0"),
            (PAGED, "offset", "-1"),
            (RECENT, "count", "soon"),
            (RECENT, "since", ""),
            (CHANGED, "limit", "1.5"),
        ],
    )
    def test_invalid_numbers_are_rejected(
        self, portal: Portal, serve: Serve, path: str, name: str, text: str
    ) -> None:
        """A parameter that is not a number in its range is a 400 that names the parameter."""
        response = serve(portal).get(path, **{name: text})

        assert (400, f"Unable to parse value for query parameter: {name}") == (
            response.status_code,
            response.json()["message"],
        )

    def test_without_any_of_the_scopes_it_is_a_403(self, portal: Portal, serve: Serve) -> None:
        """The body names the scopes, one of which is required."""
        hubspot = serve(portal, scopes=["crm.objects.owners.read"])

        for path in (PAGED, RECENT, f"{ENGAGEMENTS}/1"):
            body = hubspot.get(path).json()
            assert body["category"] == "MISSING_SCOPES"
            [error] = body["errors"]
            assert "crm.objects.contacts.read" in error["context"]["requiredGranularScopes"]

    def test_emails_are_redacted_without_their_scope(self, portal: Portal, serve: Serve) -> None:
        """Without sales-email-read e-mails have neither content nor owner; notes have both."""
        portal.create({**note(1), "engagement": {"id": 1, "type": "INCOMING_EMAIL", "ownerId": 7}})
        portal.create(note(2, ownerId=7, source='"type":"EMAIL"'))
        with_contacts = serve(portal, scopes=["crm.objects.contacts.read"])
        email, plain = with_contacts.json(PAGED)["results"]

        assert email == with_contacts.json(f"{ENGAGEMENTS}/1")
        assert "has been redacted" in email["metadata"]["html"]
        assert "ownerId" not in email["engagement"]
        assert portal.record(2) == plain
        full = serve(portal, scopes=["crm.objects.contacts.read", "sales-email-read"])
        assert portal.records() == full.json(PAGED)["results"]
