"""What each stream is, as data: name, keys, parent, schema, and how its records are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tap_hubspot_engagements import records
from tap_hubspot_engagements.records import Engagement, Misfits, Record

SCHEMAS = Path(__file__).parent / "schemas"
INCREMENTAL, FULL_TABLE = "INCREMENTAL", "FULL_TABLE"

ToRecords = Callable[[Engagement, Misfits], Sequence[Record]]
Takes = Callable[[str | None], bool]


@dataclass(frozen=True)
class Stream:
    """
    One kind of record.

    `to_records` makes a stream's records of an engagement; a stream without it has an endpoint of
    its own. The records of a stream with a `parent` come and go with the parent's, to whose `id`
    their `engagementId` points. Of other types than it `takes`, None standing for no type, an
    engagement has no records of the stream. `unselected` are the properties that a catalog has to
    select.
    """

    tap_stream_id: str
    key_properties: tuple[str, ...]
    replication_method: str
    replication_key: str | None = None
    parent: str | None = None
    to_records: ToRecords | None = None
    takes: Takes | None = None
    selected: bool = True
    unselected: frozenset[str] = frozenset()

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
    unselected=frozenset({"metadata"}),
)


def _child(
    name: str,
    to_records: ToRecords,
    takes: Takes | None = None,
    more_keys: tuple[str, ...] = (),
) -> Stream:
    return Stream(
        tap_stream_id=f"engagement_{name}",
        key_properties=("engagementId", *more_keys),
        replication_method=INCREMENTAL,
        parent=ENGAGEMENTS.tap_stream_id,
        to_records=to_records,
        takes=takes,
    )


def _of(*types: str) -> Takes:
    return frozenset(types).__contains__


_EMAILS = _of(*records.EMAILS)
CHILDREN = (
    _child("notes", records.to_notes, _of("NOTE")),
    _child("emails", records.to_emails, _EMAILS),
    _child("tasks", records.to_tasks, _of("TASK")),
    _child("meetings", records.to_meetings, _of("MEETING")),
    _child("calls", records.to_calls, _of("CALL")),
    _child("other", records.to_other, lambda kind: kind not in records.TYPED),
    _child("email_recipients", records.to_email_recipients, _EMAILS, ("role", "position")),
    _child("associations", records.to_associations, None, ("objectType", "objectId")),
    _child("attachments", records.to_attachments, None, ("attachmentId",)),
)
CALL_DISPOSITIONS = Stream("call_dispositions", ("id",), FULL_TABLE)
# Not selected by default: it needs a scope of its own.
OWNERS = Stream("owners", ("id",), FULL_TABLE, selected=False)

STREAMS = {
    stream.tap_stream_id: stream for stream in (ENGAGEMENTS, *CHILDREN, CALL_DISPOSITIONS, OWNERS)
}


@cache
def _read_schema(tap_stream_id: str) -> Mapping[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{tap_stream_id}.json").read_text("utf-8"))
    return schema
