"""
Changes by searches, each type in the order of `hs_lastmodifieddate`.

A search ends after 10,000 results, and its cursor counts rows, so a change during the search moves
others across the edge of a page unseen. So no cursor is followed: each search begins again at the
last millisecond of the one before. Within one millisecond that has more than a page, ids order the
results. Bodies come from the search itself: what a late index hides is read again by the next run's
lookback. Associations are requested for up to 1,000 records at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hubspot_api.activity_properties import ID
from tap_hubspot_engagements.exceptions import PagingError
from tap_hubspot_engagements.objects.api import FIRST_SEARCHABLE_MS, RecordsApi, SearchPage
from tap_hubspot_engagements.objects.associations import MAX_INPUTS
from tap_hubspot_engagements.objects.lists import to_page
from tap_hubspot_engagements.objects.values import to_ms
from tap_hubspot_engagements.source import Page, Resume


@dataclass(frozen=True)
class Place:
    """
    How far the changes of one type are read.

    `from_ms` (Unix ms) is where the next search begins. `ids` are the ids of that millisecond that
    are read already. With `after_id`, the next search is for this millisecond alone, above that id.
    """

    from_ms: int
    ids: frozenset[int] = frozenset()
    after_id: int | None = None


@dataclass(frozen=True)
class Cursor:
    """What is left of a pass over changes since `since_ms`: a type's place, and later types."""

    kinds: tuple[str, ...]
    since_ms: int
    place: Place

    @classmethod
    def begin(cls, kinds: Sequence[str], since_ms: int) -> Cursor:
        since_ms = max(since_ms, FIRST_SEARCHABLE_MS)
        return cls(tuple(kinds), since_ms, Place(since_ms))

    @classmethod
    def from_resume(cls, resume: Resume) -> Cursor:
        """Read a `Page.resume`; raise ValueError if it is none of this module's."""
        try:
            after_id = resume.get("after_id")
            place = Place(int(resume["from_ms"]), after_id=after_id and int(after_id))
            return cls(tuple(map(str, resume["kinds"])), int(resume["since_ms"]), place)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a place among changes: {error!r}") from error

    def to_resume(self) -> Resume:
        resume = {
            "kinds": list(self.kinds),
            "since_ms": self.since_ms,
            "from_ms": self.place.from_ms,
        }
        after_id = self.place.after_id
        return resume if after_id is None else {**resume, "after_id": after_id}

    def after(self, place: Place | None) -> Cursor:
        """Return the cursor at `place`, or at the next type if the first one is complete."""
        if place is not None:
            return replace(self, place=place)
        return Cursor(self.kinds[1:], self.since_ms, Place(self.since_ms))


def iter_changes(api: RecordsApi, cursor: Cursor) -> Iterator[Page]:
    """
    Yield the changes after `cursor`, at most MAX_INPUTS on a page.

    Every page has the clock of the pass's first search: no later change is missing behind it.
    Raises PagingError if a search is out of order.
    """
    hubspot_at: datetime | None = None
    while cursor.kinds:
        kind, place = cursor.kinds[0], cursor.place
        records: list[Any] = []
        search_pages: list[SearchPage] = []
        while True:
            search_page = _search(api, kind, place)
            search_pages.append(search_page)
            hubspot_at = hubspot_at or search_page.response.hubspot_at
            fresh, next_place = _advance(api, kind, place, search_page)
            records += fresh
            if next_place is None or len(records) + len(search_page.records) > MAX_INPUTS:
                break
            place = next_place
        cursor = cursor.after(next_place)
        if not records and cursor.kinds:
            continue
        page = to_page(
            api.to_page(kind, search_pages, records),
            cursor.to_resume() if cursor.kinds else None,
            is_last=not cursor.kinds,
        )
        yield replace(page, hubspot_at=hubspot_at)


def _search(api: RecordsApi, kind: str, place: Place) -> SearchPage:
    property_name = api.modified_property(kind)
    if place.after_id is None:
        return api.search(kind, [(property_name, "GTE", place.from_ms)], property_name)
    filters = [(property_name, "EQ", place.from_ms), (ID, "GT", place.after_id)]
    return api.search(kind, filters, sort=ID)


def _advance(
    api: RecordsApi, kind: str, place: Place, search_page: SearchPage
) -> tuple[list[Any], Place | None]:
    """Return the records that are new on a page, and the place after it, None at the end."""
    if place.after_id is not None:
        return _advance_by_id(kind, place, search_page)
    dates = [_modified_ms(api, kind, record) for record in search_page.records]
    fresh = [
        record
        for record, at_ms in zip(search_page.records, dates, strict=True)
        if at_ms != place.from_ms or int(record.id) not in place.ids
    ]
    if not search_page.has_more:
        return fresh, None
    last_ms = _safe_end(dates)
    if not dates or last_ms < place.from_ms:
        name = api.modified_property(kind)
        raise PagingError(f"{kind}: a search for {name} from {place.from_ms} shows {dates[:1]}")
    if last_ms == place.from_ms:
        # A whole page, or more, of one millisecond.
        return fresh, Place(last_ms, after_id=0)
    ids = {
        int(record.id)
        for record, at_ms in zip(search_page.records, dates, strict=True)
        if at_ms == last_ms
    }
    return fresh, Place(last_ms, frozenset(ids))


def _advance_by_id(
    kind: str, place: Place, search_page: SearchPage
) -> tuple[list[Any], Place | None]:
    ids = [int(record.id) for record in search_page.records]
    if ids != sorted(ids) or (ids and ids[0] <= (place.after_id or 0)):
        raise PagingError(f"{kind}: a search by {ID} above {place.after_id} is out of order")
    if search_page.has_more and ids:
        return list(search_page.records), replace(place, after_id=ids[-1])
    return list(search_page.records), Place(place.from_ms + 1)


def _safe_end(dates: Sequence[int]) -> int:
    """
    Return the date from which the next search has to begin.

    Near the present, HubSpot's index is slightly out of order: then it is the lowest date that
    stands after a higher one.
    """
    late = [date for date, previous in zip(dates[1:], dates, strict=False) if date < previous]
    return min([*dates[-1:], *late], default=0)


def _modified_ms(api: RecordsApi, kind: str, record: Any) -> int:
    """Return a record's date of change; raise PagingError without one."""
    text = api.modified_text(record)
    at_ms = to_ms(text) if isinstance(text, str) else None
    if not isinstance(at_ms, int):
        raise PagingError(f"{api.modified_property(kind)} of {record.id} is {text!r}")
    return at_ms
