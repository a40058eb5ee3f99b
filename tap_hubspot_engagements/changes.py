"""What changed since a bookmark, from whichever endpoint can still tell."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import chain

from tap_hubspot_engagements.backfill import EVERYTHING, iter_backfill
from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.exceptions import (
    NotFoundError,
    QuestionError,
    ScopeError,
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
    empty = True
    pages = iter_modified_after(client, after, page_size)
    try:
        first = next(pages)
    except NotFoundError as error:
        LOGGER.warning("%s: asking another endpoint", error)
        yield from _iter_without_feed(client, after, page_size)
        return
    for page in chain([first], pages):
        empty = empty and not page.engagements
        if empty and not page.has_more:
            _refuse_empty(client, bookmark_ms + lookback_ms)
        yield page


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
        except WindowError as error:
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
    except (QuestionError, NotFoundError) as error:
        LOGGER.warning("the cursor of the interrupted run is refused, reading anew: %s", error)
        return
    yield first
    yield from pages


def _refuse_empty(client: HubspotClient, since_ms: int) -> None:
    newest = get_newest(client)
    newest_ms = newest.last_updated_ms if newest else None
    if newest_ms is not None and newest_ms > since_ms:
        raise ScopeError(
            f"{MODIFIED_AFTER} shows nothing, but {RECENT_MODIFIED} a change of"
            f" {to_rfc3339(ms_to_utc(newest_ms))}: grant the token the scope {SCOPE}"
        )
