"""
Pagination of HubSpot's endpoints for engagements, each as a plain iterator of pages.

`/paged` lists everything, `/modified/after` and `/recent/modified` list changes. HubSpot's names of
cursors and sizes differ by endpoint; a page has the cursor under HubSpot's name in `resume`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from operator import is_not

from hubspot_api.client import HubspotClient, Response
from hubspot_api.exceptions import NotFoundError
from hubspot_api.json_codec import NUL_ESCAPE
from tap_hubspot_engagements.engagement import Engagement
from tap_hubspot_engagements.exceptions import PagingError, ResultLimitError, StuckError
from tap_hubspot_engagements.pagination import check_cursor_is_new
from tap_hubspot_engagements.properties import REDACTED_MARK
from tap_hubspot_engagements.source import Page
from tap_hubspot_engagements.times import utc_to_ms
from tap_hubspot_engagements.v1.decode import (
    Listing,
    read_list,
    read_one,
    read_repaired_list,
    remove_nul,
)
from tap_hubspot_engagements.v1.page_size import PageSize, PageSizes
from tap_hubspot_engagements.v1.unlistable import page_past_unlistable

ENGAGEMENTS = "/engagements/v1/engagements"
PAGED = "/engagements/v1/engagements/paged"
MODIFIED_AFTER = "/engagements/v1/engagements/modified/after"
RECENT_MODIFIED = "/engagements/v1/engagements/recent/modified"

MAX_PAGED = 250  # HubSpot's limit of a page of /paged
MAX_MODIFIED_AFTER = 1000  # and of /modified/after
MAX_RECENT = 100  # and of /recent/modified
MAX_RECENT_RESULTS = 9_900  # HubSpot lists 10,000 there, and answers 400 beyond
OVERLAP = 10  # engagements that two pages of /recent/modified share
MAX_STEPS_BACK = 200  # one for each hundred deletions while the list is read

ATTEMPTS_BEFORE_REPAIR = 3

_REDACTED = REDACTED_MARK.encode()


def paged_size(sizes: PageSizes) -> PageSize:
    """Return the page size of one part of a pass over /paged."""
    return sizes.for_endpoint(PAGED, MAX_PAGED, "limit")


def get_paged(client: HubspotClient, sizes: PageSizes, offset: int, size: PageSize) -> Page:
    """
    Return a page of the engagements with an id above `offset`.

    HubSpot's cursor may lie above the last id of the page, since HubSpot leaves some engagements
    out. Raises PagingError if the cursor does not advance.
    """
    return fetch_paged(client, sizes, offset, size, decode=Listing.decoded)()


def fetch_paged(
    client: HubspotClient,
    sizes: PageSizes,
    offset: int,
    size: PageSize,
    decode: Callable[[Listing], Listing] = lambda listing: listing,
) -> Callable[[], Page]:
    """
    Request a page as get_paged does, and return the function that decodes it.

    Decoding is left to the thread that writes the page. Objects created in a worker thread miss
    that core's cache: a first load then took 5 % more CPU.
    """
    try:
        response = size.get(client, _offset_params(offset), _list_parser(decode))
    except StuckError as error:
        past = page_past_unlistable(client, PAGED, sizes, offset, error)
        return lambda: past or get_paged(client, sizes, offset, size.never_stuck())

    def decode_page() -> Page:
        try:
            listing = response.body.decoded()
        except ValueError:
            # The response is incomplete in a way that shows only now: request it again.
            return get_paged(client, sizes, offset, size)
        return _check_cursor_advances(offset, _to_page(response, listing, "offset"))

    return decode_page


def iter_paged(client: HubspotClient, sizes: PageSizes, offset: int) -> Iterator[Page]:
    """Yield all engagements with an id above `offset`, one page after the other."""
    size = paged_size(sizes)
    while True:
        page = get_paged(client, sizes, offset, size)
        yield page
        if page.is_last:
            return
        assert page.resume is not None, "pages of endpoints have a cursor"
        offset = page.resume["offset"]


def iter_modified_after(
    client: HubspotClient, sizes: PageSizes, after: int | str
) -> Iterator[Page]:
    """
    Yield changes after `after`, Unix ms or the cursor of an earlier page, in no particular order.

    Raises PagingError, before the page is yielded, if a cursor repeats, or is missing before the
    last page; StuckError if HubSpot fails at a record, and not because of an outage.
    """
    cursors = {str(after)}
    size = sizes.for_endpoint(MODIFIED_AFTER, MAX_MODIFIED_AFTER, "limit")
    while True:
        response = size.get_after_outage(
            client, {"after": after}, _list_parser(), no_records={"after": _now_ms()}
        )
        page = _to_page(response, response.body, "after")
        if not page.is_last:
            check_cursor_is_new(MODIFIED_AFTER, response.body.after, cursors)
        yield page
        if page.is_last:
            return
        after = response.body.after


def iter_recent(client: HubspotClient, sizes: PageSizes, since_ms: int) -> Iterator[Page]:
    """
    Yield changes since `since_ms` (Unix ms), newest first.

    The cursor is a position in the list, and a deletion moves all later engagements up. So pages
    overlap; a page without any of the previous page's last engagements is requested again from
    further up. Raises ResultLimitError if there are more than HubSpot lists here; StuckError if
    HubSpot fails at a record, and not because of an outage.
    """
    size = sizes.for_endpoint(RECENT_MODIFIED, MAX_RECENT, "count")
    offset, steps_back = 0, 0
    overlap: frozenset[tuple[int, int | None]] = frozenset()
    while True:
        if offset > MAX_RECENT_RESULTS or steps_back > MAX_STEPS_BACK:
            raise ResultLimitError(f"{RECENT_MODIFIED}: its pages do not come to an end")
        response = size.get_after_outage(
            client,
            {"since": since_ms, "offset": offset},
            _list_parser(_with_total),
            no_records={"since": _now_ms(), "offset": 0},
        )
        if response.body.total > MAX_RECENT_RESULTS:
            total = response.body.total
            raise ResultLimitError(f"{RECENT_MODIFIED}: {total} results, and it lists no more")
        page = _to_page(response, response.body, "offset")
        keys = [(change.id, change.last_updated_ms) for change in page.engagements]
        if overlap and offset and overlap.isdisjoint(keys):
            offset, steps_back = max(0, offset - MAX_RECENT), steps_back + 1
            overlap = overlap if offset else frozenset()
            continue
        yield page
        if page.is_last or not keys:
            return
        overlap = frozenset(keys[-OVERLAP:])
        offset += max(1, len(keys) - OVERLAP)


def get_newest(client: HubspotClient) -> Engagement | None:
    """Return the engagement that was updated last; None for an empty portal."""
    return _first(client, RECENT_MODIFIED, {"count": 1})


def get_first(client: HubspotClient) -> Engagement | None:
    """Return the engagement with the lowest id; None for an empty portal."""
    return _first(client, PAGED, {"limit": 1})


def get_recent(client: HubspotClient) -> list[Engagement]:
    """Return some of the engagements that were updated last; a hint."""
    params = {"count": MAX_RECENT}
    return list(client.get(RECENT_MODIFIED, params, _list_parser(), hint=True).body.results)


def get_engagement(client: HubspotClient, engagement_id: int) -> Engagement | None:
    """
    Return an engagement by id; a hint. None if no such engagement exists.

    Raises HubspotError or TransientError if HubSpot cannot show that engagement.
    """
    try:
        return client.get(f"{ENGAGEMENTS}/{engagement_id}", {}, read_one, hint=True).body
    except NotFoundError:
        return None


def is_listed(client: HubspotClient, engagement_id: int) -> bool:
    """Tell whether /paged lists an engagement, from the offset just before that id."""
    engagement = _first(client, PAGED, {**_offset_params(engagement_id - 1), "limit": 1})
    return engagement is not None and engagement.id == engagement_id


def _first(client: HubspotClient, path: str, params: Mapping[str, object]) -> Engagement | None:
    engagements: list[Engagement] = [*client.get(path, params, _list_parser()).body.results]
    return engagements[0] if engagements else None


def _offset_params(offset: int) -> Mapping[str, object]:
    return {"offset": offset} if offset else {}


def _now_ms() -> int:
    return utc_to_ms(datetime.now(timezone.utc))


def _check_cursor_advances(offset: int, page: Page) -> Page:
    """
    Return the page, with the place of unreadable records.

    Raises PagingError if the cursor does not lie beyond `offset`.
    """
    assert page.resume is not None, "pages of endpoints have a cursor"
    cursor = page.resume["offset"]
    if not page.is_last and not (isinstance(cursor, int) and cursor > offset):
        raise PagingError(f"{PAGED}: offset {cursor!r} does not go on from {offset}")
    if not page.unreadable:
        return page
    resume = {"ranges": [[offset, None if page.is_last else cursor + 1]]}
    return replace(page, unreadable=[replace(one, resume=resume) for one in page.unreadable])


def _list_parser(
    decode: Callable[[Listing], Listing] = Listing.decoded,
) -> Callable[[bytes], Listing]:
    """
    Return the function that parses and decodes a list's responses, for one request.

    An unreadable record makes the response incomplete, and the request is retried. The
    ATTEMPTS_BEFORE_REPAIR-th such response is repaired: the readable records are kept.
    """
    attempts = 0

    def parse(text: bytes) -> Listing:
        nonlocal attempts
        try:
            return decode(read_list(text))
        except ValueError:
            attempts += 1
            if attempts < ATTEMPTS_BEFORE_REPAIR:
                raise
            return decode(read_repaired_list(text))

    return parse


def _with_total(listing: Listing) -> Listing:
    listing.check_total()
    return listing.decoded()


def _to_page(response: Response[Listing], listing: Listing, cursor: str) -> Page:
    """Return the page of a decoded list; `cursor` is HubSpot's name of the endpoint's cursor."""
    engagements, nul_removed = listing.results, 0
    if NUL_ESCAPE.search(response.text):
        engagements = [remove_nul(engagement) for engagement in listing.results]
        nul_removed = sum(map(is_not, engagements, listing.results))
    return Page(
        engagements,
        {cursor: getattr(listing, cursor)},
        not listing.has_more,
        response.received_at,
        response.hubspot_at,
        nul_removed,
        _REDACTED in response.text,
        listing.unreadable,
    )
