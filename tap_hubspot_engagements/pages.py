"""
HubSpot's ways of paging, each as a plain iterator of pages.

Endpoints: `/engagements/v1/engagements/paged`, `…/modified/after`, `…/recent/modified`. HubSpot's
words for cursors and sizes differ by endpoint, and stay in here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tap_hubspot_engagements.client import Answer, HubspotClient
from tap_hubspot_engagements.exceptions import PagingError, ServerError, TransientError
from tap_hubspot_engagements.json_text import NUL_ESCAPE, without_nul
from tap_hubspot_engagements.records import INNER, Engagement, has_type

PAGED = "/engagements/v1/engagements/paged"
MODIFIED_AFTER = "/engagements/v1/engagements/modified/after"
RECENT_MODIFIED = "/engagements/v1/engagements/recent/modified"

MAX_PAGED = 250  # HubSpot's ceiling for /paged
MAX_MODIFIED_AFTER = 1000  # and for /modified/after
FAILURES_TO_HALVE = 2  # in a row: some portals answer 500 to a large page, and to any retry of it
GROWTH = 1.01  # of a halved page, an answer: a portal that fails above some size fails seldom


@dataclass(frozen=True)
class Page:
    """
    Some engagements, and the cursor that comes after them; None on the last page without one.

    `received_at` is our clock, `hubspot_at` HubSpot's when it was asked, both UTC. `nul_removed`
    counts the engagements that had U+0000 in them.
    """

    engagements: list[Engagement]
    has_more: bool
    cursor: Any
    received_at: datetime
    hubspot_at: datetime
    nul_removed: int = 0


def iter_paged(client: HubspotClient, offset: int, page_size: int | None) -> Iterator[Page]:
    """
    Yield all engagements with an id above `offset`; a page's cursor is the id that it goes up to.

    That is HubSpot's own, which may lie above the last id shown: some engagements are left out.
    Raises PagingError, before the page is yielded, where the cursor stands still or goes back.
    """
    size = _Size("limit", page_size, MAX_PAGED)
    while True:
        page = size.get(client, PAGED, {"offset": offset} if offset else {}, _parser("offset"))
        if page.has_more and not (isinstance(page.cursor, int) and page.cursor > offset):
            raise PagingError(f"{PAGED}: offset {page.cursor!r} does not go on from {offset}")
        yield page
        if not page.has_more:
            return
        offset = page.cursor


def iter_modified_after(
    client: HubspotClient, after: int | str, page_size: int | None
) -> Iterator[Page]:
    """
    Yield what changed after `after`: Unix ms, or the cursor of an earlier page. In no order.

    Raises PagingError, before the page is yielded, where the cursor stands still or is missing
    before the end.
    """
    size = _Size("limit", page_size, MAX_MODIFIED_AFTER)
    while True:
        page = size.get(client, MODIFIED_AFTER, {"after": after}, _parser("after"))
        if page.has_more and (not page.cursor or str(page.cursor) == str(after)):
            raise PagingError(f"{MODIFIED_AFTER}: cursor {page.cursor!r} does not go on")
        yield page
        if not page.has_more:
            return
        after = page.cursor


def get_newest(client: HubspotClient) -> Engagement | None:
    """Return the engagement that was updated last, None of an empty portal."""
    answer = client.get(RECENT_MODIFIED, {"count": 1}, _parser("offset"))
    engagements = answer.body.engagements
    return engagements[0] if engagements else None


def get_first(client: HubspotClient) -> Engagement | None:
    """Return the engagement with the lowest id, None of an empty portal."""
    answer = client.get(PAGED, {"limit": 1}, _parser("offset"))
    engagements = answer.body.engagements
    return engagements[0] if engagements else None


@dataclass(frozen=True)
class _Body:
    engagements: list[Engagement]
    has_more: bool
    cursor: Any


def _parser(cursor: str) -> Callable[[Any], _Body]:
    """Return the function that reads a list's answer; ValueError for half of one."""

    def parse(body: Any) -> _Body:
        if not isinstance(body, dict):
            raise ValueError("not an object")
        results, has_more = body.get("results"), body.get("hasMore")
        if not isinstance(results, list) or not isinstance(has_more, bool):
            raise ValueError("results or hasMore is missing")
        if not all(isinstance(one, dict) and _has_id(one) for one in results):
            raise ValueError("an engagement without an id")
        return _Body(results, has_more, body.get(cursor))

    return parse


def _has_id(engagement: Engagement) -> bool:
    inner = engagement.get(INNER)
    return isinstance(inner, dict) and has_type(inner.get("id"), int)


class _Size:
    """How much to ask for: halved when HubSpot fails at it, then growing back."""

    def __init__(self, param: str, wanted: int | None, ceiling: int) -> None:
        self._param = param
        self._most = min(wanted or ceiling, ceiling)
        self._now = self._most

    def get(
        self,
        client: HubspotClient,
        path: str,
        params: Mapping[str, object],
        parse: Callable[[Any], _Body],
    ) -> Page:
        asked: dict[str, object] = {**params, self._param: self._now}
        failures = 0

        def shrink(error: TransientError) -> None:
            nonlocal failures
            failures = failures + 1 if isinstance(error, ServerError) else 0
            if failures >= FAILURES_TO_HALVE:
                failures = 0
                self._now = asked[self._param] = max(1, self._now // 2)

        answer = client.get(path, asked, parse, on_failure=shrink)
        self._now = min(self._most, max(self._now + 1, int(self._now * GROWTH)))
        return _to_page(answer)


def _to_page(answer: Answer[_Body]) -> Page:
    body = answer.body
    engagements, nul_removed = body.engagements, 0
    if NUL_ESCAPE in answer.text:
        engagements = [without_nul(one) for one in body.engagements]
        nul_removed = sum(a != b for a, b in zip(engagements, body.engagements, strict=True))
    return Page(
        engagements, body.has_more, body.cursor, answer.received_at, answer.hubspot_at, nul_removed
    )
