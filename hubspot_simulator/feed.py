"""
The change feed: ids in the order in which their changes became visible.

An opaque cursor of `modified/after` is a position in this feed. HubSpot promises no order, warns
that a change may show late, and lets clients resume from the cursor of the last page (HubSpot's
`modified/after` page; tap-hubspot 4.5).
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from typing import NamedTuple

REMOVED = 0  # replaces an entry whose record changed again or was deleted; no id is 0


class Version(NamedTuple):
    """A record after one change: its `lastUpdated` in Unix ms, and the record as JSON."""

    last_updated_ms: int
    body: bytes


class Cursor(NamedTuple):
    """
    A position in the feed; entries before `until` count only if changed at `floor_ms` or later.

    A cursor made from a time has that time as its floor, and the feed's length as `until`. Entries
    appended after `until` changed after the cursor was made, whatever their `lastUpdated` says.
    """

    position: int
    until: int = 0
    floor_ms: int = 0

    def encode(self) -> str:
        """Return the cursor serialized as opaque text."""
        text = ":".join(map(str, self))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Return the cursor that `encode` serialized; raises ValueError for any other text."""
        base64_text = text + "=" * (-len(text) % 4)
        try:
            position, until, floor_ms = base64.urlsafe_b64decode(base64_text).decode().split(":")
            return cls(int(position), int(until), int(floor_ms))
        except ValueError as error:
            raise ValueError(f"not a cursor: {text}") from error


class ChangeFeed:
    """Ids in the order in which their last change became visible; its portal holds the lock."""

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._dates: list[int] = []  # lastUpdated of each entry, in Unix ms
        self._positions: dict[int, int] = {}  # by id
        self._invisible: dict[int, tuple[int, int]] = {}  # (changed at, lastUpdated) by id
        self._visible_versions: dict[int, Version] = {}  # of records with an invisible change

    def __len__(self) -> int:
        return len(self._ids)

    def add_change(
        self, record_id: int, updated_ms: int, now_ms: int, previous: Version | None = None
    ) -> None:
        """
        Add a change with the `lastUpdated` of `updated_ms`; times are Unix ms.

        The feed shows the version `previous` until the change becomes visible. A change dated an
        hour ago counts as an hour old; a change dated in the future counts as made now.
        """
        if previous is not None and record_id in self._positions:
            self._visible_versions.setdefault(record_id, previous)
        self._invisible[record_id] = min(updated_ms, now_ms), updated_ms

    def remove(self, record_id: int) -> None:
        """Remove a record from the feed immediately."""
        self._invisible.pop(record_id, None)
        self._visible_versions.pop(record_id, None)
        position = self._positions.pop(record_id, None)
        if position is not None:
            self._ids[position] = REMOVED

    def show(self, due_ms: int) -> None:
        """Make the changes up to `due_ms`, in Unix ms, visible in random order."""
        due = [
            (record_id, updated_ms)
            for record_id, (changed_ms, updated_ms) in self._invisible.items()
            if changed_ms <= due_ms
        ]
        random.Random(len(self._ids)).shuffle(due)
        for record_id, updated_ms in due:
            self.remove(record_id)
            self._positions[record_id] = len(self._ids)
            self._ids.append(record_id)
            self._dates.append(updated_ms)

    def visible_version(self, record_id: int) -> Version | None:
        """Return the version to show while the newest is not visible yet; None otherwise."""
        return self._visible_versions.get(record_id)

    def walk(self, cursor: Cursor) -> Iterator[tuple[int, int]]:
        """Yield (position, id) of each entry at or after `cursor`."""
        ids, dates = self._ids, self._dates
        start, until, floor_ms = cursor
        for position in range(start, len(ids)):
            counts = dates[position] >= floor_ms or position >= until
            if counts and ids[position] != REMOVED:
                yield position, ids[position]
