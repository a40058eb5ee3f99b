"""
Decodes records of the objects API straight into the structs of record_layout.py. Pure.

A record with an unknown property, or with a text that does not convert, takes the fallback of
to_engagement.py. Both give the same engagement; a property test compares them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from hubspot_api.json_codec import parse_json, to_json
from tap_hubspot_engagements.engagement import Engagement
from tap_hubspot_engagements.objects.record_layout import (
    LAYOUTS,
    Layout,
    RecordPage,
    to_object_record,
)
from tap_hubspot_engagements.objects.to_engagement import ObjectRecord, to_engagement

# An empty text is null. No text has these bytes inside, where quotes are escaped. A regular
# expression is three times as fast as `bytes.replace`.
_EMPTY_TEXT, _NULL_TEXT = re.compile(b':""'), b":null"


def read_page(kind: str, text: bytes) -> RecordPage[Any]:
    """
    Return a page of a list, a search or a batch read, its records decoded.

    Records have an id, properties and associations, which a caller may complete. Raises ValueError
    for an incomplete page.
    """
    try:
        page: RecordPage[Any] = LAYOUTS[kind].decode(_EMPTY_TEXT.sub(_NULL_TEXT, text))
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
    layout = LAYOUTS[kind]
    return [_to_engagement(layout, record, portal_id, partner_types) for record in records]


def _read_mixed_page(kind: str, text: bytes) -> RecordPage[Any]:
    """Return a page with records that are not all typed: those are parsed."""
    body = parse_json(text)
    page: RecordPage[Any] = msgspec.convert(body, RecordPage[Any])
    decode = LAYOUTS[kind].decode_record
    records: list[Any] = []
    for result in page.results:
        try:
            records.append(decode(_EMPTY_TEXT.sub(_NULL_TEXT, to_json(result))))
        except ValueError:
            records.append(msgspec.convert(result, ObjectRecord))
    page.results = records
    return page


def _to_engagement(
    layout: Layout, record: Any, portal_id: int | None, partner_types: tuple[str, ...]
) -> Engagement:
    if not isinstance(record, ObjectRecord):
        try:
            return layout.build(record, portal_id, partner_types)
        except ValueError:
            record = to_object_record(record)
    mapping = to_engagement(layout.name, record, portal_id, partner_types)
    return Engagement.from_mapping(mapping)
