"""
All records of the objects API over one portal's engagements: indexes, associations, merges.

Built at the first request and kept current from then on, so that a portal that serves v1 alone
pays nothing for this. Engagements stay in the portal; related records are made up when needed.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from hubspot_simulator.objects import related_records
from hubspot_simulator.objects.engagement_properties import ENGAGEMENT_PROPERTIES
from hubspot_simulator.objects.object_types import (
    ACTIVITIES,
    CUSTOM,
    RELATED,
    TYPES,
    ObjectType,
    type_of_engagement,
)
from hubspot_simulator.objects.properties import Property, Values
from hubspot_simulator.objects.related_records import MERGED_IDS, RELATED_PROPERTIES
from hubspot_simulator.objects.type_index import Entry, TypeIndex

CUSTOM_PART = "customProperties"  # the part of an engagement that v1 does not show
# Changes that are older than this when the indexes are built are visible to searches at once.
LONGEST_DELAY_MS = 3_600_000
CUSTOM_RECORDS = 40  # the custom type's records: ids from FIRST_CUSTOM_ID on
FIRST_CUSTOM_ID = 30_000_000_001
CUSTOM_SHARE = 5  # every so manieth engagement is associated with a custom record

Partners = Mapping[str, Sequence[int]]


class ArchivedEngagement(NamedTuple):
    """A deleted engagement in JSON, and the date of its deletion in Unix ms."""

    body: bytes
    archived_ms: int


class EarlyChange(NamedTuple):
    """A change: the engagement in JSON after it, before it (None: new), and its time in Unix ms."""

    body: bytes
    before: bytes | None
    made_ms: int


class EngagementSource(Protocol):
    """The portal as this store needs it."""

    @property
    def now_ms(self) -> int:
        """The portal's time in Unix ms."""

    def bodies(self) -> Iterable[bytes]:
        """Return every live engagement in JSON."""

    def archived(self) -> Iterable[ArchivedEngagement]:
        """Return every deleted engagement."""


class _Inner(msgspec.Struct):
    id: int
    type: Any = None
    createdAt: Any = None
    lastUpdated: Any = None


class _Head(msgspec.Struct):
    """The parts of a v1 engagement that the indexes need."""

    engagement: _Inner
    associations: Any = None


_decode_head = msgspec.json.Decoder(_Head).decode


class ObjectStore:
    """Records of all types; any thread may read and change them while they are served."""

    def __init__(self, source: EngagementSource, lock: threading.RLock, seed: int) -> None:
        self.lock = lock
        self.seed = seed
        self._source = source
        self._indexes: dict[str, TypeIndex] = {}
        self._early: dict[int, list[EarlyChange]] = {}
        self._properties: dict[str, dict[str, Property]] = {}
        self._custom_values: dict[int, dict[str, str]] = {}
        self._reverse: dict[tuple[str, int], list[tuple[ObjectType, int]]] | None = None
        self.born_ms = source.now_ms

    @property
    def now_ms(self) -> int:
        """The portal's time in Unix ms."""
        return self._source.now_ms

    def index(self, object_type: ObjectType) -> TypeIndex:
        """Return the records of a type; the caller holds the lock."""
        if not self._indexes:
            self._build()
        return self._indexes[object_type.name]

    # Properties

    def properties(self, object_type: ObjectType) -> Mapping[str, Property]:
        """Return the definitions of a type's properties by name, in order of the name."""
        definitions = self._properties.get(object_type.name)
        return definitions or _SHIPPED[object_type.name]

    def define_property(self, object_type: ObjectType, prop: Property) -> None:
        """Add a custom property to the portal's definitions, or replace a definition."""
        definitions = {**self.properties(object_type), prop.name: prop}
        self._properties[object_type.name] = dict(sorted(definitions.items()))

    def values(self, object_type: ObjectType, record_id: int, entry: Entry) -> Values:
        """Return the values that a record's properties read."""
        if object_type.is_activity:
            engagement: dict[str, Any] = msgspec.json.decode(entry.source)
            custom_values = self._custom_values.get(record_id)
            return {**engagement, CUSTOM_PART: custom_values} if custom_values else engagement
        source = entry.source
        if source is None:
            source = related_records.values(self.seed, object_type, record_id)
        return {
            object_type.created_property: entry.created_ms,
            object_type.modified_property: entry.updated_ms,
            "hs_object_id": record_id,
            **source,
        }

    def set_custom_values(self, record_id: int, values: Mapping[str, str]) -> None:
        """Set an engagement's values of properties that v1 does not know."""
        self._custom_values[record_id] = {**self._custom_values.get(record_id, {}), **values}

    def find(self, object_type: ObjectType, prop: Property, text: str) -> int | None:
        """Return the live record whose property has the value `text`; the caller holds the lock."""
        for record_id, entry in self.index(object_type).entries.items():
            value = prop.read(self.values(object_type, record_id, entry))
            if value is not None and str(value).lower() == text.lower():
                return record_id
        return None

    # Changes of engagements, told by the portal

    def engagement_changed(self, body: bytes, before: bytes | None) -> None:
        """Note a new or changed engagement."""
        if self._indexes:
            self._apply(EarlyChange(body, before, self.now_ms))
            return
        record_id, now_ms = _decode_head(body).engagement.id, self.now_ms
        changes = self._early.get(record_id, [])
        young = [change for change in changes if change.made_ms > now_ms - LONGEST_DELAY_MS]
        self._early[record_id] = [*young, EarlyChange(body, before, now_ms)]

    def _apply(self, change: EarlyChange) -> None:
        """Bring the indexes up to date with a change."""
        body, before, made_ms = change
        head = _decode_head(body)
        object_type = type_of_engagement(head.engagement.type)
        previous = None if before is None else _type_of(before)
        if previous is not None and previous is not object_type:
            self._indexes[previous.name].remove(head.engagement.id)
        if object_type is not None:
            index = self._indexes[object_type.name]
            index.put(head.engagement.id, _entry(head, body), made_ms)
        self._add_partners(head, made_ms)
        self._reverse = None

    def engagement_archived(self, record_id: int, body: bytes, at_ms: int) -> None:
        """Note a deleted engagement."""
        object_type = _type_of(body)
        self._early.pop(record_id, None)
        if self._indexes and object_type is not None:
            self._indexes[object_type.name].archive(record_id, at_ms)
            self._reverse = None

    def engagement_restored(self, record_id: int, body: bytes) -> None:
        """Forget that an engagement was archived; `engagement_changed` then adds it."""
        object_type = _type_of(body)
        if self._indexes and object_type is not None:
            self._indexes[object_type.name].purge(record_id)

    # Changes of related records, made by tests

    def put_related(
        self,
        object_type: ObjectType,
        record_id: int,
        properties: Mapping[str, Any] | None = None,
        *,
        updated_ms: int | None = None,
    ) -> None:
        """
        Add a related record, or change its `properties`; its date moves to now or `updated_ms`.

        A new record has no made-up values. Times among the properties are Unix ms. Raises
        ValueError for a type of engagements.
        """
        with self.lock:
            index = self._related_index(object_type)
            at_ms = self.now_ms if updated_ms is None else updated_ms
            before = index.entries.get(record_id)
            values: Mapping[str, Any] = {}
            if before is not None and before.source is not None:
                values = before.source
            elif before is not None:
                values = related_records.values(self.seed, object_type, record_id)
            created_ms = before.created_ms if before else at_ms
            entry = Entry(created_ms, at_ms, {**values, **(properties or {})})
            index.put(record_id, entry, self.now_ms)

    def create_related(self, object_type: ObjectType, properties: Mapping[str, Any]) -> int:
        """Add a related record under the next free id, and return the id."""
        with self.lock:
            index = self._related_index(object_type)
            known_ids = (*index.ids[-1:], *index.archive_ids[-1:], *index.survivors)
            record_id = max(known_ids, default=0) + 1
            self.put_related(object_type, record_id, properties)
            return record_id

    def archive_related(self, object_type: ObjectType, record_id: int) -> None:
        """Archive a related record; no other date moves. Raises KeyError without it."""
        with self.lock:
            self._related_index(object_type).archive(record_id, self.now_ms)

    def restore_related(self, object_type: ObjectType, record_id: int) -> None:
        """Bring an archived related record back. Raises KeyError without it."""
        with self.lock:
            index = self._related_index(object_type)
            entry = index.purge(record_id)
            if entry is None:
                raise KeyError(record_id)
            index.put(record_id, entry._replace(archived_ms=None), self.now_ms)

    def merge_related(self, object_type: ObjectType, record_id: int, into_id: int) -> None:
        """
        Merge a related record into another: the old id answers with the surviving record.

        Engagements keep the old id in their associations. Raises KeyError without the records.
        """
        with self.lock:
            index = self._related_index(object_type)
            survivor = index.entries[into_id]
            index.remove(record_id)
            index.survivors[record_id] = into_id
            values = survivor.source
            if values is None:
                values = related_records.values(self.seed, object_type, into_id)
            ids = [*filter(None, [values.get(MERGED_IDS)]), str(record_id)]
            values = {**values, MERGED_IDS: ";".join(ids)}
            survivor = survivor._replace(updated_ms=self.now_ms, source=values)
            index.put(into_id, survivor, self.now_ms)

    # Associations

    def partners(
        self, object_type: ObjectType, record_id: int, entry: Entry, to_type: ObjectType
    ) -> list[int]:
        """Return the ids of `to_type` that a record is associated with, without doubles."""
        if object_type.is_activity and not to_type.is_activity:
            return partner_ids(_decode_head(entry.source).associations, record_id, to_type)
        reverse = self._reverse_associations()
        direct = reverse.get((object_type.name, record_id), [])
        if to_type.is_activity:
            return sorted(key for kind, key in direct if kind is to_type)
        partner_set: dict[int, None] = {}
        for kind, key in direct:  # related records that share an engagement belong together
            activity = self.index(kind).entries.get(key)
            if activity is not None:
                head = _decode_head(activity.source)
                partner_set |= dict.fromkeys(partner_ids(head.associations, key, to_type))
        partner_set.pop(record_id if to_type is object_type else -1, None)
        return sorted(partner_set)

    def _reverse_associations(self) -> dict[tuple[str, int], list[tuple[ObjectType, int]]]:
        if self._reverse is None:
            reverse = defaultdict(list)
            for object_type in ACTIVITIES:
                for record_id, entry in self.index(object_type).entries.items():
                    head = _decode_head(entry.source)
                    for related_type in RELATED:
                        for partner in partner_ids(
                            head.associations, head.engagement.id, related_type
                        ):
                            reverse[related_type.name, partner].append((object_type, record_id))
            self._reverse = dict(reverse)
        return self._reverse

    # Building

    def _build(self) -> None:
        indexes = {object_type.name: TypeIndex() for object_type in TYPES}
        records: dict[str, list[tuple[int, Entry]]] = {name: [] for name in indexes}
        partners: dict[ObjectType, set[int]] = {related_type: set() for related_type in RELATED}
        for body in self._bodies_before_changes():
            head = _decode_head(body)
            object_type = type_of_engagement(head.engagement.type)
            if object_type is not None:
                records[object_type.name].append((head.engagement.id, _entry(head, body)))
            for related_type, ids in partners.items():
                ids.update(partner_ids(head.associations, head.engagement.id, related_type))
        partners[CUSTOM].update(range(FIRST_CUSTOM_ID, FIRST_CUSTOM_ID + CUSTOM_RECORDS))
        for related_type, ids in partners.items():
            records[related_type.name] = [(key, self._made_up(related_type, key)) for key in ids]
        for name, index in indexes.items():
            index.fill(records[name])
        for body, at_ms in self._source.archived():
            _fill_archived(indexes, body, at_ms)
        self._indexes = indexes
        for changes in self._early.values():
            for change in changes:
                self._apply(change)
        self._early.clear()

    def _bodies_before_changes(self) -> Iterator[bytes]:
        """Yield each engagement as it was before the changes that searches may not show yet."""
        for body in self._source.bodies():
            changes = self._early.get(_decode_head(body).engagement.id) if self._early else None
            before = changes[0].before if changes else body
            if before is not None:
                yield before

    def _made_up(self, object_type: ObjectType, record_id: int) -> Entry:
        record_dates = related_records.dates(self.seed, object_type, record_id, self.born_ms)
        return Entry(record_dates.created_ms, record_dates.updated_ms, None)

    def _add_partners(self, head: _Head, now_ms: int) -> None:
        """Make up the related records that an engagement names for the first time."""
        for related_type in RELATED:
            index = self._indexes[related_type.name]
            for partner in partner_ids(head.associations, head.engagement.id, related_type):
                exists = partner in index.entries or partner in index.survivors
                if not exists and partner not in index.archive_entries:
                    index.put(partner, self._made_up(related_type, partner), now_ms)

    def _related_index(self, object_type: ObjectType) -> TypeIndex:
        if object_type.is_activity:
            raise ValueError(f"{object_type.name} are engagements: change them in the portal")
        return self.index(object_type)


_SHIPPED: Mapping[str, Mapping[str, Property]] = {**ENGAGEMENT_PROPERTIES, **RELATED_PROPERTIES}


def custom_property(name: str, *, is_activity: bool) -> Property:
    """Return a custom property of texts, as users of a portal create them."""
    if not is_activity:
        return related_records.value_property(name, is_custom=True)

    def read(record: Values) -> Any:
        return record.get(CUSTOM_PART, {}).get(name)

    return Property(name, "text", read, is_custom=True)


def _type_of(body: bytes) -> ObjectType | None:
    return type_of_engagement(_decode_head(body).engagement.type)


def _entry(head: _Head, body: bytes) -> Entry:
    inner = head.engagement
    return Entry(_whole(inner.createdAt), _whole(inner.lastUpdated), body)


def _whole(value: Any) -> int:
    """Return a date of a v1 engagement; 0 for a value of another type."""
    return value if isinstance(value, int) else 0


def _fill_archived(indexes: Mapping[str, TypeIndex], body: bytes, at_ms: int) -> None:
    head = _decode_head(body)
    object_type = type_of_engagement(head.engagement.type)
    if object_type is not None:
        entry = _entry(head, body)._replace(archived_ms=at_ms)
        indexes[object_type.name].put_archived(head.engagement.id, entry)


def partner_ids(associations: Any, engagement_id: int, to_type: ObjectType) -> list[int]:
    """Return the ids of `to_type` in a v1 engagement's associations, without doubles."""
    ids = associations.get(to_type.association_key) if associations else None
    if ids is None and to_type is CUSTOM:  # v1 shows no custom objects
        is_partner = engagement_id % CUSTOM_SHARE == 0
        return [FIRST_CUSTOM_ID + engagement_id % CUSTOM_RECORDS] if is_partner else []
    if not ids or not isinstance(ids, list):
        return []
    return list(dict.fromkeys(key for key in ids if isinstance(key, int)))


def iter_types(
    names: Iterable[str], find: Callable[[str], ObjectType | None]
) -> Iterator[ObjectType]:
    """Yield the types that `names` name, each once; unknown names are left out."""
    names_so_far: set[str] = set()
    for name in names:
        object_type = find(name)
        if object_type is not None and object_type.name not in names_so_far:
            names_so_far.add(object_type.name)
            yield object_type
