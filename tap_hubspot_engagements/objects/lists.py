"""
A full pass over the lists of all types, by ranges of ids in parallel, resumable.

A list ascends by id, and its cursor is an id to begin at, so the ids of a type can be shared among
workers. HubSpot's documents do not promise either: every page is checked, and the first that is out
of order makes the pass start over, one request after the other, by HubSpot's own cursors.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hubspot_api.exceptions import HubspotError, TransientError
from hubspot_api.workers import Workers
from tap_hubspot_engagements.exceptions import OutOfOrderError, PagingError
from tap_hubspot_engagements.objects.api import ObjectPage, RecordsApi
from tap_hubspot_engagements.pagination import check_cursor_is_new
from tap_hubspot_engagements.source import Page, Resume, ids_of

LOGGER = logging.getLogger(__name__)

Range = tuple[int, int | None]
"""Ids left to read: from the first on, below the second; None stands for no end."""

EVERYTHING: Range = (0, None)
MIN_PAGES_TO_SPLIT = 4  # a smaller part is not worth a request that may find nothing
MAX_EARLY_ENDS = 3


Fetched = tuple[Callable[[], ObjectPage], int]
"""The function that decodes a page, and the highest id of its type, 0 if unknown."""


@dataclass(frozen=True)
class Remainder:
    """
    What is left of a full pass, as `Page.resume` keeps it.

    `ranges` are by type. Without order, `cursors` are HubSpot's own by type instead, an empty one
    for the list's begin. `highest` is the highest id of each type so far.
    """

    ranges: Mapping[str, Sequence[Range]] = field(default_factory=dict)
    cursors: Mapping[str, str] | None = None
    highest: Mapping[str, int] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types that are left to read."""
        return tuple(self.ranges if self.cursors is None else self.cursors)

    @classmethod
    def begin(cls, kinds: Sequence[str]) -> Remainder:
        return cls(dict.fromkeys(kinds, (EVERYTHING,)))

    @classmethod
    def from_resume(cls, resume: Resume) -> Remainder:
        """Read a `Page.resume`; raise ValueError if it is none of this module's."""
        try:
            highest = {kind: _parse_id(top) for kind, top in resume["highest"].items()}
            if "cursors" in resume:
                return cls({}, dict(resume["cursors"]), highest)
            ranges = {
                kind: tuple(
                    (_parse_id(low), None if high is None else _parse_id(high))
                    for low, high in parts
                )
                for kind, parts in resume["lists"].items()
            }
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not ranges of ids: {error!r}") from error
        return cls(ranges, None, highest)

    def to_resume(self) -> Resume:
        if self.cursors is not None:
            return {"cursors": dict(self.cursors), "highest": dict(self.highest)}
        lists = {kind: [list(part) for part in parts] for kind, parts in self.ranges.items()}
        return {"lists": lists, "highest": dict(self.highest)}


def iter_all(
    api: RecordsApi, kinds: Sequence[str], remainder: Remainder, workers: int
) -> Iterator[Page]:
    """
    Yield all engagements of `remainder`; raise PagingError if HubSpot's cursor does not advance.

    The first page comes before any other is requested, so that its clock is the pass's start.
    """
    starts_over = False
    if remainder.cursors is None:
        try:
            yield from _iter_parallel(api, remainder, workers)
            return
        except OutOfOrderError as error:
            LOGGER.warning("%s: reading everything anew, one request after the other", error)
            remainder, starts_over = Remainder(cursors=dict.fromkeys(kinds, "")), True
    for page in _iter_sequential(api, remainder):
        yield replace(page, starts_over=starts_over)
        starts_over = False


def _iter_sequential(api: RecordsApi, remainder: Remainder) -> Iterator[Page]:
    """Yield each list by HubSpot's cursors, whatever the order."""
    cursors, highest = dict(remainder.cursors or {}), dict(remainder.highest)
    while cursors:
        kind, after = next(iter(cursors.items()))
        tokens = {after}
        while kind in cursors:
            object_page = api.list_page(kind, after)
            highest[kind] = max([highest.get(kind, 0), *ids_of(object_page.engagements)])
            if object_page.after is None:
                del cursors[kind]
            else:
                check_cursor_is_new(api.endpoints.records(kind), object_page.after, tokens)
                after = cursors[kind] = object_page.after
            rest = Remainder(cursors=cursors, highest=highest)
            if object_page.engagements or not cursors:
                yield to_page(object_page, rest.to_resume(), is_last=not cursors)


def to_page(object_page: ObjectPage, resume: Resume | None, *, is_last: bool) -> Page:
    """Return the page of a source."""
    return Page(
        object_page.engagements,
        resume,
        is_last,
        object_page.received_at,
        object_page.hubspot_at,
        object_page.nul_removed,
        may_be_redacted=object_page.may_be_redacted,
    )


@dataclass
class _Part:
    """Ids of one type that one worker reads: from `at` on, below `high`."""

    kind: str
    at: int
    high: int | None
    density: float = 0.0  # engagements for each id; 0 before the first page
    is_requested: bool = False
    early_ends: int = 0


class _Plan:
    """The parts that are left to read; `tops` are the highest ids known, `highest` those read."""

    def __init__(self, remainder: Remainder, page_size: int) -> None:
        self._page_size = page_size
        self.tops: dict[str, int] = {}
        self.highest = dict(remainder.highest)
        self.parts = [
            _Part(kind, low, high)
            for kind, ranges in remainder.ranges.items()
            for low, high in ranges
        ]

    def next_part(self) -> _Part | None:
        """Return a part without a request, split from another if necessary; else None."""
        waiting = next((part for part in self.parts if not part.is_requested), None)
        return waiting or self._split_largest()

    def advance(self, part: _Part, page: ObjectPage) -> ObjectPage:
        """Move `part` past `page` and return the page's own engagements; raise OutOfOrderError."""
        ids = ids_of(page.engagements)
        cursor = _check_order(part, ids, page.after)
        part.is_requested = False
        if len(ids) > 1:
            part.density = len(ids) / (ids[-1] - ids[0])
        own = ids if part.high is None else [one for one in ids if one < part.high]
        if own:
            self.highest[part.kind] = max(self.highest.get(part.kind, 0), own[-1])
        if cursor is None or (part.high is not None and cursor >= part.high):
            self.parts.remove(part)
        else:
            part.at = cursor
        return replace(page, engagements=page.engagements[: len(own)])

    def remainder(self) -> Remainder:
        ranges: dict[str, list[Range]] = {}
        for part in sorted(self.parts, key=lambda part: (part.kind, part.at)):
            ranges.setdefault(part.kind, []).append((part.at, part.high))
        return Remainder(ranges, None, self.highest)

    def _end(self, part: _Part) -> int:
        return part.high or self.tops.get(part.kind, 0) + 1

    def _count_left(self, part: _Part) -> float:
        return (self._end(part) - part.at) * part.density

    def _split_largest(self) -> _Part | None:
        largest = max(self.parts, key=self._count_left, default=None)
        if largest is None or self._count_left(largest) < MIN_PAGES_TO_SPLIT * self._page_size:
            return None
        middle = (largest.at + self._end(largest)) // 2
        upper = _Part(largest.kind, middle, largest.high)
        largest.high = middle
        self.parts.append(upper)
        return upper


def _iter_parallel(api: RecordsApi, remainder: Remainder, workers: int) -> Iterator[Page]:
    """Yield the pages of all parts as they arrive; a part has at most one request in flight."""
    plan = _Plan(remainder, api.list_size)
    pool: Workers[_Part, Fetched] = Workers(workers)
    is_first = True
    try:
        while plan.parts:
            if is_first and (first := plan.next_part()):
                # Alone: the clock of the first page has to precede all other requests.
                _request(api, plan, pool, first, workers)
                is_first = False
            part, (decode_page, top) = pool.next_result()
            object_page = decode_page()
            plan.tops[part.kind] = max(plan.tops.get(part.kind, 0), top)
            own = plan.advance(part, object_page)
            _continue_past_early_end(api, plan, part, object_page)
            while pool.idle and (waiting := plan.next_part()):
                # The next requests are in flight while this page is written.
                _request(api, plan, pool, waiting, workers)
            rest = plan.remainder()
            if own.engagements or not rest.ranges:
                yield to_page(own, rest.to_resume(), is_last=not rest.ranges)
    finally:
        pool.close()


def _request(
    api: RecordsApi,
    plan: _Plan,
    pool: Workers[_Part, Fetched],
    part: _Part,
    workers: int,
) -> None:
    part.is_requested = True
    at, knows_top = part.at, part.kind in plan.tops or workers == 1

    def read() -> Fetched:
        decode_page, has_more = api.fetch_list(part.kind, at)
        is_guess_useful = not knows_top and has_more()
        return decode_page, _guess_highest_id(api, part.kind) if is_guess_useful else 0

    pool.submit(part, read)


def _guess_highest_id(api: RecordsApi, kind: str) -> int:
    """Return about the highest id of a type, which says where to split; 0 without a guess."""
    try:
        return api.highest_id(kind) or 0
    except (HubspotError, TransientError) as error:
        LOGGER.info("%s: the highest id is unknown, so the list is read in one part", error)
        return 0


def _continue_past_early_end(
    api: RecordsApi, plan: _Plan, part: _Part, object_page: ObjectPage
) -> None:
    """
    Keep reading a part whose list ends although higher ids are known.

    The highest known id may also be deleted by now. Raises PagingError after MAX_EARLY_ENDS.
    """
    top = plan.tops.get(part.kind, 0)
    last = max([part.at - 1, *ids_of(object_page.engagements[-1:])])
    if object_page.after is not None or last >= top or part.high is not None:
        return
    if _is_gone(api, part.kind, top):
        plan.tops[part.kind] = last
        return
    part.early_ends += 1
    if part.early_ends > MAX_EARLY_ENDS:
        raise PagingError(f"the list of {part.kind} ends at {last}, but it has {top}")
    part.at = last + 1
    plan.parts.append(part)


def _is_gone(api: RecordsApi, kind: str, engagement_id: int) -> bool:
    """Tell whether an engagement is deleted; False if a single attempt does not show it."""
    try:
        return api.get_engagement(kind, engagement_id) is None
    except (HubspotError, TransientError) as error:
        LOGGER.info("%s", error)
        return False


def _check_order(part: _Part, ids: Sequence[int], after: str | None) -> int | None:
    """Return the cursor as an id, None on the last page; raise OutOfOrderError."""
    at = part.at - 1
    for engagement_id in ids:
        if engagement_id <= at:
            raise OutOfOrderError(f"{part.kind}: id {engagement_id} comes after {at}")
        at = engagement_id
    if after is None:
        return None
    if not after.isdecimal() or int(after) <= max(at, part.at):
        raise OutOfOrderError(f"{part.kind}: cursor {after[:100]!r} comes after id {at}")
    return int(after)


def _parse_id(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"not an id: {value!r}")
    return value
