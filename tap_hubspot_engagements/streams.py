"""The stream registry: each stream's name, keys, parent, schema, and source of records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol

from hubspot_api.activity_properties import OBJECT_TYPES
from tap_hubspot_engagements import records
from tap_hubspot_engagements.config import RELATED_TYPES, Config
from tap_hubspot_engagements.objects.object_records import to_object_record
from tap_hubspot_engagements.objects.object_types import (
    ObjectType,
    Schema,
    build_schema,
    get_object_type,
    kind_of,
)
from tap_hubspot_engagements.properties import EMAILS, TYPES_WITH_STREAM
from tap_hubspot_engagements.records import Converted, EngagementJson
from tap_hubspot_engagements.source import Source

SCHEMAS = Path(__file__).parent / "schemas"
INCREMENTAL, FULL_TABLE = "INCREMENTAL", "FULL_TABLE"

ToRecords = Callable[[EngagementJson], Converted]
TakesType = Callable[[str | None], bool]


class Tables(Protocol):
    """What reads the reference tables."""

    source: Source

    def read_object_properties(self) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Yield the definitions of the properties of all types in use."""
        ...


Reader = Callable[[Tables], Iterator[Sequence[Mapping[str, Any]]]]


@dataclass(frozen=True)
class Pair:
    """
    An association of `root`, as fetch_associations names it, with records of type `partner`.

    `key` names the ids in the associations of a v1 engagement; None if those lack them.
    """

    root: str
    partner: str
    key: str | None

    @property
    def name(self) -> str:
        """The name of the stream."""
        return f"associations_{self.root}_{self.partner}"


@dataclass(frozen=True)
class Stream:
    """
    One kind of record.

    `to_records` converts an engagement, or, in a stream with `read`, an object of the stream's own
    endpoint. A stream with a `parent` has records that come and go with the parent's; their
    `parent_key` is the parent's `id`. `takes_type` tells which types of engagements have records
    in the stream, None standing for no type; by default all types have. `deselected` names the
    properties that a catalog has to select. `object_type` is the type of an object stream, `pair`
    the association of a stream of fetch_associations. `own_schema` stands for a schema file.
    """

    tap_stream_id: str
    key_properties: tuple[str, ...]
    replication_method: str
    to_records: ToRecords
    replication_key: str | None = None
    parent: str | None = None
    takes_type: TakesType | None = None
    read: Reader | None = None
    selected: bool = True
    deselected: frozenset[str] = frozenset()
    parent_key: str = "engagementId"
    object_type: ObjectType | None = None
    pair: Pair | None = None
    own_schema: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def automatic(self) -> frozenset[str]:
        """The properties that are always replicated."""
        replication_key = (self.replication_key,) if self.replication_key else ()
        return frozenset((*self.key_properties, *replication_key))

    @property
    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema of the stream's records."""
        return self.own_schema or _read_schema(self.tap_stream_id)


ENGAGEMENTS = Stream(
    tap_stream_id="engagements",
    key_properties=("id",),
    replication_method=INCREMENTAL,
    replication_key="lastUpdated",
    to_records=records.to_engagements,
    deselected=frozenset({"metadata"}),
)


def _child(
    name: str,
    to_records: ToRecords,
    takes_type: TakesType | None = None,
    more_keys: tuple[str, ...] = (),
) -> Stream:
    return Stream(
        tap_stream_id=f"engagement_{name}",
        key_properties=("engagementId", *more_keys),
        replication_method=INCREMENTAL,
        parent=ENGAGEMENTS.tap_stream_id,
        to_records=to_records,
        takes_type=takes_type,
    )


def _one_of(*types: str) -> TakesType:
    return frozenset(types).__contains__


def _has_no_stream(kind: str | None) -> bool:
    return kind not in TYPES_WITH_STREAM


_is_email = _one_of(*EMAILS)
CHILDREN = (
    _child("notes", records.to_notes, _one_of("NOTE")),
    _child("emails", records.to_emails, _is_email),
    _child("tasks", records.to_tasks, _one_of("TASK")),
    _child("meetings", records.to_meetings, _one_of("MEETING")),
    _child("calls", records.to_calls, _one_of("CALL")),
    _child("other", records.to_other, _has_no_stream),
    _child("email_recipients", records.to_email_recipients, _is_email, ("role", "position")),
    _child("associations", records.to_associations, None, ("objectType", "objectId")),
    _child("attachments", records.to_attachments, None, ("attachmentId",)),
)
CALL_DISPOSITIONS = Stream(
    tap_stream_id="call_dispositions",
    key_properties=("id",),
    replication_method=FULL_TABLE,
    to_records=records.to_disposition,
    read=lambda tables: tables.source.read_call_dispositions(),
)
# Deselected by default: owners need a scope of their own.
OWNERS = Stream(
    tap_stream_id="owners",
    key_properties=("id",),
    replication_method=FULL_TABLE,
    to_records=records.to_owner,
    read=lambda tables: tables.source.read_owners(),
    selected=False,
)

OBJECT_PROPERTIES = Stream(
    tap_stream_id="object_properties",
    key_properties=("objectType", "name"),
    replication_method=FULL_TABLE,
    to_records=records.to_definition,
    read=lambda tables: tables.read_object_properties(),
    selected=False,
)


def object_stream(name: str, properties: Mapping[str, Schema] | None = None) -> Stream:
    """Return the stream of a type of objects; `properties` come after the default ones."""
    object_type = get_object_type(name)
    schema = build_schema({**object_type.defaults, **(properties or {})})
    return Stream(
        tap_stream_id=name,
        key_properties=("id",),
        replication_method=INCREMENTAL,
        replication_key="updatedAt",
        to_records=partial(to_object_record, schema["properties"]),
        selected=False,
        deselected=frozenset(properties or ()) - object_type.defaults.keys(),
        object_type=object_type,
        own_schema=schema,
    )


def pair_stream(root: str, partner: str) -> Stream:
    """Return the stream of the associations of `root` with `partner`."""
    is_engagement = root in (ENGAGEMENTS.tap_stream_id, *OBJECT_TYPES)
    pair = Pair(root, partner, get_object_type(partner).key if is_engagement else None)

    def takes_type(engagement_type: str | None) -> bool:
        return kind_of(engagement_type) == root

    return Stream(
        tap_stream_id=pair.name,
        key_properties=("from_id", "to_id"),
        replication_method=INCREMENTAL,
        to_records=partial(records.to_pairs, pair.key),
        parent=ENGAGEMENTS.tap_stream_id if is_engagement else root,
        takes_type=takes_type if root in OBJECT_TYPES else None,
        parent_key="from_id",
        pair=pair,
        own_schema=_PAIR_SCHEMA,
    )


_PAIR_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "from_id": {"type": "integer"},
        "to_id": {"type": "integer"},
        "associationTypes": {"type": ["null", "array"], "items": {"type": "object"}},
    },
}

STREAMS = {
    stream.tap_stream_id: stream
    for stream in (
        ENGAGEMENTS,
        *CHILDREN,
        CALL_DISPOSITIONS,
        OWNERS,
        *map(object_stream, RELATED_TYPES),
        OBJECT_PROPERTIES,
    )
}


def streams_of(config: Config) -> Mapping[str, Stream]:
    """Return the streams of a configuration, which may name custom objects."""
    return {**STREAMS, **{name: object_stream(name) for name in config.custom_objects}}


@cache
def _read_schema(tap_stream_id: str) -> Mapping[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{tap_stream_id}.json").read_text("utf-8"))
    return schema
