"""
Finds the record at which the list of all engagements fails, however small the page.

HubSpot answers 500 from every offset after which that record is the next one.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable

from hubspot_api.client import HubspotClient, Response
from hubspot_api.exceptions import TransientError
from tap_hubspot_engagements.exceptions import StuckError
from tap_hubspot_engagements.source import Page, Unreadable
from tap_hubspot_engagements.v1.decode import Listing, read_list
from tap_hubspot_engagements.v1.page_size import ATTEMPTS_AT_ONE_RECORD, PageSizes

EVEN_PROBES = 16
MAX_REQUESTED_BY_ID = 500  # ids in a row: half a minute at HubSpot's limit
MAX_ID = 10**16  # far beyond HubSpot's ids, which have 12 digits

LOGGER = logging.getLogger(__name__)


def page_past_unlistable(
    client: HubspotClient, path: str, sizes: PageSizes, offset: int, error: StuckError
) -> Page | None:
    """
    Return a page without engagements that ends after the unlistable record.

    Its `unreadable` records are all that the list does not show. Returns None if HubSpot lists
    nothing at all: then no single record is the cause.
    """
    responses: list[Response[Listing]] = []

    def is_readable(at: int) -> bool:
        params = {"limit": 1, **({"offset": at} if at else {})}
        for _ in range(ATTEMPTS_AT_ONE_RECORD):
            with contextlib.suppress(TransientError):
                responses.append(client.get(path, params, read_list, hint=True))
                return True
        return False

    at = first_readable(is_readable, offset)
    if at is None:
        return None
    sizes.working.pop(path, None)  # the size was not the cause
    LOGGER.warning("%s: HubSpot cannot list %d to %d: reading on after that", path, offset + 1, at)
    first = responses[0]
    return Page(
        [],
        {"offset": at},
        is_last=False,
        received_at=first.received_at,
        hubspot_at=first.hubspot_at,
        unreadable=unlisted(offset, at, str(error)),
    )


def unlisted(offset: int, at: int, error: str) -> list[Unreadable]:
    """
    Return what the list does not show after `offset`, up to and with the record `at`.

    Other records may lie between, and no offset proves that none does. Each id of a short range is
    requested; a long range is read again by the next run.
    """
    reason = f"HubSpot cannot list it, nor any other after {offset}: {error}"
    if at - offset <= MAX_REQUESTED_BY_ID:
        return [Unreadable(number, reason) for number in range(offset + 1, at + 1)]
    others = f"HubSpot lists none from {offset + 1} to {at - 1}, if any exists: {error}"
    return [
        Unreadable(at, reason),
        Unreadable(None, others, resume={"ranges": [[offset, at + 1]]}),
    ]


def first_readable(is_readable: Callable[[int], bool], offset: int) -> int | None:
    """
    Return the id of the record that the list fails at: the lowest offset that is readable again.

    Returns None if the list fails at every offset, or at none. With several unlistable records,
    EVEN_PROBES offsets between are tried; a readable record between may still be passed over.
    """
    high = MAX_ID
    if not is_readable(high) or is_readable(offset):
        return None
    low, step = offset, 1
    while low + step < high and not is_readable(low + step):
        low, step = low + step, 4 * step
    readable: int | None = min(high, low + step)
    while readable is not None:
        high = _lowest_readable(is_readable, low, readable)
        places = {offset + (high - offset) * n // EVEN_PROBES for n in range(1, EVEN_PROBES)}
        readable = next((at for at in sorted(places - {offset}) if is_readable(at)), None)
        low = offset
    # A failure that came and went has misled the search.
    return None if is_readable(high - 1) else high


def _lowest_readable(is_readable: Callable[[int], bool], low: int, high: int) -> int:
    """Return a readable offset whose predecessor is not readable, above `low`, up to `high`."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_readable(middle) else (middle, high)
    return high
