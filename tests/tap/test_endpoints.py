"""Paging: every page once, to the end, and an error rather than a loop."""

from __future__ import annotations

from typing import Any

import pytest

from hubspot_api.client import HubspotClient
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.responses import json_response
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.exceptions import PagingError, ResultLimitError
from tap_hubspot_engagements.reference_endpoints import iter_owners
from tap_hubspot_engagements.source import Page
from tap_hubspot_engagements.v1.endpoints import iter_modified_after, iter_paged, iter_recent
from tap_hubspot_engagements.v1.page_size import PageSizes
from tests.tap.conftest import Serve, Waits, build_client


def cursor_of(page: Page, name: str) -> str:
    """Return a page's cursor as text."""
    assert page.resume is not None
    return str(page.resume[name])


def ids(pages: list[Page]) -> list[int]:
    return [one.id for page in pages for one in page.engagements]


def portal_ids(portal: Portal) -> list[int]:
    return [one["engagement"]["id"] for one in portal.records()]


def asked(hubspot: Simulator, name: str) -> list[str | None]:
    return [request.params.get(name) for request in hubspot.requests]


@pytest.mark.parametrize("size", [1, 7, 59, 60, 61, 250, 1000, None])
def test_paged_to_the_end(size: int | None, hubspot: Simulator, client: HubspotClient) -> None:
    """
    At any page size, each engagement arrives once, by id, and the cursors follow.
    """
    result = list(iter_paged(client, PageSizes(size), 0))
    assert ids(result) == portal_ids(hubspot.portal)
    assert [page.is_last for page in result] == [False] * (len(result) - 1) + [True]
    offsets: list[Any] = [None, *(cursor_of(page, "offset") for page in result)]
    assert asked(hubspot, "offset") == offsets[: len(result)]
    assert {int(limit or 0) for limit in asked(hubspot, "limit")} == {min(size or 250, 250)}


@pytest.mark.parametrize("size", [1, 7, 60, 1000, None])
def test_changes_to_the_end(size: int | None, hubspot: Simulator, client: HubspotClient) -> None:
    """
    Changes are asked for by time first, and from then on by HubSpot's cursor, until no more.
    """
    result = list(iter_modified_after(client, PageSizes(size), 0))
    assert sorted(ids(result)) == portal_ids(hubspot.portal)
    cursors: list[Any] = ["0", *(cursor_of(page, "after") for page in result)]
    assert asked(hubspot, "after") == cursors[: len(result)]
    assert {int(limit or 0) for limit in asked(hubspot, "limit")} == {size or 1000}


def test_paged_from_an_id(hubspot: Simulator, client: HubspotClient) -> None:
    """
    A pass can begin after any id.
    """
    known_ids = portal_ids(hubspot.portal)
    assert ids(list(iter_paged(client, PageSizes(9), known_ids[40]))) == known_ids[41:]
    assert list(iter_paged(client, PageSizes(9), known_ids[-1]))[0].engagements == []


def test_an_empty_portal(serve: Serve, waits: Waits) -> None:
    """
    A portal without engagements is a single empty page, of either endpoint.
    """
    client = build_client(serve(Portal()), waits)
    sizes = PageSizes()
    for pages in (iter_paged(client, sizes, 0), iter_modified_after(client, sizes, 0)):
        result = list(pages)
        assert [(page.engagements, page.is_last) for page in result] == [([], True)]


@pytest.mark.parametrize("last", ["present", "missing", "null"])
def test_the_last_cursor_may_be_missing(last: Any, serve: Serve, waits: Waits) -> None:
    """
    The last page of changes is the last, with a cursor or without.
    """
    client = build_client(serve(Portal.generate(25), last_after=last), waits)
    assert len(ids(list(iter_modified_after(client, PageSizes(10), 0)))) == 25


def one_page(cursor: str, value: Any, record_id: int = 5) -> Fault:
    """Return the response of a page before the last."""
    results = [{"engagement": {"id": record_id, "lastUpdated": 1}}]
    return Fault(response=json_response({"results": results, "hasMore": True, cursor: value}))


@pytest.mark.parametrize("offset", [None, 0, -1, "5", 5.0, [5], 4_000_000])
def test_a_cursor_of_ids_that_does_not_go_on(
    offset: Any, hubspot: Simulator, client: HubspotClient
) -> None:
    """
    An offset that stands still, goes back or is no id is an error, and the page is not yielded.
    """
    hubspot.faults.add(one_page("offset", offset))
    with pytest.raises(PagingError, match="does not go on"):
        next(iter_paged(client, PageSizes(), 4_000_000))


@pytest.mark.parametrize("after", [None, "", 1234, "1234"])
def test_a_cursor_of_changes_that_does_not_go_on(
    after: Any, hubspot: Simulator, client: HubspotClient
) -> None:
    """
    A missing or repeated cursor before the end is an error, not a loop.
    """
    hubspot.faults.add(one_page("after", after))
    with pytest.raises(PagingError, match="does not go on"):
        next(iter_modified_after(client, PageSizes(), 1234))


def test_records_that_hubspot_leaves_out(serve: Serve, waits: Waits) -> None:
    """
    The offset may lie above the last id shown: the next page is asked for from there.
    """
    portal = Portal.generate(50)
    known_ids = portal_ids(portal)
    for left_out in (*known_ids[8:13], *known_ids[20:40], known_ids[-1]):
        portal.hide(left_out)
    hubspot = serve(portal)
    result = list(iter_paged(build_client(hubspot, waits), PageSizes(8), 0))
    assert ids(result) == [*known_ids[:8], *known_ids[13:20], *known_ids[40:-1]]
    assert any(page.engagements[-1].id < int(cursor_of(page, "offset")) for page in result[:-1])
    for page, offset in zip(result, asked(hubspot, "offset")[1:], strict=False):
        assert cursor_of(page, "offset") == offset


def test_a_page_that_is_empty_in_the_middle(hubspot: Simulator, client: HubspotClient) -> None:
    """
    A page without records is not the end if HubSpot announces more.
    """
    known_ids = portal_ids(hubspot.portal)
    empty = {"results": [], "hasMore": True, "offset": known_ids[0] - 1}
    hubspot.faults.add(Fault(response=json_response(empty)))
    assert ids(list(iter_paged(client, PageSizes(25), 0))) == known_ids
    hubspot.faults.add(
        Fault(response=json_response({"results": [], "hasMore": True, "after": "0"}))
    )
    assert sorted(ids(list(iter_modified_after(client, PageSizes(25), 1)))) == known_ids


def test_added_and_deleted_while_paging(hubspot: Simulator, client: HubspotClient) -> None:
    """
    Pages go by id: deletions meanwhile shift nothing, additions come last.
    """
    known_ids = portal_ids(hubspot.portal)

    def change(portal: Portal) -> None:
        for missing in known_ids[:10]:
            portal.delete(missing)
        portal.create({"engagement": {"type": "NOTE"}, "metadata": {}})

    hubspot.faults.add(Fault(then=change))
    result = ids(list(iter_paged(client, PageSizes(10), 0)))
    assert result[:60] == known_ids
    assert len(result) == 61


def test_u0000_is_counted_by_engagement(serve: Serve, waits: Waits) -> None:
    """
    U+0000 goes from texts and names at any depth; an escaped backslash before u0000 stays.
    """
    portal = Portal()
    for body in ("a\x00b", "a\\u0000b", "plain", "\x00"):
        metadata = {"body": body, "deep": [{f"key{body}": [body]}]}
        portal.create({"engagement": {"type": "NOTE"}, "metadata": metadata})
    (page,) = iter_paged(build_client(serve(portal), waits), PageSizes(), 0)
    bodies = [one.whole["metadata"]["body"] for one in page.engagements]
    assert bodies == ["ab", "a\\u0000b", "plain", ""]
    assert page.engagements[0].whole["metadata"]["deep"] == [{"keyab": ["ab"]}]
    assert page.nul_removed == 2


def page(**cursor: Any) -> Fault:
    """Return a page that has more, with this cursor."""
    return Fault(response=json_response({"results": [], "hasMore": True, **cursor}))


@pytest.mark.parametrize("circle", ["a", "ab", "abc", "xabab"])
def test_cursors_that_go_round(circle: str, hubspot: Simulator, client: HubspotClient) -> None:
    """
    A cursor that has been before is an error, however long the circle is.
    """
    for number in range(20):
        hubspot.faults.add(page(after=circle[number % len(circle)]))
    with pytest.raises(PagingError, match="does not go on"):
        list(iter_modified_after(client, PageSizes(), 0))
    assert len(hubspot.requests) <= len(circle) + 1


def test_owners_that_go_round(hubspot: Simulator, client: HubspotClient) -> None:
    """
    The list of owners has cursors, too.
    """
    for after in "abab":
        body = {"results": [{"id": "5"}], "paging": {"next": {"after": after}}}
        hubspot.faults.add(Fault(path="owners", response=json_response(body)))
    with pytest.raises(PagingError, match="does not go on"):
        list(iter_owners(client))


def test_recent_changes_without_an_end(hubspot: Simulator, client: HubspotClient) -> None:
    """
    A list of recent changes that shows the same rows at each place is given up.
    """
    row = {"engagement": {"id": 5, "lastUpdated": 7}}
    body = {"results": [row], "hasMore": True, "offset": 1, "total": 50}
    hubspot.faults.add(Fault(response=json_response(body), times=None))
    with pytest.raises(ResultLimitError):
        for _ in iter_recent(client, PageSizes(), 0):
            pass
