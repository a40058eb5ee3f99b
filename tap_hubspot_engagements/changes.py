"""What changed since a bookmark, from whichever endpoint can still tell."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from tap_hubspot_engagements.backfill import EVERYTHING, iter_backfill
from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.exceptions import (
    AuthError,
    HubspotError,
    NotFoundError,
    ScopeError,
    StuckError,
    WindowError,
)
from tap_hubspot_engagements.pages import (
    MODIFIED_AFTER,
    RECENT_MODIFIED,
    Page,
    get_newest,
    iter_modified_after,
    iter_recent,
)
from tap_hubspot_engagements.sent import Sent
from tap_hubspot_engagements.state import MILLISECOND, ms_to_utc, to_rfc3339, utc_to_ms

LOGGER = logging.getLogger(__name__)

RECENT = timedelta(days=29)  # HubSpot's list of recent changes goes back 30
SCOPE = "crm.objects.contacts.read"


def iter_changes(
    client: HubspotClient, bookmark: datetime, lookback: timedelta, page_size: int | None
) -> Iterator[Page]:
    """
    Yield what changed since `bookmark` less `lookback`, from whichever endpoint can tell.

    Raises ScopeError where HubSpot shows nothing although something newer is there: without the
    scope that the endpoint asks for it answers with no rows instead of a refusal.
    """
    bookmark_ms, lookback_ms = utc_to_ms(bookmark), lookback // MILLISECOND
    # A millisecond more, as HubSpot does not say whether `after` itself is shown.
    after = max(0, bookmark_ms - lookback_ms - 1)
    empty = first = True
    pages = iter_modified_after(client, after, page_size)
    try:
        for page in pages:
            first = False
            empty = empty and not page.engagements
            if empty and not page.has_more:
                _refuse_empty(client, bookmark_ms + lookback_ms)
            yield page
    except (NotFoundError, StuckError) as error:
        # The one where the portal does not have it, the other where a record breaks it.
        if isinstance(error, NotFoundError) and not first:
            raise
        LOGGER.warning("%s: asking another endpoint", error)
        yield from _iter_without_feed(client, after, page_size)


def _iter_without_feed(
    client: HubspotClient, since_ms: int, page_size: int | None
) -> Iterator[Page]:
    """
    Yield what changed since `since_ms` where HubSpot has no list of changes for it.

    The list of recent changes goes back 30 days or 10,000 rows; beyond, everything is read and
    what is older left out. Neither can be resumed: until the end all pages have more to come.
    """
    since = ms_to_utc(since_ms)
    if datetime.now(timezone.utc) - since < RECENT:
        try:
            for page in iter_recent(client, since_ms, page_size):
                yield replace(page, cursor=None)
            return
        except (StuckError, WindowError) as error:
            LOGGER.warning("%s: reading everything", error)
    for step in iter_backfill(client, EVERYTHING, page_size, workers=1):
        newer = [one for one in step.page.engagements if _is_newer(one, since_ms)]
        yield replace(step.page, engagements=newer, has_more=bool(step.ranges), cursor=None)


def _is_newer(engagement: Sent, since_ms: int) -> bool:
    updated_ms = engagement.last_updated_ms
    return updated_ms is None or updated_ms > since_ms


def resume_changes(client: HubspotClient, after: str, page_size: int | None) -> Iterator[Page]:
    """
    Yield what an interrupted pass has left, from HubSpot's cursor.

    Yields nothing, with a warning, where HubSpot does not know the cursor any more.
    """
    pages = iter_modified_after(client, after, page_size)
    try:
        first = next(pages)
    except (AuthError, ScopeError):
        raise  # it says nothing of the cursor
    except (HubspotError, StuckError) as error:
        LOGGER.warning("the cursor of the interrupted run is refused, reading anew: %s", error)
        return
    yield first
    yield from pages


def check_feed(client: HubspotClient) -> None:
    """Raise ScopeError where the list of changes is empty although there are some."""
    try:
        page = next(iter_modified_after(client, 0, 1))
    except NotFoundError:
        return  # it is done without
    if not page.engagements:
        _refuse_empty(client, 0)


def _refuse_empty(client: HubspotClient, since_ms: int) -> None:
    newest = get_newest(client)
    newest_ms = newest.last_updated_ms if newest else None
    if newest_ms is not None and newest_ms > since_ms:
        raise ScopeError(
            f"{MODIFIED_AFTER} shows nothing, but {RECENT_MODIFIED} a change of"
            f" {to_rfc3339(ms_to_utc(newest_ms))}: HubSpot's index may be late, then the next run"
            f" will do; if this stays, grant the token the scope {SCOPE}"
        )
