"""
Engagements that cannot be read in their place: asked for by their id, else left out.

The next run asks for them again: by their id, or, where even that cannot be read, by their page.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone

from tap_hubspot_engagements.backfill import iter_backfill
from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.exceptions import (
    AuthError,
    DailyLimitError,
    SkippedError,
    TapError,
)
from tap_hubspot_engagements.mending import Broken
from tap_hubspot_engagements.pages import Page, get_engagement
from tap_hubspot_engagements.sent import Sent
from tap_hubspot_engagements.state import Range

LOGGER = logging.getLogger(__name__)

MOST = 1000  # ids that the state keeps
MOST_NAMED = 10  # in the error


class Skipped:
    """
    The engagements that are left out in a run; `ids` and `pages` are for the state.

    `before` and `pages_before` are those that the last run has left out.
    """

    def __init__(
        self,
        client: HubspotClient,
        page_size: int | None,
        before: Iterable[int] = (),
        pages_before: Iterable[Range] = (),
    ) -> None:
        self._client = client
        self._page_size = page_size
        self._before = dict.fromkeys(before)
        self._pages_before = dict.fromkeys(pages_before)
        self._broken: dict[int | str, str] = {}  # why, by id or by what is known instead
        self._pages: dict[Range, None] = {}

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of the engagements that are left out, at most MOST."""
        return tuple(sorted(self._all_ids()))[:MOST]

    @property
    def pages(self) -> tuple[Range, ...]:
        """Pages with engagements whose ids cannot be read, at most MOST."""
        return tuple({**self._pages_before, **self._pages})[:MOST]

    @property
    def too_many(self) -> bool:
        """Whether more are left out than the state keeps: then everything has to be read again."""
        return max(len(self._all_ids()), len(self._pages_before) + len(self._pages)) > MOST

    @property
    def any(self) -> bool:
        """Whether this run has left out any so far."""
        return bool(self._broken)

    @property
    def waiting(self) -> bool:
        """Whether the last run left out any that have not been asked for again."""
        return bool(self._before or self._pages_before)

    def fill(self, page: Page) -> Page:
        """Return the page with those of its broken engagements that are had by their id."""
        if not page.broken:
            return page
        found = [one for broken in page.broken if (one := self._ask(broken))]
        return replace(page, engagements=[*page.engagements, *found], broken=())

    def retry(self) -> Iterator[Page]:
        """Yield those of the last run's that are had by now; the others stay left out."""
        again = [one for one in self._before if one not in self._broken]
        self._before = {}
        broken = [Broken(one, "left out by the last run") for one in again]
        now = datetime.now(timezone.utc)
        if broken:
            yield self.fill(Page([], False, None, now, now, broken=broken))
        for ids in tuple(self._pages_before):
            for step in iter_backfill(self._client, (ids,), self._page_size, workers=1):
                if not step.ranges:
                    del self._pages_before[ids]
                yield self.fill(step.page)

    def check(self) -> None:
        """Raise SkippedError where engagements were left out."""
        if self._broken:
            named = [f"{one} ({why})" for one, why in self._broken.items()][:MOST_NAMED]
            more = len(self._broken) - len(named)
            raise SkippedError(
                f"engagements that could not be read, while all others were: {len(self._broken)}: "
                + "; ".join(named)
                + (f"; and {more} more" if more else "")
                + ". The next run asks for them again; HubSpot's support can mend them"
            )

    def _ask(self, broken: Broken) -> Sent | None:
        """Return the engagement by its id; None where it is gone, or cannot be had that way."""
        if broken.id is None:
            self._leave_out(_place(broken.ids), broken.reason)
            self._pages.update(dict.fromkeys((broken.ids,) if broken.ids else ()))
            return None
        try:
            found = get_engagement(self._client, broken.id)
        except (AuthError, DailyLimitError):
            raise
        except TapError as error:
            self._leave_out(broken.id, f"{broken.reason}; by its id: {error}")
            return None
        self._broken.pop(broken.id, None)
        self._before.pop(broken.id, None)
        return found

    def _all_ids(self) -> set[int]:
        return {one for one in self._broken if isinstance(one, int)} | self._before.keys()

    def _leave_out(self, which: int | str, reason: str) -> None:
        if which not in self._broken:
            LOGGER.warning("engagement left out: %s (%s)", which, reason)
        self._broken[which] = reason


def _place(ids: Range | None) -> str:
    """Return what to call an engagement whose id cannot be read."""
    if ids is None:
        return "one without an id, among the changes"
    return f"one without an id, after {ids[0]}" + (f" and before {ids[1]}" if ids[1] else "")
