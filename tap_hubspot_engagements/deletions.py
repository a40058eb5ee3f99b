"""
Whether a full pass is plausible, since missing records count as deleted.

In places HubSpot responds with an empty list instead of a refusal, and a truncated list looks like
a complete one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.source import Page, RecordSource
from tap_hubspot_engagements.state import Position
from tap_hubspot_engagements.times import utc_to_ms

# A younger engagement may be missing from the list for a while; the changes have it all the same.
MAX_LIST_DELAY = timedelta(minutes=10)
WHAT_TO_DO = (
    "no row was flagged as deleted, and the next run reads everything again; if so much is really"
    " gone, run once with --allow-deletions, or raise max_deletions and max_deletions_share"
)


@dataclass(frozen=True)
class DeletionLimits:
    """How many records may be gone; a pass beyond both limits is not plausible."""

    number: int
    share: float

    @classmethod
    def from_config(cls, config: Config) -> DeletionLimits:
        return cls(config.max_deletions, config.max_deletions_share)

    @classmethod
    def none(cls) -> DeletionLimits:
        """Return limits that accept every number."""
        return cls(2**63, 1.0)

    def find_doubt(self, what: str, read: int, last: int | None) -> str | None:
        """
        Return why a list of `read` records is too short, else None.

        `last` is the number of records of the last run, None if unknown.
        """
        if last is None:
            return None
        missing = last - read
        if missing <= self.number or missing <= self.share * last:
            return None
        return f"{read} {what}, after {last} the last time: {WHAT_TO_DO}"


def find_doubt(
    source: RecordSource,
    position: Position,
    limits: DeletionLimits,
    page: Page,
    read: int,
    signpost: datetime,
) -> str | None:
    """
    Return why a full pass of `read` engagements is not plausible, else None.

    `page` is the last of the pass, `signpost` the pass's start by HubSpot's clock, `position` the
    one before it. May send requests.
    """
    if position.bookmark and position.engagements is None and not read:
        return f"no {source.noun}, though there have been some before: {WHAT_TO_DO}"
    if doubt := limits.find_doubt(source.noun, read, position.engagements):
        return doubt
    contradiction = source.find_contradiction(page, read, utc_to_ms(signpost - MAX_LIST_DELAY))
    return f"{contradiction}: {WHAT_TO_DO}" if contradiction else None
