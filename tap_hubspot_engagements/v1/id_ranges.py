"""
A full pass over a portal by ranges of ids, several in parallel, resumable.

HubSpot lists engagements by ascending id and begins at any offset, so workers can share the ids. A
new range comes from the part with the most engagements left, by the density of the last ids. Old
ids lie close together and new ids far apart, so the cut is nearer to the part's start than to the
middle. The order of ids was seen, not promised: every page is checked, and the first out of order
makes the pass start over with one request after the other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

from hubspot_api.client import HubspotClient
from hubspot_api.exceptions import HubspotError, TransientError
from hubspot_api.workers import Workers
from tap_hubspot_engagements.exceptions import OutOfOrderError, PagingError
from tap_hubspot_engagements.source import Page, Resume, ids_of
from tap_hubspot_engagements.v1.endpoints import (
    PAGED,
    fetch_paged,
    get_recent,
    is_listed,
    iter_paged,
    paged_size,
)
from tap_hubspot_engagements.v1.page_size import PageSize, PageSizes

LOGGER = logging.getLogger(__name__)

Range = tuple[int, int | None]
"""Ids left to read: above the first, below the second; None stands for no end."""

EVERYTHING: tuple[Range, ...] = ((0, None),)
MAX_EARLY_ENDS = 3
MIN_PAGES_TO_SPLIT = 2  # a smaller part is not worth a request that may find nothing
# Where to split a part, from one page's width (0) to all of its width (1), on a logarithmic scale.
# benchmarks/split_point.py simulates it: 0.85 needs the fewest requests and the least time for even
# ids; for dense ids 0.8 is better by 2 %, for ids in clumps 1.0 by 3 %.
SPLIT_POINT = 0.85

DecodePage = Callable[[], Page]


@dataclass(frozen=True)
class Remainder:
    """
    The rest of a full pass, in the form of `Page.resume`.

    Without `in_order` the ids do not ascend, and HubSpot's cursor alone says how far the pass is.
    `highest` is the highest id so far.
    """

    ranges: tuple[Range, ...] = EVERYTHING
    in_order: bool = True
    highest: int = 0

    @classmethod
    def from_resume(cls, resume: Resume) -> Remainder:
        """Read a `Page.resume`; raise ValueError for any other object."""
        try:
            ranges = tuple(
                (_parse_id(low), None if high is None else _parse_id(high))
                for low, high in resume["ranges"]
            )
            highest = _parse_id(resume.get("highest") or 0)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not ranges of ids: {error!r}") from error
        if not ranges:
            raise ValueError("no ranges of ids")
        return cls(ranges, resume.get("in_order") is not False, highest)

    def to_resume(self) -> Resume:
        """Return the JSON object that from_resume reads."""
        resume: dict[str, Any] = {"ranges": [list(ids) for ids in self.ranges]}
        if not self.in_order:
            resume["in_order"] = False
        return {**resume, "highest": self.highest}


def iter_all(
    client: HubspotClient, sizes: PageSizes, remainder: Remainder, workers: int
) -> Iterator[Page]:
    """
    Yield the engagements that are left; without `in_order`, all after the first range's start.

    `workers` is the concurrency, the number of requests in flight. Raises PagingError if HubSpot's
    cursor does not advance.
    """
    starts_over = False
    if remainder.in_order:
        try:
            yield from _iter_parallel(client, sizes, remainder, workers)
            return
        except OutOfOrderError as error:
            LOGGER.warning("%s: reading everything anew, one request after the other", error)
            remainder, starts_over = Remainder(in_order=False), True
    for page in _iter_sequential(client, sizes, remainder):
        yield replace(page, starts_over=starts_over)
        starts_over = False


def _iter_sequential(
    client: HubspotClient, sizes: PageSizes, remainder: Remainder
) -> Iterator[Page]:
    """Yield everything after the first range's start by HubSpot's cursor, whatever the order."""
    highest = remainder.highest
    for page in iter_paged(client, sizes, remainder.ranges[0][0]):
        highest = max([highest, *ids_of(page.engagements)])
        ranges = () if page.is_last else ((_cursor(page), None),)
        yield replace(page, resume=Remainder(ranges, False, highest).to_resume())


@dataclass
class _Part:
    """
    Ids of a single worker: those above `at`, below `high`.

    `density` is the number of engagements per id, None before the first page. `early_ends` counts
    how often the list has ended too soon.
    """

    at: int
    high: int | None
    size: PageSize
    density: float | None = None
    is_requested: bool = False
    early_ends: int = 0

    def width(self, top: int) -> int:
        return (self.high or top) - self.at

    def count_left(self, top: int) -> float:
        """Return about how many engagements are left."""
        return self.width(top) * (self.density or 0.0)

    def split_at(self, top: int) -> int:
        """Return the id at which to split, at most half way; see SPLIT_POINT."""
        assert self.density, "a part is split after its first page"
        width, page_width = self.width(top), self.size.maximum / self.density
        return self.at + min(width // 2, int(width**SPLIT_POINT * page_width ** (1 - SPLIT_POINT)))

    def learn_density(self, ids: list[int]) -> None:
        """Average the density with that of a page's ids: ids come in clumps."""
        if len(ids) > 1:
            density = len(ids) / (ids[-1] - ids[0])
            self.density = sqrt(self.density * density) if self.density else density


class _Plan:
    """The parts left to read; `top` is the highest known id, `highest` the highest read."""

    def __init__(self, sizes: PageSizes, remainder: Remainder) -> None:
        self.top = 0
        self.highest = remainder.highest
        self._sizes = sizes
        self.parts = [_Part(low, high, paged_size(sizes)) for low, high in remainder.ranges]

    def next_part(self) -> _Part | None:
        """Return a part without a request, split from another if necessary; else None."""
        waiting = next((part for part in self.parts if not part.is_requested), None)
        return waiting or self._split_largest()

    def advance(self, part: _Part, page: Page) -> Page:
        """Move `part` past `page`, and return the page's own engagements; raise OutOfOrderError."""
        ids = ids_of(page.engagements)
        _check_order(part.at, ids)
        own = page if part.high is None else _below(part.high, page)
        part.is_requested = False
        part.learn_density(ids)
        self.top = max(self.top, *ids, part.at)
        if own.engagements:
            self.highest = max(self.highest, own.engagements[-1].id)
        # HubSpot leaves some engagements out, so its cursor may lie beyond the last id.
        at = part.at if page.is_last else max([_cursor(page), *ids[-1:]])
        is_whole = len(own.engagements) == len(ids) and (part.high is None or at + 1 < part.high)
        if not page.is_last and is_whole:
            part.at = at
        else:
            self.parts.remove(part)
        return own

    def remainder(self) -> Remainder:
        """Return the rest of the pass."""
        ranges = sorted(((part.at, part.high) for part in self.parts), key=lambda ids: ids[0])
        return Remainder(tuple(ranges), True, self.highest)

    def _split_largest(self) -> _Part | None:
        largest = max(self.parts, key=lambda part: part.count_left(self.top), default=None)
        if largest is None:
            return None
        if largest.count_left(self.top) < MIN_PAGES_TO_SPLIT * largest.size.maximum:
            return None
        at = largest.split_at(self.top)
        upper = _Part(at, largest.high, paged_size(self._sizes))
        largest.high = at + 1
        self.parts.append(upper)
        return upper


def _iter_parallel(
    client: HubspotClient, sizes: PageSizes, remainder: Remainder, workers: int
) -> Iterator[Page]:
    """Yield the pages of all ranges as they arrive; a part has at most one request in flight."""
    plan = _Plan(sizes, remainder)
    pool: Workers[_Part, DecodePage] = Workers(workers)
    try:
        _request_parts(client, sizes, plan, pool)
        if workers > 1:
            plan.top = _guess_highest_id(client)
        while plan.parts:
            part, decode_page = pool.next_result()
            page = decode_page()
            own = plan.advance(part, page)
            _continue_past_early_end(client, plan, part, page)
            # The next requests are in flight while this page is written.
            _request_parts(client, sizes, plan, pool)
            rest = plan.remainder()
            yield replace(own, resume=rest.to_resume(), is_last=not rest.ranges)
    finally:
        pool.close()


def _continue_past_early_end(client: HubspotClient, plan: _Plan, part: _Part, page: Page) -> None:
    """
    Keep reading a part whose list ends although higher ids are known.

    The list may have ended too soon, or before the newest engagement existed. The highest known id
    may also be deleted by now, or left out of the list. Raises PagingError after MAX_EARLY_ENDS.
    """
    last = max([part.at, *ids_of(page.engagements[-1:])])
    if not page.is_last or last >= plan.top:
        return
    if not is_listed(client, plan.top):
        plan.top = last
        return
    part.early_ends += 1
    if part.early_ends > MAX_EARLY_ENDS:
        raise PagingError(f"{PAGED}: the list ends at {last}, but it has {plan.top}")
    part.at = last
    plan.parts.append(part)


def _request_parts(
    client: HubspotClient, sizes: PageSizes, plan: _Plan, pool: Workers[_Part, DecodePage]
) -> None:
    """Give every idle worker a part."""

    def submit(part: _Part) -> None:
        part.is_requested = True
        pool.submit(part, lambda: fetch_paged(client, sizes, part.at, part.size))

    while pool.idle and (part := plan.next_part()):
        submit(part)


def _guess_highest_id(client: HubspotClient) -> int:
    """Return about the highest id, which only says where to split first; 0 without a guess."""
    try:
        return max(ids_of(get_recent(client)), default=0)
    except (HubspotError, TransientError) as error:
        LOGGER.info("%s: the highest id is unknown, so one request runs at first", error)
        return 0


def _check_order(at: int, ids: list[int]) -> None:
    for engagement_id in ids:
        if engagement_id <= at:
            raise OutOfOrderError(f"{PAGED}: id {engagement_id} comes after {at}")
        at = engagement_id


def _below(high: int, page: Page) -> Page:
    """Return the page without engagements that belong to the next part."""
    if not page.engagements or page.engagements[-1].id < high:
        return page
    return replace(
        page, engagements=[engagement for engagement in page.engagements if engagement.id < high]
    )


def _cursor(page: Page) -> int:
    assert page.resume is not None, "pages of endpoints have a cursor"
    cursor: int = page.resume["offset"]
    return cursor


def _parse_id(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"not an id: {value!r}")
    return value
