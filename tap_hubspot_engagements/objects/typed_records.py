"""
Decodes records of the objects API straight into typed structs: the fast path. Pure.

A record with an unknown property, or with a text that does not convert, takes the fallback of
to_engagement.py. Both give the same engagement; a property test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw

from hubspot_api.activity_properties import ATTACHMENTS, PEOPLE, ROLES, SCHEDULED_TASKS
from hubspot_api.json_codec import parse_json, to_json
from tap_hubspot_engagements.engagement import Engagement, is_int64
from tap_hubspot_engagements.objects.columns import (
    METADATA_COLUMNS,
    SUBSTITUTES,
    Column,
    properties_of,
)
from tap_hubspot_engagements.objects.people import read_people
from tap_hubspot_engagements.objects.to_engagement import (
    ENGAGEMENT_TYPES,
    INNER_BY_KIND,
    TYPE_PROPERTIES,
    ObjectRecord,
    Partners,
    read_attachments,
    read_metadata,
    read_scheduled_tasks,
    read_send_event,
    to_associations,
    to_engagement,
)
from tap_hubspot_engagements.objects.values import Convert, to_bool, to_int, to_ms
from tap_hubspot_engagements.properties import (
    CallDetails,
    EmailDetails,
    InnerEngagement,
    Int64,
    MeetingDetails,
    NoteDetails,
    Person,
    TaskDetails,
)
from tap_hubspot_engagements.typed_engagement import (
    NULL,
    Details,
    Parts,
    TypedEngagement,
    split_details,
)

_STRUCTS: Mapping[str, type[msgspec.Struct]] = {
    "notes": NoteDetails,
    "emails": EmailDetails,
    "calls": CallDetails,
    "tasks": TaskDetails,
    "meetings": MeetingDetails,
}
_TYPES: Mapping[Convert | None, Any] = {to_int: Int64 | None, to_bool: bool | None}
_ABSENT = "absent"
"""The attribute, always None, that stands for a v1 property without a column."""
_NO_LIST, _NO_METADATA = Raw(b"[]"), Raw(b"{}")
_EMPTY_TEXT, _NULL_TEXT = b':""', b":null"


R = TypeVar("R")


class RecordPage(msgspec.Struct, Generic[R], gc=False):
    """A page of records; cursor, total and errors may be of any type."""

    results: list[R]
    paging: Any = None
    total: Any = None
    errors: Any = None


class ObjectEngagement(TypedEngagement, gc=False):
    """An engagement on the fast path: the decoded record of a type, and its typed parts."""

    layout: _Layout
    record: Any
    partner_types: tuple[str, ...]

    @property
    def whole(self) -> Mapping[str, Any]:
        """The engagement in the shape of v1's JSON, converted at the first call."""
        if self.mapping is None:
            record = _to_object_record(self.record)
            self.mapping = to_engagement(
                self.layout.name, record, self.portal_id, self.partner_types
            )
        return self.mapping

    def details(self) -> Details | None:
        """Return the metadata of a type with a stream; None for a type mismatch."""
        if self.decoded_details is None:
            try:
                self.decoded_details = self.layout.details(self.record.properties)
            except ValueError:
                return None
        return self.decoded_details


class _Columns:
    """Builds a struct from the properties of a record, in the order of the struct's fields."""

    def __init__(self, struct: type[msgspec.Struct], columns: Sequence[Column]) -> None:
        by_key = {column.key: column for column in columns}
        names = [
            by_key[name].name if name in by_key else _ABSENT for name in struct.__struct_fields__
        ]
        self._struct = struct
        self._get = attrgetter(*names)
        self._is_single = len(names) == 1
        self._conversions = [
            (column.key, column.convert, column.convert is to_ms)
            for column in columns
            if column.convert and column.convert not in _TYPES
        ]

    def build(self, properties: Any) -> Any:
        """Return the struct; raise ValueError if a text does not convert."""
        values = self._get(properties)
        built = self._struct(values) if self._is_single else self._struct(*values)
        for key, convert, is_time in self._conversions:
            text = getattr(built, key)
            if text is not None:
                value = convert(text)
                if is_time and not is_int64(value):
                    raise ValueError(key)
                setattr(built, key, value)
        return built


class _Layout:
    """The fast path of one type, compiled from the declared columns."""

    def __init__(self, name: str) -> None:
        self.name = name
        struct: Any = _record_struct(name)
        self.decode = msgspec.json.Decoder(RecordPage[struct], strict=False).decode
        self.decode_record = msgspec.json.Decoder(struct, strict=False).decode
        self._inner = _Columns(InnerEngagement, INNER_BY_KIND[name])
        details = _STRUCTS.get(name)
        self._details = _Columns(details, METADATA_COLUMNS[name]) if details else None
        self._type = TYPE_PROPERTIES.get(name, _ABSENT)
        self._has_tasks = SCHEDULED_TASKS in properties_of(name)

    def build(
        self, record: Any, portal_id: int | None, partner_types: tuple[str, ...]
    ) -> Engagement:
        """Return a record's engagement; raise ValueError if it has to take the fallback."""
        properties = record.properties
        inner = self._inner.build(properties)
        inner.id, inner.portalId, inner.active = int(record.id), portal_id, not record.archived
        inner.type = getattr(properties, self._type) or ENGAGEMENT_TYPES[self.name]
        for key, (name, _) in SUBSTITUTES.items():
            if getattr(inner, key) is None:
                setattr(inner, key, getattr(properties, name))
        return ObjectEngagement(
            inner.id,
            portal_id,
            inner.type,
            inner.lastUpdated,
            None,
            self._parts(inner, record, partner_types),
            None,
            self,
            record,
            partner_types,
        )

    def details(self, properties: Any) -> Details:
        """Return the typed metadata; raise ValueError if a text or a person does not convert."""
        assert self._details is not None, "its type has a stream"
        details = self._details.build(properties)
        if self.name == "emails":
            get = properties.__getattribute__
            details.emailSendEventId = read_send_event(get)
            for role, people in read_people(get).items():
                kind = _PEOPLE_TYPES.get(role)
                if kind is None:
                    raise ValueError(role)
                setattr(details, _PEOPLE_FIELDS.get(role, role), msgspec.convert(people, kind))
        return split_details(details)

    def _parts(self, inner: InnerEngagement, record: Any, partner_types: tuple[str, ...]) -> Parts:
        """Return the top level of the engagement; a typed metadata is not serialized."""
        get = record.properties.__getattribute__
        associations = to_associations(record.associations, partner_types)
        metadata = _NO_METADATA
        if self._details is None:
            metadata = Raw(to_json(read_metadata(self.name, get)))
        tasks = read_scheduled_tasks(get) if self._has_tasks else None
        attachments = getattr(record.properties, ATTACHMENTS)
        return Parts(
            inner,
            scheduledTasks=NULL if tasks is None else Raw(to_json(tasks)),
            attachments=Raw(to_json(read_attachments(get))) if attachments else _NO_LIST,
            associations=Raw(to_json(associations)),
            metadata=metadata,
        )


_PEOPLE_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(PEOPLE, Person),
    **dict.fromkeys(ROLES, list[Person]),
}
_PEOPLE_FIELDS = {"from": "from_"}


def _record_struct(kind: str) -> type[msgspec.Struct]:
    """Return the struct of a type's record; HubSpot sends properties in order of the name."""
    columns = (*INNER_BY_KIND[kind], *METADATA_COLUMNS[kind])
    converts = {column.name: column.convert for column in columns}
    converts |= dict(SUBSTITUTES.values())
    properties = msgspec.defstruct(
        f"{kind}_properties",
        [
            (name, _TYPES.get(converts.get(name), str | None), None)
            for name in sorted(properties_of(kind))
        ],
        namespace={_ABSENT: None},
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.defstruct(
        f"{kind}_record",
        [
            ("id", str),
            ("properties", properties),
            ("archived", bool, False),
            ("archivedAt", str | None, None),
            ("associations", dict[str, Partners] | None, None),
        ],
        gc=False,
    )


def _to_object_record(record: Any) -> ObjectRecord:
    """Return a typed record as the fallback reads it."""
    names = record.properties.__struct_fields__
    values = {name: getattr(record.properties, name) for name in names}
    texts = {name: value for name, value in values.items() if value is not None}
    return ObjectRecord(record.id, texts, record.archived, record.archivedAt, record.associations)


_LAYOUTS = {kind: _Layout(kind) for kind in METADATA_COLUMNS}


def read_page(kind: str, text: bytes) -> RecordPage[Any]:
    """
    Return a page of a list, a search or a batch read, its records decoded.

    Records have an id, properties and associations, which a caller may complete. Raises ValueError
    for an incomplete page.
    """
    # An empty text is null. No text has these bytes inside, where quotes are escaped.
    compact = text.replace(_EMPTY_TEXT, _NULL_TEXT)
    try:
        page: RecordPage[Any] = _LAYOUTS[kind].decode(compact)
    except ValueError:
        page = _read_mixed_page(kind, text)
    if not all(record.id.isdecimal() for record in page.results):
        raise ValueError("a record without an id")
    return page


def read_record(kind: str, text: bytes) -> Any:
    """Return a single record, decoded; raise ValueError for anything else."""
    results = read_page(kind, b'{"results":[%b]}' % text).results
    if len(results) != 1:
        raise ValueError("not a record")  # such as an empty response
    return results[0]


def property_of(record: Any, name: str) -> Any:
    """Return a property of a decoded record; None for a missing one."""
    if isinstance(record, ObjectRecord):
        return record.properties.get(name)
    return getattr(record.properties, name)


def to_engagements(
    kind: str, records: Sequence[Any], portal_id: int | None, partner_types: tuple[str, ...]
) -> list[Engagement]:
    """
    Return the engagements of decoded records of type `kind`.

    `partner_types` are the types whose associations the records have. Raises ValueError for a
    record without an id.
    """
    layout = _LAYOUTS[kind]
    return [_to_engagement(layout, record, portal_id, partner_types) for record in records]


def _read_mixed_page(kind: str, text: bytes) -> RecordPage[Any]:
    """Return a page with records that are not all typed: those are parsed."""
    body = parse_json(text)
    page: RecordPage[Any] = msgspec.convert(body, RecordPage[Any])
    decode = _LAYOUTS[kind].decode_record
    records: list[Any] = []
    for result in page.results:
        try:
            records.append(decode(to_json(result).replace(_EMPTY_TEXT, _NULL_TEXT)))
        except ValueError:
            records.append(msgspec.convert(result, ObjectRecord))
    page.results = records
    return page


def _to_engagement(
    layout: _Layout, record: Any, portal_id: int | None, partner_types: tuple[str, ...]
) -> Engagement:
    if not isinstance(record, ObjectRecord):
        try:
            return layout.build(record, portal_id, partner_types)
        except ValueError:
            record = _to_object_record(record)
    mapping = to_engagement(layout.name, record, portal_id, partner_types)
    return Engagement.from_mapping(mapping)
