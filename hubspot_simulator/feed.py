"""
The order in which changes became visible: what an opaque cursor of `modified/after` points into.

HubSpot promises of that order only that it is none, that a change may show late, and that the
cursor of the last page goes on where it ended (HubSpot's `modified/after` page; tap-hubspot 4.5).
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from typing import NamedTuple

GONE = 0  # stands where a record was that has changed again, or is deleted; no id is 0


class Version(NamedTuple):
    """A record as it stood after one change: its `lastUpdated`, and the record in JSON."""

    last_updated_ms: int
    body: bytes


class Cursor(NamedTuple):
    """
    A position in the feed; before `until`, only records changed from `floor_ms` on count.

    A start by time gives a floor and `until`, the feed's length then: whatever joins the feed
    later has changed since, whichever `lastUpdated` it bears.
    """

    position: int
    until: int = 0
    floor_ms: int = 0

    def encode(self) -> str:
        """Return the cursor as the opaque text that goes over the wire."""
        text = ":".join(map(str, self))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Return what `encode` made; raises ValueError where it did not make `text`."""
        padded = text + "=" * (-len(text) % 4)
        try:
            position, until, floor_ms = base64.urlsafe_b64decode(padded).decode().split(":")
            return cls(int(position), int(until), int(floor_ms))
        except ValueError as error:
            raise ValueError(f"not a cursor: {text}") from error


class ChangeFeed:
    """Ids in the order their last change became visible; not thread-safe, its portal is."""

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._dates: list[int] = []
        self._places: dict[int, int] = {}
        self._waiting: dict[int, tuple[int, int]] = {}
        self._outdated: dict[int, Version] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def changed(
        self, record_id: int, updated_ms: int, now_ms: int, before: Version | None = None
    ) -> None:
        """
        Note a change dated `updated_ms`; until it is visible the feed shows `before`.

        One that is dated an hour ago is an hour old here as well; one to come was made now.
        """
        if before is not None and record_id in self._places:
            self._outdated.setdefault(record_id, before)
        self._waiting[record_id] = min(updated_ms, now_ms), updated_ms

    def forget(self, record_id: int) -> None:
        """Leave a record out, at once."""
        self._waiting.pop(record_id, None)
        self._outdated.pop(record_id, None)
        place = self._places.pop(record_id, None)
        if place is not None:
            self._ids[place] = GONE

    def show(self, due_ms: int) -> None:
        """Make the changes made until `due_ms` visible, in no order, as HubSpot warns."""
        due = [
            (record_id, updated_ms)
            for record_id, (made_ms, updated_ms) in self._waiting.items()
            if made_ms <= due_ms
        ]
        random.Random(len(self._ids)).shuffle(due)
        for record_id, updated_ms in due:
            self.forget(record_id)
            self._places[record_id] = len(self._ids)
            self._ids.append(record_id)
            self._dates.append(updated_ms)

    def outdated(self, record_id: int) -> Version | None:
        """Return the version to show where the newest is not visible yet."""
        return self._outdated.get(record_id)

    def walk(self, cursor: Cursor) -> Iterator[tuple[int, int]]:
        """Yield (position, id) of each entry that `cursor` has still to give."""
        ids, dates = self._ids, self._dates
        start, until, floor_ms = cursor
        for position in range(start, len(ids)):
            dated = dates[position] >= floor_ms or position >= until
            if dated and ids[position] != GONE:
                yield position, ids[position]
