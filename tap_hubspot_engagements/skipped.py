"""Engagements that cannot be read in their place: asked for by their id, else left out."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

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

LOGGER = logging.getLogger(__name__)

MOST = 1000  # ids that the state keeps
MOST_NAMED = 10  # in the error


class Skipped:
    """
    The engagements that are left out in a run; `ids` are for the state.

    `before` are the ids that the last run has left out.
    """

    def __init__(self, client: HubspotClient, before: Iterable[int]) -> None:
        self._client = client
        self._before = dict.fromkeys(before)
        self._broken: dict[int | str, str] = {}  # why, by id or by what is known instead

    @property
    def ids(self) -> tuple[int, ...]:
        found = {one for one in self._broken if isinstance(one, int)}
        return tuple(sorted(found | self._before.keys()))[:MOST]

    @property
    def any(self) -> bool:
        """Whether this run has left out any so far."""
        return bool(self._broken)

    @property
    def waiting(self) -> bool:
        """Whether the last run left out any that have not been asked for again."""
        return bool(self._before)

    def fill(self, page: Page) -> Page:
        """Return the page with those of its broken engagements that are had by their id."""
        if not page.broken:
            return page
        found = [one for broken in page.broken if (one := self._ask(broken))]
        return replace(page, engagements=[*page.engagements, *found], broken=())

    def retry(self) -> list[Sent]:
        """Return those of the last run's that are had by now; the others stay left out."""
        again = [one for one in self._before if one not in self._broken]
        self._before = {}
        broken = [Broken(one, "left out by the last run") for one in again]
        return [one for each in broken if (one := self._ask(each))]

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
            self._leave_out("one without an id", broken.reason)
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

    def _leave_out(self, which: int | str, reason: str) -> None:
        if which not in self._broken:
            LOGGER.warning("engagement left out: %s (%s)", which, reason)
        self._broken[which] = reason
