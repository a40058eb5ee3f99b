"""One complete pass over a portal by ranges of ids, resumable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.pages import Page, iter_paged
from tap_hubspot_engagements.records import INNER
from tap_hubspot_engagements.state import Range

EVERYTHING: tuple[Range, ...] = ((0, None),)


@dataclass(frozen=True)
class Step:
    """A page of a backfill, and the ranges that are left to read after it."""

    page: Page
    ranges: tuple[Range, ...]


def iter_backfill(
    client: HubspotClient, ranges: tuple[Range, ...], page_size: int | None
) -> Iterator[Step]:
    """Yield the engagements with ids in `ranges`, page by page, one range after the other."""
    for at, (low, high) in enumerate(ranges):
        later = ranges[at + 1 :]
        for page in iter_paged(client, low, page_size):
            within = page if high is None else _below(high, page)
            done = not page.has_more or (high is not None and page.cursor >= high - 1)
            yield Step(within, later if done else ((page.cursor, high), *later))
            if done:
                break


def _below(high: int, page: Page) -> Page:
    """Return `page` without what the next range holds: HubSpot lists by ascending id."""
    return replace(page, engagements=[one for one in page.engagements if one[INNER]["id"] < high])
