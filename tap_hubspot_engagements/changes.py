"""What changed since a bookmark, from the endpoint that can still tell."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.exceptions import QuestionError, ScopeError
from tap_hubspot_engagements.pages import (
    MODIFIED_AFTER,
    RECENT_MODIFIED,
    Page,
    get_newest,
    iter_modified_after,
)
from tap_hubspot_engagements.records import last_updated_ms
from tap_hubspot_engagements.state import MILLISECOND, ms_to_utc, to_rfc3339, utc_to_ms

LOGGER = logging.getLogger(__name__)

SCOPE = "crm.objects.contacts.read"


def iter_changes(
    client: HubspotClient, bookmark: datetime, lookback: timedelta, page_size: int | None
) -> Iterator[Page]:
    """
    Yield what changed since `bookmark` less `lookback`, in no order.

    Raises ScopeError where HubSpot shows nothing although something newer is there: without the
    scope that the endpoint asks for it answers with no rows instead of a refusal.
    """
    bookmark_ms, lookback_ms = utc_to_ms(bookmark), lookback // MILLISECOND
    # A millisecond more, as HubSpot does not say whether `after` itself is shown.
    after = max(0, bookmark_ms - lookback_ms - 1)
    empty = True
    for page in iter_modified_after(client, after, page_size):
        empty = empty and not page.engagements
        if empty and not page.has_more:
            _refuse_empty(client, bookmark_ms + lookback_ms)
        yield page


def resume_changes(client: HubspotClient, after: str, page_size: int | None) -> Iterator[Page]:
    """
    Yield what an interrupted pass has left, from HubSpot's cursor.

    Yields nothing, with a warning, where HubSpot does not know the cursor any more.
    """
    pages = iter_modified_after(client, after, page_size)
    try:
        first = next(pages)
    except QuestionError as error:
        LOGGER.warning("the cursor of the interrupted run is refused, reading anew: %s", error)
        return
    yield first
    yield from pages


def _refuse_empty(client: HubspotClient, since_ms: int) -> None:
    newest = get_newest(client)
    newest_ms = last_updated_ms(newest) if newest else None
    if newest_ms is not None and newest_ms > since_ms:
        raise ScopeError(
            f"{MODIFIED_AFTER} shows nothing, but {RECENT_MODIFIED} a change of"
            f" {to_rfc3339(ms_to_utc(newest_ms))}: grant the token the scope {SCOPE}"
        )
