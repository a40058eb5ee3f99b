"""
The fast path of each type of the objects API, compiled from the declared columns. Pure.

A layout decodes a record straight into a struct, and makes an engagement of typed parts of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw

from hubspot_api.activity_properties import ASSOCIATIONS, ATTACHMENTS, SCHEDULED_TASKS
from hubspot_api.json_codec import NUL_ESCAPE, to_json
from tap_hubspot_engagements.engagement import Engagement, is_int64
from tap_hubspot_engagements.objects.columns import (
    METADATA_COLUMNS,
    SUBSTITUTES,
    Column,
    properties_of,
)
from tap_hubspot_engagements.objects.to_engagement import (
    ENGAGEMENT_TYPES,
    INNER_BY_KIND,
    TYPE_PROPERTIES,
    ObjectRecord,
    Partners,
    parse_id,
    read_attachments,
    read_metadata,
    read_scheduled_tasks,
    read_send_event,
    to_engagement,
)
from tap_hubspot_engagements.objects.typed_people import read_typed_people
from tap_hubspot_engagements.objects.values import Convert, parse_ms, to_bool, to_int, to_ms
from tap_hubspot_engagements.properties import (
    CallDetails,
    EmailColumns,
    InnerEngagement,
    Int64,
    MeetingDetails,
    NoteDetails,
    TaskDetails,
)
from tap_hubspot_engagements.typed_engagement import (
    NULL,
    Details,
    Parts,
    TypedEngagement,
)

_STRUCTS: Mapping[str, type[msgspec.Struct]] = {
    "notes": NoteDetails,
    "emails": EmailColumns,
    "calls": CallDetails,
    "tasks": TaskDetails,
    "meetings": MeetingDetails,
}
_TYPES: Mapping[Convert | None, Any] = {to_int: Int64 | None, to_bool: bool | None}
_ABSENT = "absent"
"""The attribute, always None, that stands for a v1 property without a column."""
_NO_IDS: Sequence[int] = ()
_NO_LIST, _NO_METADATA = Raw(b"[]"), Raw(b"{}")

R = TypeVar("R")


class RecordPage(msgspec.Struct, Generic[R], gc=False):
    """A page of records; cursor, total and errors may be of any type."""

    results: list[R]
    paging: Any = None
    total: Any = None
    errors: Any = None


class ObjectEngagement(TypedEngagement, gc=False):
    """
    An engagement on the fast path: the decoded record of a type, and its typed parts.

    `ids_by_key` are its associations by v1's names.
    """

    layout: Layout
    record: Any
    partner_types: tuple[str, ...]
    ids_by_key: Mapping[str, Sequence[int]]

    @property
    def whole(self) -> Mapping[str, Any]:
        """The engagement in the shape of v1's JSON, converted at the first call."""
        if self.mapping is None:
            record = to_object_record(self.record)
            self.mapping = to_engagement(
                self.layout.name, record, self.portal_id, self.partner_types
            )
        return self.mapping

    def has_nul(self) -> bool:
        """Tell whether a text has U+0000."""
        return NUL_ESCAPE.search(to_json(self.record)) is not None

    def association_ids(self) -> Mapping[str, Sequence[int] | None]:
        return self.ids_by_key

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
        fields = struct.__struct_fields__
        names = [by_key[field].name if field in by_key else _ABSENT for field in fields]
        get = attrgetter(*names)
        self._struct = struct
        self._get_values = get if len(names) > 1 else lambda properties: (get(properties),)
        self._conversions = [
            (fields.index(column.key), parse_ms if column.convert is to_ms else column.convert)
            for column in columns
            if column.convert and column.convert not in _TYPES
        ]

    def build(self, properties: Any) -> Any:
        """Return the struct; raise ValueError if a text does not convert."""
        values: Any = self._get_values(properties)
        if self._conversions:
            values = list(values)
            for at, convert in self._conversions:
                if values[at] is not None:
                    values[at] = convert(values[at])
        return self._struct(*values)


class Layout:
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
        if inner.createdBy is None or inner.modifiedBy is None:
            for key, (name, _) in SUBSTITUTES.items():
                if getattr(inner, key) is None:
                    setattr(inner, key, getattr(properties, name))
        ids_by_key = _typed_ids(record.associations, partner_types)
        return ObjectEngagement(
            inner.id,
            portal_id,
            inner.type,
            inner.lastUpdated,
            None,
            self._parts(inner, properties, ids_by_key),
            None,
            self,
            record,
            partner_types,
            ids_by_key,
        )

    def details(self, properties: Any) -> Details:
        """Return the typed metadata; raise ValueError if a text or a person does not convert."""
        assert self._details is not None, "its type has a stream"
        details = self._details.build(properties)
        if self.name != "emails":
            return Details(to_json(details)[1:-1], {}, {})
        details.emailSendEventId = read_send_event(properties.__getattribute__)
        people, recipients = read_typed_people(properties)
        return Details(to_json(details)[1:-1], people, recipients)

    def _parts(
        self, inner: InnerEngagement, properties: Any, ids_by_key: Mapping[str, Sequence[int]]
    ) -> Parts:
        """Return the top level of the engagement; a typed metadata is not serialized."""
        get = properties.__getattribute__
        metadata = _NO_METADATA
        if self._details is None:
            metadata = Raw(to_json(read_metadata(self.name, get)))
        tasks = read_scheduled_tasks(get) if self._has_tasks else None
        attachments = getattr(properties, ATTACHMENTS)
        # By position, which is faster than by name.
        return Parts(
            inner,
            NULL if tasks is None else Raw(to_json(tasks)),
            Raw(to_json(read_attachments(get))) if attachments else _NO_LIST,
            Raw(to_json(ids_by_key)),
            metadata,
        )


class _Partner(msgspec.Struct, gc=False):
    """A record that another is associated with; HubSpot sends ids as texts or numbers."""

    id: Int64


class _Partners(msgspec.Struct, gc=False):
    """The associations of a record with one type; with `paging`, more follow."""

    results: list[_Partner] = []
    paging: Any = None


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
            ("associations", dict[str, _Partners] | None, None),
        ],
        gc=False,
    )


def to_object_record(record: Any) -> ObjectRecord:
    """Return a typed record as the fallback reads it."""
    names = record.properties.__struct_fields__
    values = {name: getattr(record.properties, name) for name in names}
    texts = {name: value for name, value in values.items() if value is not None}
    return ObjectRecord(record.id, texts, record.archived, record.archivedAt, record.associations)


def _typed_ids(
    associations: Mapping[str, _Partners | Partners] | None, partner_types: tuple[str, ...]
) -> Mapping[str, Sequence[int]]:
    """Return ids by v1's names, deduplicated; raise ValueError for a text that is no id."""
    ids_by_key = dict.fromkeys(_keys_of(partner_types), _NO_IDS)
    for name, partners in associations.items() if associations else ():
        ids: Any = [partner.id for partner in partners.results]
        if not isinstance(partners, _Partners):
            ids = list(map(parse_id, ids))
            if not all(map(is_int64, ids)):
                raise ValueError(name)
        ids_by_key[ASSOCIATIONS.get(name, name)] = list(dict.fromkeys(ids)) if ids[1:] else ids
    return ids_by_key


@cache
def _keys_of(partner_types: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(ASSOCIATIONS.get(name, name) for name in partner_types)


LAYOUTS = {kind: Layout(kind) for kind in METADATA_COLUMNS}
