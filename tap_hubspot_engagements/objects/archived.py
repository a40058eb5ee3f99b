"""
The archived sweep: deletions that HubSpot lists, for the 90 days that they can be restored in.

The list cannot be filtered or sorted by the date of deletion, so each sweep reads it whole.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from hubspot_api.exceptions import AuthError, HubspotError
from hubspot_api.workers import Workers
from tap_hubspot_engagements.engagement import Engagement
from tap_hubspot_engagements.objects.api import ObjectPage, RecordsApi
from tap_hubspot_engagements.objects.values import to_ms
from tap_hubspot_engagements.pagination import check_cursor_is_new
from tap_hubspot_engagements.times import ms_to_utc

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Deletions:
    """Deleted engagements with the moments of their deletions, in UTC."""

    engagements: Sequence[Engagement]
    deleted_at: Sequence[datetime]
    received_at: datetime
    hubspot_at: datetime
    nul_removed: int


def iter_deletions(
    api: RecordsApi, kinds: Sequence[str], since_ms: int, workers: int = 1
) -> Iterator[Deletions]:
    """
    Yield the records that were deleted since `since_ms` (Unix ms), page by page.

    `workers` types are read at a time. A type that HubSpot refuses to list is left to the full
    pass. Yields at least the pages that show nothing new, for their clock; nothing at all if every
    type is refused.
    """
    cursors: dict[str, set[str]] = {kind: {""} for kind in kinds}
    waiting = [(kind, "") for kind in kinds]
    pool: Workers[str, ObjectPage | None] = Workers(min(workers, len(kinds)))
    in_flight = 0
    try:
        while waiting or in_flight:
            while waiting and pool.idle:
                kind, after = waiting.pop()
                pool.submit(kind, partial(_fetch_page, api, kind, after))
                in_flight += 1
            kind, page = pool.next_result()
            in_flight -= 1
            if page is None:
                continue
            if page.after is not None:
                check_cursor_is_new(api.endpoints.records(kind), page.after, cursors[kind])
                waiting.append((kind, page.after))
            yield _since(page, since_ms)
    finally:
        pool.close()


def _fetch_page(api: RecordsApi, kind: str, after: str) -> ObjectPage | None:
    """Return a page of the list of deletions; None if HubSpot refuses the type."""
    try:
        return api.list_page(kind, after, archived=True)
    except AuthError:
        raise
    except HubspotError as error:
        LOGGER.info("deleted %s are left to the full pass: %s", kind, error)
        return None


def _since(page: ObjectPage, since_ms: int) -> Deletions:
    deletions: list[tuple[Engagement, datetime]] = []
    for engagement, text in zip(page.engagements, page.deleted_at, strict=True):
        at_ms = to_ms(text) if text else None
        if not isinstance(at_ms, int):
            # A server that ignores `archived=true` lists live records, which have no such moment.
            LOGGER.warning(
                "engagement %s is in the list of deletions without archivedAt: not taken for"
                " deleted, left to the full pass",
                engagement.id,
            )
        elif at_ms >= since_ms:
            deletions.append((engagement, ms_to_utc(at_ms)))
    return Deletions(
        [engagement for engagement, _ in deletions],
        [at for _, at in deletions],
        page.received_at,
        page.hubspot_at,
        page.nul_removed,
    )
