"""The stream registry: each stream's name, keys, parent, schema, and source of records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tap_hubspot_engagements import records
from tap_hubspot_engagements.properties import EMAILS, TYPES_WITH_STREAM
from tap_hubspot_engagements.records import Converted, EngagementJson
from tap_hubspot_engagements.source import Source

SCHEMAS = Path(__file__).parent / "schemas"
INCREMENTAL, FULL_TABLE = "INCREMENTAL", "FULL_TABLE"

ToRecords = Callable[[EngagementJson], Converted]
TakesType = Callable[[str | None], bool]
Reader = Callable[[Source], Iterator[Sequence[Mapping[str, Any]]]]


@dataclass(frozen=True)
class Stream:
    """
    One kind of record.

    `to_records` converts an engagement, or, in a stream with `read`, an object of the stream's own
    endpoint. A stream with a `parent` has records that come and go with the parent's; their
    `engagementId` is the parent's `id`. `takes_type` tells which types of engagements have records
    in the stream, None standing for no type; by default all types have. `deselected` names the
    properties that a catalog has to select.
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

    @property
    def automatic(self) -> frozenset[str]:
        """The properties that are always replicated."""
        replication_key = (self.replication_key,) if self.replication_key else ()
        return frozenset((*self.key_properties, *replication_key))

    @property
    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema of the stream's records."""
        return _read_schema(self.tap_stream_id)


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
    read=lambda source: source.read_call_dispositions(),
)
# Deselected by default: owners need a scope of their own.
OWNERS = Stream(
    tap_stream_id="owners",
    key_properties=("id",),
    replication_method=FULL_TABLE,
    to_records=records.to_owner,
    read=lambda source: source.read_owners(),
    selected=False,
)

STREAMS = {
    stream.tap_stream_id: stream for stream in (ENGAGEMENTS, *CHILDREN, CALL_DISPOSITIONS, OWNERS)
}


@cache
def _read_schema(tap_stream_id: str) -> Mapping[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{tap_stream_id}.json").read_text("utf-8"))
    return schema
