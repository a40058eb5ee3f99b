"""
The records of one object type: by id, by date of change, archived, merged; and late in searches.

Not thread-safe: the store's lock guards each index.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """
    A record's dates and contents: `source` is a v1 engagement in JSON, or overriding values.

    `archived_ms` is the date of its deletion, None for a live record.
    """

    created_ms: int
    updated_ms: int
    source: Any
    archived_ms: int | None = None


class TypeIndex:
    """Live and archived records of one type."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.ids: list[int] = []
        self.archive_entries: dict[int, Entry] = {}
        self.archive_ids: list[int] = []
        self.survivors: dict[int, int] = {}
        self._by_date: list[tuple[int, int]] = []
        # Versions too young for searches, oldest first, with the time of each change; and the
        # version that searches show until then, missing for a new record.
        self._pending: dict[int, list[tuple[int, Entry]]] = {}
        self._shown: dict[int, Entry] = {}

    def fill(self, records: Iterable[tuple[int, Entry]]) -> None:
        """Add many records to an empty index: sorted once, visible to searches at once."""
        self.entries.update(records)
        self.ids = sorted(self.entries)
        self._by_date = sorted((entry.updated_ms, key) for key, entry in self.entries.items())

    def put(self, record_id: int, entry: Entry, now_ms: int) -> None:
        """
        Add or change a record at `now_ms`; searches show it once it is old enough.

        A record with an older date counts as changed at that date, as in the change feed.
        """
        before = self.entries.get(record_id)
        if before is None:
            insort(self.ids, record_id)
        self.entries[record_id] = entry
        if before is not None and before.updated_ms == entry.updated_ms:
            return  # an association edit: no date moves, the index has nothing to learn
        if before is not None and record_id not in self._pending:
            self._shown[record_id] = before
        change = min(entry.updated_ms, now_ms), entry
        self._pending.setdefault(record_id, []).append(change)

    def archive(self, record_id: int, at_ms: int) -> None:
        """Move a live record to the archived ones. Raises KeyError without it."""
        entry = self.remove(record_id)
        self.put_archived(record_id, entry._replace(archived_ms=at_ms))

    def put_archived(self, record_id: int, entry: Entry) -> None:
        """Add an archived record."""
        if record_id not in self.archive_entries:
            insort(self.archive_ids, record_id)
        self.archive_entries[record_id] = entry

    def remove(self, record_id: int) -> Entry:
        """Take a live record out of every list and return it. Raises KeyError without it."""
        entry = self.entries.pop(record_id)
        del self.ids[bisect_left(self.ids, record_id)]
        searchable = self._shown.pop(record_id, None)
        if searchable is None and self._pending.pop(record_id, None) is None:
            searchable = entry
        self._pending.pop(record_id, None)
        if searchable is not None:
            self._forget(record_id, searchable)
        return entry

    def purge(self, record_id: int) -> Entry | None:
        """Take an archived record out for good and return it; None without it."""
        entry = self.archive_entries.pop(record_id, None)
        if entry is not None:
            del self.archive_ids[bisect_left(self.archive_ids, record_id)]
        return entry

    def show(self, due_ms: int) -> None:
        """Make the changes made until `due_ms` visible to searches."""
        for record_id, versions in list(self._pending.items()):
            count = sum(made_ms <= due_ms for made_ms, _ in versions)
            if count:
                self._show_version(record_id, versions[count - 1][1])
                del versions[:count]
            if not versions:
                del self._pending[record_id], self._shown[record_id]

    def _show_version(self, record_id: int, entry: Entry) -> None:
        """Make a version the one that searches show."""
        before = self._shown.get(record_id)
        if before is not None:
            self._forget(record_id, before)
        insort(self._by_date, (entry.updated_ms, record_id))
        self._shown[record_id] = entry

    def searchable(self, record_id: int) -> Entry:
        """Return a record as searches show it: the version before a change too young to be seen."""
        return self._shown.get(record_id) or self.entries[record_id]

    def modified_between(self, first_ms: int, last_ms: int) -> list[tuple[int, int]]:
        """Return (date, id) of records changed in `first_ms` to `last_ms`, both included."""
        start = bisect_left(self._by_date, (first_ms, -1))
        return self._by_date[start : bisect_left(self._by_date, (last_ms + 1, -1))]

    def _forget(self, record_id: int, entry: Entry) -> None:
        del self._by_date[bisect_left(self._by_date, (entry.updated_ms, record_id))]
