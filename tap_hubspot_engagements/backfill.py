"""
One complete pass over a portal by ranges of ids, several at a time, resumable.

HubSpot lists engagements by ascending id and begins anywhere, so the ids can be shared out. What
is left is split where most is left, by how dense the ids of its last pages were. Old ids lie close
together, new ones far apart, so a part is cut not in its middle but nearer to where it is being
read. The order of the ids is recorded, not promised: every page is checked, and the first that
breaks it puts the pass back to one request after the other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import sqrt

from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.exceptions import HubspotError, PagingError, TransientError
from tap_hubspot_engagements.pages import (
    PAGED,
    Page,
    PageSize,
    ask_paged,
    get_recent,
    is_listed,
    iter_paged,
)
from tap_hubspot_engagements.state import Range
from tap_hubspot_engagements.workers import Workers

LOGGER = logging.getLogger(__name__)

EVERYTHING: tuple[Range, ...] = ((0, None),)
ENDS_TO_BEAR = 3
PAGES_TO_SPLIT = 2  # less is not worth a request that may find nothing
# Where to cut a part, between one page's width (0) and all of its width (1), on a logarithmic
# scale; found by simulation over even, dense and uneven ids: fewest requests for the same time.
CUT_AT = 0.85


@dataclass(frozen=True)
class Step:
    """A page of a backfill, and what is left to read after it; `in_order` as long as ids are."""

    page: Page
    ranges: tuple[Range, ...]
    in_order: bool = True


class OutOfOrder(Exception):
    """A page's ids do not ascend from where it was asked to begin."""


def iter_backfill(
    client: HubspotClient,
    ranges: tuple[Range, ...],
    page_size: int | None,
    workers: int,
    in_order: bool = True,
) -> Iterator[Step]:
    """
    Yield the engagements with ids in `ranges`; without `in_order`, all that come after the first.

    Raises PagingError where HubSpot's cursor stands still.
    """
    if in_order:
        try:
            yield from _iter_shared(client, ranges, page_size, workers)
            return
        except OutOfOrder as error:
            LOGGER.warning("%s: reading everything anew, one request after the other", error)
            ranges = EVERYTHING
    yield from _iter_in_turn(client, ranges[0][0], page_size)


def _iter_in_turn(client: HubspotClient, offset: int, page_size: int | None) -> Iterator[Step]:
    """Yield everything after `offset` by HubSpot's own cursor, whatever the order of ids."""
    for page in iter_paged(client, offset, page_size):
        yield Step(page, ((page.cursor, None),) if page.has_more else (), in_order=False)


@dataclass
class _Part:
    """
    Ids that one worker reads: those above `at`, below `high`.

    `density` is how many of its ids there are to a step of one, None before its first page.
    """

    at: int
    high: int | None
    size: PageSize
    density: float | None = None
    asked: bool = False
    ends: int = 0  # how often its list has ended too soon

    def width(self, top: int) -> int:
        return (self.high or top) - self.at

    def left(self, top: int) -> float:
        """Return about how many engagements are left."""
        return self.width(top) * (self.density or 0.0)

    def cut(self, top: int) -> int:
        """Return the id at which to cut, at most half way; see CUT_AT."""
        assert self.density, "what is cut has been read in part"
        width, page_width = self.width(top), self.size.most / self.density
        return self.at + min(width // 2, int(width**CUT_AT * page_width ** (1 - CUT_AT)))

    def learn(self, ids: list[int]) -> None:
        """Take the density of a page's ids, evened out: ids come in clumps."""
        if len(ids) > 1:
            density = len(ids) / (ids[-1] - ids[0])
            self.density = sqrt(self.density * density) if self.density else density


@dataclass
class _Plan:
    """What is left, in parts; `top` is the highest id that is known of."""

    parts: list[_Part]
    page_size: int | None
    top: int = 0

    def next_part(self) -> _Part | None:
        """Return a part that nobody reads, made of a larger one where there is none; or None."""
        waiting = next((part for part in self.parts if not part.asked), None)
        return waiting or self._split()

    def advance(self, part: _Part, page: Page) -> Page:
        """Move `part` past `page`; returns what of the page is its own. Raises OutOfOrder."""
        ids = [engagement.id for engagement in page.engagements]
        _check_order(part.at, ids)
        own = page if part.high is None else _below(part.high, page)
        part.asked = False
        part.learn(ids)
        self.top = max(self.top, *ids, part.at)
        # HubSpot leaves records out, and then its cursor may be beyond the last id.
        at = max([page.cursor, *ids[-1:]]) if page.has_more else part.at
        whole = len(own.engagements) == len(ids) and (part.high is None or at + 1 < part.high)
        if page.has_more and whole:
            part.at = at
        else:
            self.parts.remove(part)
        return own

    def ranges(self) -> tuple[Range, ...]:
        return tuple(sorted(((part.at, part.high) for part in self.parts), key=lambda one: one[0]))

    def _split(self) -> _Part | None:
        most = max(self.parts, key=lambda part: part.left(self.top), default=None)
        if most is None or most.left(self.top) < PAGES_TO_SPLIT * most.size.most:
            return None
        cut = most.cut(self.top)
        upper = _Part(cut, most.high, PageSize(self.page_size))
        most.high = cut + 1
        self.parts.append(upper)
        return upper


def _iter_shared(
    client: HubspotClient, ranges: tuple[Range, ...], page_size: int | None, workers: int
) -> Iterator[Step]:
    """Yield the ranges' pages as they come; each part has one request under way at most."""
    plan = _Plan([_Part(low, high, PageSize(page_size)) for low, high in ranges], page_size)
    pool: Workers[_Part, Callable[[], Page]] = Workers(workers)
    try:
        _ask(client, plan, pool)
        if workers > 1:
            plan.top = _highest_id(client)
        while plan.parts:
            part, read = pool.next_result()
            page = read()
            own = plan.advance(part, page)
            _go_on_past_end(client, plan, part, page)
            # The next requests are under way while this page is written.
            _ask(client, plan, pool)
            yield Step(own, plan.ranges())
    finally:
        pool.close()


def _go_on_past_end(client: HubspotClient, plan: _Plan, part: _Part, page: Page) -> None:
    """
    Have a part read on where its list ends though engagements with higher ids are known.

    The list may have ended too soon, or before the newest was made. The highest that is known of
    may be gone by now, too, or one that the list leaves out. Raises PagingError where it ends so
    time and again.
    """
    last = max([part.at, *(one.id for one in page.engagements[-1:])])
    if page.has_more or last >= plan.top:
        return
    if not is_listed(client, plan.top):
        plan.top = last
        return
    part.ends += 1
    if part.ends > ENDS_TO_BEAR:
        raise PagingError(f"{PAGED}: the list ends at {last}, and yet has {plan.top}")
    part.at = last
    plan.parts.append(part)


def _ask(client: HubspotClient, plan: _Plan, pool: Workers[_Part, Callable[[], Page]]) -> None:
    """Give every idle worker a part."""
    while pool.idle and (part := plan.next_part()):
        part.asked = True
        pool.submit(part, lambda part=part: ask_paged(client, part.at, part.size))  # type: ignore[misc]


def _highest_id(client: HubspotClient) -> int:
    """Return about the highest id: a guess that only says where to split first."""
    try:
        return max((one.id for one in get_recent(client)), default=0)
    except (HubspotError, TransientError) as error:
        LOGGER.info("%s: the ids to come are not known", error)
        return 0


def _check_order(at: int, ids: list[int]) -> None:
    for one in ids:
        if one <= at:
            raise OutOfOrder(f"{PAGED}: id {one} comes after {at}")
        at = one


def _below(high: int, page: Page) -> Page:
    if not page.engagements or page.engagements[-1].id < high:
        return page
    return replace(page, engagements=[one for one in page.engagements if one.id < high])
