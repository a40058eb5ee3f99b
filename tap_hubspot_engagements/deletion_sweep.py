"""When a run reads HubSpot's list of deletions, and how it tells them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from hubspot_api.json_codec import to_json
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.selection import DELETED_AT
from tap_hubspot_engagements.state import Position
from tap_hubspot_engagements.times import EPOCH, MILLISECOND, ms_to_utc, to_rfc3339, utc_to_ms

# A search may still show a deleted engagement, which makes its row live again, and the list of
# deletions may be late, too. So each sweep tells those of this long before the last one again.
MIN_OVERLAP = timedelta(hours=1)


def first_swept(position: Position) -> datetime | None:
    """
    Return the moment whose earlier deletions need not be told, None for that of the first page.

    A state without it is of an older version, whose full passes found all deletions.
    """
    if position.swept:
        return position.swept
    if position.backfill or position.changes:
        return EPOCH
    if position.bookmark:
        return ms_to_utc(position.version or 0)
    return None


def is_due(config: Config, swept: datetime, now: datetime) -> bool:
    """Tell whether a run at `now`, by HubSpot's clock, reads the list of deletions."""
    hours = config.deletion_sweep_hours
    return hours is not None and now - swept >= timedelta(hours=hours)


def since_ms(config: Config, swept: datetime) -> int:
    """Return the moment, in Unix ms, from which on deletions are told."""
    overlap = max(MIN_OVERLAP, timedelta(seconds=config.lookback_seconds))
    return utc_to_ms(swept) - overlap // MILLISECOND


def without_told(position: Position, swept: datetime, moments: Iterable[datetime]) -> Position:
    """
    Return the position whose number of records lacks those of deletions at `moments`.

    Otherwise a full pass after a large deletion would miss more than is plausible, although the
    deletions are known. Those before the last sweep, or before the last full pass, are left out.
    """
    if position.engagements is None:
        return position
    since = max(swept, ms_to_utc(position.version or 0))
    told = sum(at >= since for at in moments)
    return replace(position, engagements=max(0, position.engagements - told))


def with_deletion(lines: Iterable[bytes], at: datetime) -> list[bytes]:
    """Return serialized records with the moment of their deletion."""
    member = b',"%b":%b}' % (DELETED_AT.encode(), to_json(to_rfc3339(at)))
    return [line[:-1] + member for line in lines]
