"""
Engagements that cannot be read in their page: requested by their id, else left out.

The next run requests them again: by their id, or, if even the id is unreadable, by their page.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone

from hubspot_api.exceptions import AuthError, DailyLimitError
from hubspot_api.json_codec import to_json
from tap_hubspot_engagements.engagement import Engagement
from tap_hubspot_engagements.exceptions import ERRORS, SkippedError
from tap_hubspot_engagements.source import Page, Resume, Source, Unreadable

LOGGER = logging.getLogger(__name__)

MAX_IN_STATE = 1000  # of ids, and of pages
MAX_NAMED = 10  # in the error


class Skipped:
    """
    The engagements that a run leaves out; `ids` and `unread` are for the state.

    `last_ids` and `last_unread` are those that the last run left out.
    """

    def __init__(
        self, source: Source, last_ids: Iterable[int] = (), last_unread: Iterable[Resume] = ()
    ) -> None:
        self._source = source
        self._last_ids = dict.fromkeys(last_ids)
        self._last_unread = {to_json(resume): resume for resume in last_unread}
        self._reasons: dict[int | str, str] = {}  # by id, or by what is known instead
        self._unread: dict[bytes, Resume] = {}

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of the engagements that are left out, at most MAX_IN_STATE."""
        return tuple(sorted(self._all_ids()))[:MAX_IN_STATE]

    @property
    def unread(self) -> tuple[Resume, ...]:
        """Pages with engagements whose ids are unreadable, at most MAX_IN_STATE."""
        return tuple({**self._last_unread, **self._unread}.values())[:MAX_IN_STATE]

    @property
    def exceeds_state(self) -> bool:
        """Whether more are left out than the state keeps: then a full pass is due."""
        pages = {**self._last_unread, **self._unread}
        return max(len(self._all_ids()), len(pages)) > MAX_IN_STATE

    @property
    def has_any(self) -> bool:
        """Whether this run has left out any so far."""
        return bool(self._reasons)

    def fill(self, page: Page) -> Page:
        """Return the page with the unreadable engagements that can be requested by their id."""
        if not page.unreadable:
            return page
        readable = [
            engagement for record in page.unreadable if (engagement := self._request(record))
        ]
        return replace(page, engagements=[*page.engagements, *readable], unreadable=())

    def retry(self) -> Iterator[Page]:
        """Yield the engagements that the last run left out and that are readable now."""
        ids = [one for one in self._last_ids if one not in self._reasons]
        self._last_ids = {}
        now = datetime.now(timezone.utc)
        if ids:
            records = [Unreadable(one, "left out by the last run") for one in ids]
            yield self.fill(Page([], None, True, now, now, unreadable=records))
        for key, resume in tuple(self._last_unread.items()):
            for page in self._source.read_all(resume):
                if page.is_last:
                    del self._last_unread[key]
                yield self.fill(page)

    def raise_if_any(self) -> None:
        """Raise SkippedError if this run has left out any engagement."""
        if self._reasons:
            names = [f"{name} ({reason})" for name, reason in self._reasons.items()][:MAX_NAMED]
            more = len(self._reasons) - len(names)
            raise SkippedError(
                f"engagements that could not be read, while all others were: {len(self._reasons)}: "
                + "; ".join(names)
                + (f"; and {more} more" if more else "")
                + ". The next run requests them again; ask HubSpot's support to repair them"
            )

    def _request(self, record: Unreadable) -> Engagement | None:
        """Return the engagement by id; None for a deleted or still unreadable engagement."""
        if record.id is None:
            self._leave_out(_describe(record.resume), record.reason)
            if record.resume is not None:
                self._unread[to_json(record.resume)] = record.resume
            return None
        try:
            engagement = self._source.read_one(record.id)
        except (AuthError, DailyLimitError):
            raise
        except ERRORS as error:
            self._leave_out(record.id, f"{record.reason}; by its id: {error}")
            return None
        self._reasons.pop(record.id, None)
        self._last_ids.pop(record.id, None)
        return engagement

    def _all_ids(self) -> set[int]:
        return {name for name in self._reasons if isinstance(name, int)} | self._last_ids.keys()

    def _leave_out(self, name: int | str, reason: str) -> None:
        if name not in self._reasons:
            LOGGER.warning("engagement left out: %s (%s)", name, reason)
        self._reasons[name] = reason


def _describe(resume: Resume | None) -> str:
    """Return a name for an engagement whose id is unreadable."""
    if resume is None:
        return "one without an id, among the changes"
    return f"one without an id, in the page {to_json(resume).decode()}"
