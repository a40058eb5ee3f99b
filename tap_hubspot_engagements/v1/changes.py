"""Reads the changes since a moment, from the best endpoint that still lists them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from hubspot_api.client import HubspotClient
from hubspot_api.exceptions import (
    AuthError,
    HubspotError,
    NotFoundError,
    ScopeError,
    ServerError,
    TransientError,
)
from tap_hubspot_engagements.engagement import Engagement
from tap_hubspot_engagements.exceptions import ResultLimitError, StuckError
from tap_hubspot_engagements.source import Page
from tap_hubspot_engagements.times import MILLISECOND, ms_to_utc, to_rfc3339, utc_to_ms
from tap_hubspot_engagements.v1.endpoints import (
    MODIFIED_AFTER,
    RECENT_MODIFIED,
    get_newest,
    get_recent,
    iter_modified_after,
    iter_recent,
)
from tap_hubspot_engagements.v1.id_ranges import Remainder, iter_all
from tap_hubspot_engagements.v1.page_size import PageSizes

LOGGER = logging.getLogger(__name__)

RECENT = timedelta(days=29)  # HubSpot's list of recent changes goes back 30
SCOPE = "crm.objects.contacts.read"


def iter_changes(
    client: HubspotClient, sizes: PageSizes, since: datetime, lookback: timedelta
) -> Iterator[Page]:
    """
    Yield the changes since `since` less `lookback`.

    Raises ScopeError if HubSpot shows nothing although a newer change exists: if the token lacks
    the scope of the endpoint, HubSpot answers with an empty list instead of a refusal.
    """
    since_ms, lookback_ms = utc_to_ms(since), lookback // MILLISECOND
    # A millisecond earlier, since HubSpot does not say whether `after` itself is included.
    after = max(0, since_ms - lookback_ms - 1)
    is_empty = is_first = True
    try:
        for page in iter_modified_after(client, sizes, after):
            is_first = False
            is_empty = is_empty and not page.engagements
            if is_empty and page.is_last:
                _check_missing_scope(client, since_ms + lookback_ms)
            yield page
    except (NotFoundError, StuckError) as error:
        # The portal does not have this endpoint, or an unlistable record breaks it.
        if isinstance(error, NotFoundError) and not is_first:
            raise
        LOGGER.warning("%s: falling back to another endpoint", error)
        yield from _iter_fallback(client, sizes, after)
    except ServerError as error:
        # An outage that has lasted. To read everything costs too much for that.
        if not _is_recent(after) or not _lists_recent(client):
            raise
        LOGGER.warning("%s: falling back to another endpoint", error)
        try:
            yield from _iter_recent(client, sizes, after)
        except (StuckError, ResultLimitError):
            raise error from None


def _iter_fallback(client: HubspotClient, sizes: PageSizes, since_ms: int) -> Iterator[Page]:
    """
    Yield the changes since `since_ms` (Unix ms), if /modified/after cannot be read.

    The list of recent changes goes back 30 days or 10,000 results; before that, the fallback is to
    read everything and to leave out older engagements. Neither can be resumed.
    """
    if _is_recent(since_ms):
        try:
            yield from _iter_recent(client, sizes, since_ms)
            return
        except (StuckError, ResultLimitError) as error:
            LOGGER.warning("%s: falling back to reading everything", error)
    for page in iter_all(client, sizes, Remainder(), workers=1):
        newer = [change for change in page.engagements if _is_newer(change, since_ms)]
        yield replace(page, engagements=newer, resume=None)


def _iter_recent(client: HubspotClient, sizes: PageSizes, since_ms: int) -> Iterator[Page]:
    for page in iter_recent(client, sizes, since_ms):
        yield replace(page, resume=None)


def _is_recent(since_ms: int) -> bool:
    return datetime.now(timezone.utc) - ms_to_utc(since_ms) < RECENT


def _lists_recent(client: HubspotClient) -> bool:
    """Tell, by one attempt, whether HubSpot lists recent changes."""
    try:
        get_recent(client)
    except (HubspotError, TransientError):
        return False
    return True


def _is_newer(engagement: Engagement, since_ms: int) -> bool:
    updated_ms = engagement.last_updated_ms
    return updated_ms is None or updated_ms > since_ms


def resume_changes(client: HubspotClient, sizes: PageSizes, after: str) -> Iterator[Page]:
    """
    Yield the changes after HubSpot's cursor `after`.

    Yields nothing, with a warning, if HubSpot no longer knows the cursor, if the next record is
    unlistable, or if the list of recent changes alone is read in an outage.
    """
    pages = iter_modified_after(client, sizes, after)
    try:
        first = next(pages)
    except (AuthError, ScopeError):
        raise  # no sign of a bad cursor
    except (HubspotError, StuckError) as error:
        LOGGER.warning("HubSpot refuses the interrupted run's cursor, reading anew: %s", error)
        return
    except ServerError as error:
        if not _lists_recent(client):
            raise
        LOGGER.warning("the interrupted run's cursor is not read, reading anew: %s", error)
        return
    yield first
    yield from pages


def check_changes(client: HubspotClient) -> None:
    """Raise ScopeError if the list of changes is empty although there are some."""
    try:
        page = next(iter_modified_after(client, PageSizes(1), 0))
    except (NotFoundError, StuckError):
        return  # the fallback reads other endpoints
    if not page.engagements:
        _check_missing_scope(client, 0)


def _check_missing_scope(client: HubspotClient, since_ms: int) -> None:
    newest = get_newest(client)
    newest_ms = newest.last_updated_ms if newest else None
    if newest_ms is not None and newest_ms > since_ms:
        raise ScopeError(
            f"{MODIFIED_AFTER} shows nothing, but {RECENT_MODIFIED} a change of"
            f" {to_rfc3339(ms_to_utc(newest_ms))}: HubSpot's index may be late, then the next run"
            f" succeeds; if this stays, grant the token the scope {SCOPE}"
        )
