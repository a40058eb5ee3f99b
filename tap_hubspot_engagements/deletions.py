"""
Whether a list that HubSpot shows is whole: what is not in it will be taken for deleted.

HubSpot answers with no rows in places where it should refuse, and a list that ends too soon looks
like one that ends.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from tap_hubspot_engagements.backfill import Step
from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.exceptions import AuthError, HubspotError, TransientError
from tap_hubspot_engagements.pages import PAGED, RECENT_MODIFIED, get_recent, is_listed
from tap_hubspot_engagements.records import INNER
from tap_hubspot_engagements.state import Backfill, Position, Range, utc_to_ms

LOGGER = logging.getLogger(__name__)

# The list leaves out the engagements of HubSpot's sample contacts, which are a handful.
LEFT_OUT = 10
LATE_MS = 600_000  # what is younger may show late in a list; the changes have it all the same
WHAT_TO_DO = (
    "no row was flagged as deleted, and the next run reads everything again; if so much is really"
    " gone, run once with --allow-deletions, or raise max_deletions and max_deletions_share"
)


@dataclass(frozen=True)
class Limits:
    """How many records may be gone; both limits have to be passed for a doubt."""

    number: int
    share: float

    @classmethod
    def of(cls, config: Config) -> Limits:
        return cls(config.max_deletions, config.max_deletions_share)

    def doubt(self, what: str, found: int, last: int | None) -> str | None:
        """
        Return why a list of `found` records is too short to be believed, None where it is not.

        `last` is how many there were the last time, None where that is not known.
        """
        if last is None:
            return None
        gone = last - found
        if gone <= self.number or gone <= self.share * last:
            return None
        return f"{found} {what}, after {last} the last time: {WHAT_TO_DO}"


class Tally:
    """
    How many engagements a full pass has read, and up to which id.

    `read` is None where that is not known: for the rest of a pass that an older version began.
    """

    def __init__(self, begun: Backfill | None) -> None:
        self.read = begun.read if begun else 0
        self._highest = begun.highest if begun else 0
        self._in_order = begun.in_order if begun else True

    def add(self, step: Step) -> None:
        """Count a page; a pass that is put back to its beginning is counted anew."""
        if self._in_order and not step.in_order:
            self.read, self._highest, self._in_order = 0, 0, False
        if self.read is not None:
            self.read += len(step.page.engagements)
        engagements = step.page.engagements
        # In order, the last is the highest.
        ids = [one.id for one in (engagements[-1:] if step.in_order else engagements)]
        self._highest = max([self._highest, *ids])

    def left(
        self, signpost: datetime, ranges: tuple[Range, ...], newest: datetime | None
    ) -> Backfill:
        """Return what the state has to keep of the unfinished pass."""
        return Backfill(signpost, ranges, newest, self._in_order, self.read, self._highest)

    def doubt(
        self, client: HubspotClient, position: Position, limits: Limits | None, signpost: datetime
    ) -> str | None:
        """Return why the pass, which is over, is not to be believed; None where it is."""
        if limits is None or self.read is None:
            return None
        if position.bookmark and position.engagements is None and not self.read:
            return f"no engagements, though there have been some before: {WHAT_TO_DO}"
        return limits.doubt("engagements", self.read, position.engagements) or _contradiction(
            client, self._highest, self.read, utc_to_ms(signpost) - LATE_MS
        )


def _contradiction(client: HubspotClient, highest: int, found: int, before_ms: int) -> str | None:
    """
    Return how HubSpot's recent changes contradict a list of all engagements, None if they do not.

    The list had `found` engagements up to the id `highest`; those created after `before_ms` may
    rightly be missing.
    """
    try:
        recent = get_recent(client)
    except AuthError:
        raise
    except (HubspotError, TransientError) as error:
        LOGGER.info("%s: whether the list is whole is judged by its length alone", error)
        return None
    beyond = [one.id for one in recent if one.id > highest and _created_ms(one.whole) < before_ms]
    if not beyond:
        return None
    if len(beyond) <= LEFT_OUT and not is_listed(client, max(beyond)):
        return None  # gone meanwhile, or left out
    return (
        f"{PAGED} ends at {highest}, after {found} engagements, and yet {RECENT_MODIFIED} has"
        f" engagement {max(beyond)}: {WHAT_TO_DO}"
    )


def _created_ms(engagement: object) -> float:
    """Return when an engagement was created, in Unix ms; the end of time where it does not say."""
    inner = engagement[INNER] if isinstance(engagement, dict) else {}
    created = inner.get("createdAt")
    return created if isinstance(created, int) else float("inf")
