"""
HubSpot's ways of paging, each as a plain iterator of pages.

Endpoints: `/engagements/v1/engagements/paged`, `…/modified/after`, `…/recent/modified`. HubSpot's
words for cursors and sizes differ by endpoint, and stay in here.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import is_not
from typing import Any, TypeVar

from tap_hubspot_engagements.client import Answer, HubspotClient
from tap_hubspot_engagements.exceptions import (
    NotFoundError,
    PagingError,
    ServerError,
    StuckError,
    TransientError,
    WindowError,
)
from tap_hubspot_engagements.json_text import NUL_ESCAPE, parse_json, without_nul
from tap_hubspot_engagements.mending import Broken
from tap_hubspot_engagements.records import REDACTED_MARK, has_type
from tap_hubspot_engagements.sent import (
    Listing,
    Sent,
    read_list,
    read_mended,
    read_one,
    sent_whole,
)

ENGAGEMENTS = "/engagements/v1/engagements"
PAGED = "/engagements/v1/engagements/paged"
MODIFIED_AFTER = "/engagements/v1/engagements/modified/after"
RECENT_MODIFIED = "/engagements/v1/engagements/recent/modified"

DISPOSITIONS = "/calling/v1/dispositions"
ACCOUNT = "/account-info/v3/details"
OWNERS = "/crm/v3/owners"

MAX_PAGED = 250  # HubSpot's ceiling for /paged
MAX_MODIFIED_AFTER = 1000  # and for /modified/after
MAX_OWNERS = 500
MAX_RECENT = 100  # and for /recent/modified
MAX_RECENT_ROWS = 9_900  # HubSpot lists 10,000 there, and answers 400 beyond
OVERLAP = 10  # rows of /recent/modified that two pages share
ANSWERS_TO_HOLD = 25  # a page below the size that failed last
FAILURES_TO_HALVE = 2  # in a row: some portals answer 500 to a large page, and to any retry of it
GROWTH = 1.01  # of a halved page, an answer: a portal that fails above some size fails seldom

TRIES_TO_MEND = 3
TRIES_AT_ONE = 3  # of a page of one engagement, until it is left out
MAX_STEPS_BACK = 200  # one for each hundred deletions while the list is read
MAX_SHOWN_LENGTH = 100  # characters of a cursor in an error
EVEN_PROBES = 16
MAX_ID = 10**16  # far beyond HubSpot's, which have 12 digits

LOGGER = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """
    Some engagements, and the cursor that comes after them; None on the last page without one.

    `received_at` is our clock, `hubspot_at` HubSpot's when it was asked, both UTC. `nul_removed`
    counts the engagements that had U+0000 in them; without `may_be_redacted` none is redacted.
    `broken` are those that are not among the engagements, since they cannot be read.
    """

    engagements: list[Sent]
    has_more: bool
    cursor: Any
    received_at: datetime
    hubspot_at: datetime
    nul_removed: int = 0
    total: int = 0  # of all pages; /recent/modified alone says it
    may_be_redacted: bool = True
    broken: Sequence[Broken] = ()


def get_paged(client: HubspotClient, offset: int, size: PageSize) -> Page:
    """
    Return a page of the engagements with an id above `offset`; its cursor is how far it goes.

    That is HubSpot's own, which may lie above the last id shown: some engagements are left out.
    Raises PagingError where the cursor stands still or goes back.
    """
    try:
        answer = size.get(client, PAGED, _from(offset), _parser("offset"))
    except StuckError as error:
        return _page_past(client, offset, error) or get_paged(client, offset, size.patient())
    return _going_on(offset, _to_page(answer, answer.body))


def ask_paged(client: HubspotClient, offset: int, size: PageSize) -> Callable[[], Page]:
    """
    Ask as get_paged does, and return what makes the page of the answer.

    That is for the thread that writes the page: made in another, objects are far from the processor
    that needs them, and a first load took a twentieth more of it.
    """
    try:
        answer = size.get(client, PAGED, _from(offset), _mending(lambda found: found))
    except StuckError as error:
        past = _page_past(client, offset, error)
        return lambda: past or get_paged(client, offset, size.patient())

    def read() -> Page:
        try:
            page = _to_page(answer, _to_body(answer.body, "offset"))
        except ValueError:
            # Half an answer, which does not show before: asked again until it is whole.
            return get_paged(client, offset, size)
        return _going_on(offset, page)

    return read


def _page_past(client: HubspotClient, offset: int, error: StuckError) -> Page | None:
    """
    Return a page without any engagement that goes past the one that HubSpot cannot list.

    None where the list is answered nowhere: then it is not a record that is broken.
    """
    answers: list[Answer[Listing]] = []

    def is_answered(at: int) -> bool:
        params = {**_from(at), "limit": 1}
        for _ in range(TRIES_AT_ONE):
            with contextlib.suppress(TransientError):
                answers.append(client.get(PAGED, params, read_list, hint=True))
                return True
        return False

    at = first_answered(is_answered, offset)
    if at is None:
        return None
    client.page_sizes.pop(PAGED, None)  # it was not the size
    LOGGER.warning("%s: not answered between %d and %d: going on after that", PAGED, offset, at)
    broken = Broken(at, f"HubSpot cannot list it, nor any other after {offset}: {error}")
    first = answers[0]
    return Page([], True, at, first.received_at, first.hubspot_at, broken=[broken])


def first_answered(is_answered: Callable[[int], bool], offset: int) -> int | None:
    """
    Return the id of the record that the list fails at: the lowest offset that is answered again.

    The list fails from each offset from which that record is the next one. None where it fails
    everywhere, or not at all. Where several records are broken, readable ones between them are
    looked for at EVEN_PROBES places.
    """
    high = MAX_ID
    if not is_answered(high) or is_answered(offset):
        return None
    low, step = offset, 1
    while low + step < high and not is_answered(low + step):
        low, step = low + step, 4 * step
    found: int | None = min(high, low + step)
    while found is not None:
        high = _lowest_answered(is_answered, low, found)
        places = {offset + (high - offset) * n // EVEN_PROBES for n in range(1, EVEN_PROBES)}
        found = next((at for at in sorted(places - {offset}) if is_answered(at)), None)
        low = offset
    # A failure that came and went has misled the search.
    return None if is_answered(high - 1) else high


def _lowest_answered(is_answered: Callable[[int], bool], low: int, high: int) -> int:
    """Return an offset that is answered next to one above `low` that is not."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_answered(middle) else (middle, high)
    return high


def get_engagement(client: HubspotClient, engagement_id: int) -> Sent | None:
    """
    Return an engagement by its id, None where there is none, asked for as a hint.

    Raises HubspotError or TransientError where it cannot be had.
    """
    try:
        return client.get(f"{ENGAGEMENTS}/{engagement_id}", {}, read_one, hint=True).body
    except NotFoundError:
        return None


def _from(offset: int) -> Mapping[str, object]:
    return {"offset": offset} if offset else {}


def _going_on(offset: int, page: Page) -> Page:
    """
    Return the page, whose broken records know where they are from.

    Raises PagingError where its cursor does not go beyond `offset`.
    """
    if page.has_more and not (isinstance(page.cursor, int) and page.cursor > offset):
        raise PagingError(f"{PAGED}: offset {page.cursor!r} does not go on from {offset}")
    if page.broken:
        ids = (offset, page.cursor + 1 if page.has_more else None)
        page = replace(page, broken=[replace(one, ids=ids) for one in page.broken])
    return page


def iter_paged(client: HubspotClient, offset: int, page_size: int | None) -> Iterator[Page]:
    """Yield all engagements with an id above `offset`, one page after the other."""
    size = PageSize(page_size)
    while True:
        page = get_paged(client, offset, size)
        yield page
        if not page.has_more:
            return
        offset = page.cursor


def iter_modified_after(
    client: HubspotClient, after: int | str, page_size: int | None
) -> Iterator[Page]:
    """
    Yield what changed after `after`: Unix ms, or the cursor of an earlier page. In no order.

    Raises PagingError, before the page is yielded, where the cursor is one that has been before, or
    is missing before the end.
    """
    seen = {str(after)}
    size = PageSize(page_size, MAX_MODIFIED_AFTER)
    while True:
        answer = size.get(client, MODIFIED_AFTER, {"after": after}, _parser("after"))
        page = _to_page(answer, answer.body)
        if page.has_more:
            _check_new(MODIFIED_AFTER, page.cursor, seen)
        yield page
        if not page.has_more:
            return
        after = page.cursor


def iter_recent(client: HubspotClient, since_ms: int, page_size: int | None) -> Iterator[Page]:
    """
    Yield what changed since `since_ms`, newest first; cursors are row numbers.

    Rows move up when one above them is deleted, so pages overlap, and a page that does not have
    any of the last rows of the one before is asked for again from further up. Raises
    WindowError where there is more than HubSpot lists here.
    """
    size = PageSize(page_size, MAX_RECENT, "count")
    offset, last_rows = 0, frozenset[tuple[int, int | None]]()
    steps_back = 0
    while True:
        if offset > MAX_RECENT_ROWS or steps_back > MAX_STEPS_BACK:
            raise WindowError(f"{RECENT_MODIFIED}: its pages do not come to an end")
        params = {"since": since_ms, "offset": offset}
        answer = size.get(client, RECENT_MODIFIED, params, _parser("offset", _check_total))
        page = _to_page(answer, answer.body)
        if page.total > MAX_RECENT_ROWS:
            raise WindowError(f"{RECENT_MODIFIED}: {page.total} rows, and it lists no more")
        rows = [_row(engagement) for engagement in page.engagements]
        if last_rows and offset and last_rows.isdisjoint(rows):
            offset, steps_back = max(0, offset - MAX_RECENT), steps_back + 1
            last_rows = last_rows if offset else frozenset()
            continue
        yield page
        if not page.has_more or not rows:
            return
        last_rows = frozenset(rows[-OVERLAP:])
        offset += max(1, len(rows) - OVERLAP)


def get_newest(client: HubspotClient) -> Sent | None:
    """Return the engagement that was updated last, None of an empty portal."""
    answer = client.get(RECENT_MODIFIED, {"count": 1}, _parser("offset"))
    engagements = answer.body.engagements
    return engagements[0] if engagements else None


def get_recent(client: HubspotClient) -> list[Sent]:
    """Return some of the engagements that were updated last, as a hint."""
    answer = client.get(RECENT_MODIFIED, {"count": MAX_RECENT}, _parser("offset"), hint=True)
    return answer.body.engagements


def is_listed(client: HubspotClient, engagement_id: int) -> bool:
    """Tell whether the list of all engagements has this one, asked for just before its id."""
    params = {**_from(engagement_id - 1), "limit": 1}
    answer = client.get(PAGED, params, _parser("offset"))
    return any(one.id == engagement_id for one in answer.body.engagements)


def iter_owners(client: HubspotClient) -> Iterator[list[Mapping[str, Any]]]:
    """Yield all owners page by page, the live ones and then the archived ones."""
    for archived in ("false", "true"):
        params: dict[str, object] = {"limit": MAX_OWNERS, "archived": archived}
        seen: set[str] = set()
        while True:
            body = client.get(OWNERS, params, _parse_owners).body
            yield body["results"]
            after = ((body.get("paging") or {}).get("next") or {}).get("after")
            if after is None:
                break
            _check_new(OWNERS, after, seen)
            params["after"] = after


def _check_new(path: str, cursor: object, seen: set[str]) -> None:
    """Remember a cursor; raises PagingError for none, and for one that goes round in circles."""
    if not cursor or str(cursor) in seen:
        raise PagingError(f"{path}: cursor {str(cursor)[:MAX_SHOWN_LENGTH]!r} does not go on")
    seen.add(str(cursor))


def get_dispositions(client: HubspotClient) -> list[Mapping[str, Any]]:
    """Return the outcomes that calls may have; HubSpot lists them all at once."""
    return client.get(DISPOSITIONS, {}, _parse_dispositions).body


def get_portal(client: HubspotClient) -> int:
    """
    Return the id of the portal that the token is for.

    Asked as a hint: engagements name their portal, too.
    """
    return client.get(ACCOUNT, {}, _parse_account, hint=True).body


def get_first(client: HubspotClient) -> Sent | None:
    """Return the engagement with the lowest id; None for an empty portal."""
    engagements = client.get(PAGED, {"limit": 1}, _parser("offset")).body.engagements
    return engagements[0] if engagements else None


def _check_engagements(client: HubspotClient) -> None:
    client.get(PAGED, {"limit": 1}, _parser("offset"))


def _check_owners(client: HubspotClient) -> None:
    client.get(OWNERS, {"limit": 1}, _parse_owners)


# What to ask to know whether a stream can be read.
CHECKS: Mapping[str, Callable[[HubspotClient], object]] = {
    "engagements": _check_engagements,
    "call_dispositions": get_dispositions,
    "owners": _check_owners,
}


Parser = Callable[[bytes], "_Body"]


@dataclass(frozen=True)
class _Body:
    engagements: list[Sent]
    has_more: bool
    cursor: Any
    total: Any = 0
    broken: Sequence[Broken] = ()


def _parser(cursor: str, check: Callable[[Listing], None] = lambda _: None) -> Parser:
    """Return the function that reads a list's answer for one request; ValueError for half."""
    return _mending(lambda found: _to_body(found, cursor, check))


def _mending(read: Callable[[Listing], T]) -> Callable[[bytes], T]:
    """
    Return the function that applies `read` to a list's answer, for one request.

    What cannot be read is half of an answer at first; when it has come TRIES_TO_MEND times, the
    records that can be read are taken.
    """
    tries = 0

    def parse(text: bytes) -> T:
        nonlocal tries
        try:
            return read(read_list(text))
        except ValueError:
            tries += 1
            if tries < TRIES_TO_MEND:
                raise
            return read(read_mended(text))

    return parse


def _to_body(
    found: Listing, cursor: str, check: Callable[[Listing], None] = lambda _: None
) -> _Body:
    check(found)
    engagements = found.engagements()
    return _Body(engagements, found.has_more, getattr(found, cursor), found.total, found.broken)


def _check_total(found: Listing) -> None:
    if not has_type(found.total, int):
        raise ValueError("total is missing")


def _parse_owners(text: bytes) -> Mapping[str, Any]:
    body = parse_json(text)
    if not isinstance(body, dict) or not isinstance(body.get("results"), list):
        raise ValueError("results is missing")
    if not all(isinstance(one, dict) and str(one.get("id")).isdigit() for one in body["results"]):
        raise ValueError("an owner without an id")
    return body


def _parse_dispositions(text: bytes) -> list[Mapping[str, Any]]:
    body = parse_json(text)
    if not isinstance(body, list) or not all(isinstance(one, dict) for one in body):
        raise ValueError("not a list of dispositions")
    if not all(isinstance(one.get("id"), str) for one in body):
        raise ValueError("a disposition without an id")
    return body


def _parse_account(text: bytes) -> int:
    body = parse_json(text)
    portal = body.get("portalId") if isinstance(body, dict) else None
    if not isinstance(portal, int) or isinstance(portal, bool):
        raise ValueError("portalId is missing")
    return portal


def _row(engagement: Sent) -> tuple[int, int | None]:
    return engagement.id, engagement.last_updated_ms


class PageSize:
    """
    How much to ask for: halved when HubSpot fails at it, then growing back.

    `most` is what is wanted, or HubSpot's ceiling. The size that works is the client's to remember:
    the parts of a pass share it, and the next run begins with it.
    """

    def __init__(self, wanted: int | None, ceiling: int = MAX_PAGED, param: str = "limit") -> None:
        self.most = min(wanted or ceiling, ceiling)
        self._param = param
        self._stuck_after: int | None = TRIES_AT_ONE
        self._began_s = 0.0

    def patient(self) -> PageSize:
        """Return this size, which the next time is asked for until the client gives up."""
        self._stuck_after = None
        return self

    def get(
        self,
        client: HubspotClient,
        path: str,
        params: Mapping[str, object],
        parse: Callable[[bytes], T],
    ) -> Answer[T]:
        """
        Return the answer of `client.get`, however little it takes for HubSpot to give one.

        Raises StuckError where it fails at a page of one.
        """
        sizes = client.page_sizes
        size = min(self.most, sizes.get(path, self.most))
        asked: dict[str, object] = {**params, self._param: size}
        failures = failures_at_one = 0
        if self._stuck_after is not None:
            self._began_s = client.now_s()

        def shrink(error: TransientError) -> bool:
            nonlocal size, failures, failures_at_one
            failures = failures + 1 if isinstance(error, ServerError) else 0
            if size == 1:
                failures_at_one += bool(failures)
                if failures_at_one == self._stuck_after:
                    raise StuckError(str(error)) from error
            if failures < FAILURES_TO_HALVE or size == 1:
                return False
            client.page_tries[path] = (size, ANSWERS_TO_HOLD)
            good = client.page_good.get(path, 0)
            asked[self._param] = size = good if size // 2 <= good < size else size // 2
            sizes[path] = min(size, sizes.get(path, size))
            return True

        answer = client.get(path, asked, parse, shrink, began_s=self._began_s)
        self._stuck_after = TRIES_AT_ONE
        if path in sizes:
            self._grow(client, path, size)
        return answer

    def _grow(self, client: HubspotClient, path: str, size: int) -> None:
        """Let a page grow after an answer, for a while not up to the size that failed last."""
        failed, answers_left = client.page_tries.get(path, (0, 0))
        grown = max(size + 1, int(size * GROWTH))
        if answers_left:
            client.page_tries[path] = (failed, answers_left - 1)
            grown = min(grown, max(size, failed - 1))
        client.page_good[path] = size
        client.page_sizes[path] = grown
        if grown >= self.most:
            client.page_sizes.pop(path, None)


def _to_page(answer: Answer[Any], body: _Body) -> Page:
    engagements, nul_removed = body.engagements, 0
    if NUL_ESCAPE.search(answer.text):
        engagements = [_without_nul(one) for one in body.engagements]
        nul_removed = sum(map(is_not, engagements, body.engagements))
    return Page(
        engagements,
        body.has_more,
        body.cursor,
        answer.received_at,
        answer.hubspot_at,
        nul_removed,
        body.total,
        REDACTED_MARK.encode() in answer.text,
        body.broken,
    )


def _without_nul(sent: Sent) -> Sent:
    """Return the engagement without U+0000 in its texts: itself where there is none."""
    if sent.text is not None and not NUL_ESCAPE.search(sent.text):
        return sent
    whole = without_nul(sent.whole)
    return sent if whole == sent.whole else sent_whole(whole)
