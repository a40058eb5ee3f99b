"""Turns engagements and objects into serialized records of a stream. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from hubspot_api.json_codec import to_json
from tap_hubspot_engagements.engagement import Engagement, FastPath
from tap_hubspot_engagements.records import TypeMismatches, keep_properties
from tap_hubspot_engagements.selection import Selection
from tap_hubspot_engagements.times import utc_to_ms


def to_lines(
    selection: Selection,
    fast_path: FastPath | None,
    engagements: Iterable[Engagement],
) -> tuple[list[bytes], TypeMismatches]:
    """
    Return the serialized records of a stream, in the order of their engagements.

    An engagement without a fast path, or refused by it, takes the fallback of records.py. Only
    there are type mismatches.
    """
    to_records, properties = selection.stream.to_records, selection.properties
    lines: list[bytes] = []
    mismatches: list[str] = []
    for engagement in engagements:
        fast = fast_path(engagement) if fast_path and engagement.has_fast_path else None
        if fast is None:
            records, more = to_records(engagement.whole)
            lines += [to_json(keep_properties(record, properties)) for record in records]
            mismatches += more
        else:
            lines += fast
    return lines, mismatches


def updated_since(
    start_date: datetime | None, engagements: Sequence[Engagement]
) -> Sequence[Engagement]:
    """Return the engagements that were updated from `start_date` on, or at an unknown time."""
    if start_date is None:
        return engagements
    start_ms = utc_to_ms(start_date)
    return [
        engagement
        for engagement in engagements
        if engagement.last_updated_ms is None or engagement.last_updated_ms >= start_ms
    ]
