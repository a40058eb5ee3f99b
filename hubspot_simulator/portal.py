"""
A portal's engagements: generated from a seed, read from recorded responses, or created one by one.

One lock guards the data, so threads can read and change a portal concurrently. Records are
serialized once, when they change: a page is a join of bytes, and benchmarks measure the tap.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hubspot_simulator import generate, lifelike, team
from hubspot_simulator.feed import ChangeFeed, Cursor, Version
from hubspot_simulator.objects.store import ArchivedEngagement, ObjectStore
from hubspot_simulator.owners import owners

Record = dict[str, Any]

PORTAL_ID = 62515  # HubSpot's public demo portal, as in the recorded responses
FIRST_ID = 4_318_933
DAY_MS = 86_400_000
RECENT_DAYS = 30  # HubSpot `recent/modified` page: "the last 30 days
RECENT_ROWS = 10_000  # or the 10k most recently updated"


class Listed(NamedTuple):
    """A page in order of id; `offset` is the last id of the page."""

    bodies: list[bytes]
    more: bool
    offset: int


class Recent(NamedTuple):
    """A page of recent changes, newest first; `total` counts the rows of all pages."""

    bodies: list[bytes]
    more: bool
    total: int


class Changed(NamedTuple):
    """A page of the change feed; `cursor` points after the page, and never expires."""

    bodies: list[bytes]
    more: bool
    cursor: Cursor


def system_clock() -> int:
    """Return the machine's time in Unix ms."""
    return time.time_ns() // 1_000_000


class Portal:
    """A HubSpot portal's engagements; `clock` returns its time in Unix ms."""

    def __init__(
        self,
        clock: Callable[[], int] = system_clock,
        *,
        portal_id: int = PORTAL_ID,
        seed: int = 7,
    ) -> None:
        self.clock = clock
        self.portal_id = portal_id
        self._lock = threading.RLock()
        self._versions: dict[int, Version] = {}
        self._ids: list[int] = []
        self._recent: list[tuple[int, int]] = []
        self._feed = ChangeFeed()
        self._hidden_ids: set[int] = set()
        self._last_id = FIRST_ID
        self._archived: dict[int, ArchivedEngagement] = {}
        self.owners = owners(generate.OWNER_IDS)
        self.objects = ObjectStore(self, self._lock, seed)

    @classmethod
    def generate(
        cls,
        engagements: int = 5000,
        seed: int = 7,
        *,
        distribution: generate.Distribution = "uneven",
        creation_order: generate.CreationOrder = "rising",
        bulk_edit: int = 0,
        only_type: str | None = None,
        clock: Callable[[], int] = system_clock,
    ) -> Portal:
        """
        Return a portal of generated engagements: the same for the same seed, size and time.

        The options are those of `generate.Shape`.
        """
        shape = generate.Shape(distribution, creation_order, bulk_edit, only_type)
        portal = cls(clock, seed=seed)
        made = generate.engagements(engagements, seed, portal.now_ms, portal.portal_id, shape)
        portal._fill(made)
        return portal

    @classmethod
    def lifelike(
        cls,
        engagements: int = 5000,
        seed: int = 7,
        *,
        falls: bool = False,
        clock: Callable[[], int] = system_clock,
    ) -> Portal:
        """Return the portal of a sales team at work, for reports: see `lifelike`."""
        portal = cls(clock, seed=seed)
        portal.owners = team.owners()
        portal._fill(
            lifelike.engagements(engagements, seed, portal.now_ms, portal.portal_id, falls=falls)
        )
        return portal

    @classmethod
    def june_2018(cls, clock: Callable[[], int] = system_clock) -> Portal:
        """Return a portal of 64 engagements of June and July 2018 with known daily counts."""
        portal = cls(clock)
        portal._fill(generate.june_2018(portal.portal_id))
        return portal

    @classmethod
    def from_recording(cls, folder: Path | str, clock: Callable[[], int] = system_clock) -> Portal:
        """
        Return a portal with the unchanged records of the recorded lists in `folder`.

        Of several versions of a record, the newest `lastUpdated` wins. Raises FileNotFoundError
        for a folder without lists, ValueError for a list that is not JSON.
        """
        newest: dict[int, Record] = {}
        for record in _read_recordings(Path(folder)):
            inner = record["engagement"]
            previous = newest.get(inner["id"])
            if previous is None or inner["lastUpdated"] > previous["engagement"]["lastUpdated"]:
                newest[inner["id"]] = record
        portal = cls(clock)
        portal._fill(newest[record_id] for record_id in sorted(newest))
        return portal

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def now_ms(self) -> int:
        """The portal's time in Unix ms."""
        return self.clock()

    def create(self, engagement: Mapping[str, Any]) -> Record:
        """
        Add a record and return it as served.

        The portal fills in id, portalId, active, createdAt, lastUpdated and timestamp of the
        `engagement` part, and keeps those that exist. Raises ValueError for an existing id.
        """
        with self._lock:
            submitted = engagement.get("engagement", {})
            created_ms = submitted.get("createdAt", self.now_ms)
            inner = {
                "id": self._last_id + 1,
                "portalId": self.portal_id,
                "active": True,
                "createdAt": created_ms,
                "lastUpdated": created_ms,
                "timestamp": created_ms,
                **submitted,
            }
            if inner["id"] in self._versions:
                raise ValueError(f"id {inner['id']} is taken")
            record = {**engagement, "engagement": inner}
            self._forget_archived(inner["id"])
            insort(self._ids, inner["id"])
            self._put(record)
            return record

    def update(
        self,
        record_id: int,
        engagement: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        attachments: Sequence[Mapping[str, Any]] | None = None,
        last_updated_ms: int | None = None,
    ) -> Record:
        """
        Merge `engagement` and `metadata` into a record and return the record.

        `lastUpdated` becomes `last_updated_ms`, by default now. Raises KeyError for an unknown id.
        """
        with self._lock:
            record = self.record(record_id)
            at_ms = self.now_ms if last_updated_ms is None else last_updated_ms
            record["engagement"] |= {**(engagement or {}), "id": record_id, "lastUpdated": at_ms}
            if metadata:
                record["metadata"] = record.get("metadata", {}) | metadata
            if attachments is not None:
                record["attachments"] = list(attachments)
            self._put(record)
            return record

    def associate(self, record_id: int, key: str, object_ids: Iterable[int]) -> Record:
        """
        Set a record's associations of a `key` such as `contactIds`, and return the record.

        `lastUpdated` stays, so no list of changes shows the edit (Airbyte issue 27199).
        Raises KeyError for an unknown id.
        """
        with self._lock:
            record = self.record(record_id)
            record.setdefault("associations", {})[key] = list(object_ids)
            before = self._versions[record_id]
            self._versions[record_id] = before._replace(body=_to_json(record))
            self.objects.engagement_changed(self.body(record_id), before.body)
            return record

    def add_association(self, record_id: int, key: str, object_id: int) -> Record:
        """Add one association, like `associate`. Raises KeyError for an unknown id."""
        with self._lock:
            existing = self.record(record_id).get("associations", {}).get(key, [])
            return self.associate(record_id, key, dict.fromkeys([*existing, object_id]))

    def delete(self, record_id: int) -> None:
        """
        Archive a record: v1 shows it nowhere, the objects API among the archived records only.

        No date of the record moves. Raises KeyError without it.
        """
        with self._lock:
            self._remove_from_lists(record_id)
            archived = ArchivedEngagement(self._versions.pop(record_id).body, self.now_ms)
            self._archived[record_id] = archived
            self.objects.engagement_archived(record_id, archived.body, archived.archived_ms)
            del self._ids[bisect_left(self._ids, record_id)]
            self._hidden_ids.discard(record_id)

    def restore(self, record_id: int, *, last_updated_ms: int | None = None) -> Record:
        """
        Bring an archived record back and return it.

        `lastUpdated` stays, or moves to `last_updated_ms`. Raises KeyError unless it is archived.
        """
        with self._lock:
            record: Record = msgspec.json.decode(self._archived[record_id].body)
            self._forget_archived(record_id)
            if last_updated_ms is not None:
                record["engagement"]["lastUpdated"] = last_updated_ms
            insort(self._ids, record_id)
            self._put(record)
            return record

    def purge(self, record_id: int) -> None:
        """Delete an archived record for good, as HubSpot does after 90 days."""
        with self._lock:
            self._forget_archived(record_id)

    def bodies(self) -> list[bytes]:
        """Return all live records as JSON, in order of id."""
        with self._lock:
            return [self._versions[record_id].body for record_id in self._ids]

    def archived(self) -> list[ArchivedEngagement]:
        """Return all archived records."""
        with self._lock:
            return list(self._archived.values())

    def hide(self, record_id: int) -> None:
        """
        Hide a record from all lists, like those of HubSpot's sample contacts; its id still works.

        A page of `paged` may then have the hidden id as `offset`, above the page's last record, as
        in a recorded response. Raises KeyError for an unknown id.
        """
        with self._lock:
            self._remove_from_lists(record_id)
            self._hidden_ids.add(record_id)

    def record(self, record_id: int) -> Record:
        """Return a copy of a record. Raises KeyError for an unknown id."""
        record: Record = msgspec.json.decode(self.body(record_id))
        return record

    def body(self, record_id: int) -> bytes:
        """Return a record as JSON. Raises KeyError for an unknown id."""
        return self._versions[record_id].body

    def records(self) -> list[Record]:
        """Return copies of all records in order of id, also of hidden records."""
        with self._lock:
            return [self.record(record_id) for record_id in self._ids]

    def listed_after(self, offset: int, limit: int) -> Listed:
        """Return up to `limit` records with an id above `offset`, and the next offset."""
        with self._lock:
            start = at = bisect_right(self._ids, offset)
            bodies: list[bytes] = []
            while at < len(self._ids):
                record_id = self._ids[at]
                if record_id not in self._hidden_ids:
                    if len(bodies) == limit:
                        break
                    bodies.append(self._versions[record_id].body)
                at += 1
            return Listed(bodies, at < len(self._ids), self._ids[at - 1] if at > start else offset)

    def recently_modified(self, since_ms: int, offset: int, count: int) -> Recent:
        """Return up to `count` rows from row `offset` on, changed at `since_ms` or later."""
        with self._lock:
            floor_ms = max(since_ms, self.now_ms - RECENT_DAYS * DAY_MS)
            end = len(self._recent)
            start = max(bisect_left(self._recent, (floor_ms, 0)), end - RECENT_ROWS)
            last = max(end - offset, start)
            first = max(last - count, start)
            bodies = [self._versions[row[1]].body for row in reversed(self._recent[first:last])]
            return Recent(bodies, first > start, end - start)

    def cursor_at(self, floor_ms: int, delay_ms: int) -> Cursor:
        """Return the cursor of changes since `floor_ms`; a change is visible after `delay_ms`."""
        with self._lock:
            self._feed.show(self.now_ms - delay_ms)
            return Cursor(0, len(self._feed), floor_ms)

    def changed_after(self, cursor: Cursor, limit: int, delay_ms: int = 0) -> Changed:
        """Return up to `limit` changes from `cursor` on; a change is visible after `delay_ms`."""
        with self._lock:
            self._feed.show(self.now_ms - delay_ms)
            bodies: list[bytes] = []
            for position, record_id in self._feed.walk(cursor):
                if len(bodies) == limit:
                    return Changed(bodies, True, cursor._replace(position=position))
                version = self._feed.visible_version(record_id) or self._versions[record_id]
                bodies.append(version.body)
            return Changed(bodies, False, cursor._replace(position=len(self._feed)))

    def _fill(self, records: Iterable[Record]) -> None:
        """Fill an empty portal with complete records, ids ascending; sorts once, at the end."""
        now_ms = self.now_ms
        for record in records:
            inner = record["engagement"]
            record_id, updated_ms = inner["id"], inner["lastUpdated"]
            self._ids.append(record_id)
            self._versions[record_id] = Version(updated_ms, _to_json(record))
            self._recent.append((updated_ms, record_id))
            self._feed.add_change(record_id, updated_ms, now_ms)
        self._recent.sort()
        self._last_id = max(self._last_id, *self._ids[-1:], FIRST_ID)

    def _put(self, record: Record) -> None:
        """Store a new or changed record, and move the record in every list that shows it."""
        inner = record["engagement"]
        record_id, updated_ms = inner["id"], inner["lastUpdated"]
        previous = self._versions.get(record_id)
        self._versions[record_id] = Version(updated_ms, _to_json(record))
        self._last_id = max(self._last_id, record_id)
        self.objects.engagement_changed(self.body(record_id), previous and previous.body)
        if record_id in self._hidden_ids:
            return
        if previous is not None:
            del self._recent[bisect_left(self._recent, (previous.last_updated_ms, record_id))]
        insort(self._recent, (updated_ms, record_id))
        self._feed.add_change(record_id, updated_ms, self.now_ms, previous)

    def _forget_archived(self, record_id: int) -> None:
        archived = self._archived.pop(record_id, None)
        if archived is not None:
            self.objects.engagement_restored(record_id, archived.body)

    def _remove_from_lists(self, record_id: int) -> None:
        updated_ms = self._versions[record_id].last_updated_ms
        if record_id not in self._hidden_ids:
            del self._recent[bisect_left(self._recent, (updated_ms, record_id))]
            self._feed.remove(record_id)


def _to_json(record: Record) -> bytes:
    return msgspec.json.encode(record)


def _read_recordings(folder: Path) -> Sequence[Record]:
    paths = sorted({*folder.glob("*paged*.json"), *folder.glob("*recent_modified*.json")})
    if not paths:
        raise FileNotFoundError(f"no *paged*.json or *recent_modified*.json in {folder}")
    return [
        record for path in paths for record in msgspec.json.decode(path.read_bytes())["results"]
    ]
