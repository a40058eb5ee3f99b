"""Generates Singer messages: a stream of twelve columns, and a wide stream of twenty-five."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

INTEGER = {"type": ["null", "integer"]}
TEXT = {"type": ["null", "string"]}
INTEGERS = "id portalId createdAt lastUpdated createdBy modifiedBy timestamp ownerId".split()
NARROW: Mapping[str, Any] = {
    **dict.fromkeys(INTEGERS, INTEGER),
    "id": {"type": "integer"},
    "active": {"type": ["null", "boolean"]},
    **dict.fromkeys(("type", "uid", "source"), TEXT),
}
WIDE: Mapping[str, Any] = {
    **NARROW,
    **dict.fromkeys((f"n{number}" for number in range(10)), INTEGER),
    "body": TEXT,
    "html": TEXT,
    "metadata": {"type": ["null", "object"]},
}
STREAM = "engagements"
LONG_TEXT = ("Called, and agreed on a date; ü, 漢, “quoted”. " * 12)[:500]
TYPES = ("NOTE", "EMAIL", "TASK", "CALL", "MEETING")
A_STATE_EVERY = 1000
FIRST_ID = 29_090_000_000
FIRST_MS = 1_500_000_000_000


def schema_message(properties: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": dict(properties)}
    return {"type": "SCHEMA", "stream": STREAM, "schema": schema, "key_properties": ["id"]}


def narrow_lines(records: int, change: int) -> Iterator[bytes]:
    """Yield a SCHEMA, `records` RECORDs of about 420 bytes, and a STATE after each thousand."""
    yield json.dumps(schema_message(NARROW)).encode() + b"\n"
    for number in range(records):
        yield b'{"type":"RECORD","stream":"engagements","record":{%b},%b\n' % (
            narrow_record(number, change),
            b'"time_extracted":"2026-01-01T00:00:00.000000Z"}',
        )
        yield from states(number)


def wide_lines(records: int, change: int) -> Iterator[bytes]:
    """Yield narrow lines with ten more integers, two texts of 500 characters and an object."""
    yield json.dumps(schema_message(WIDE)).encode() + b"\n"
    integers = b",".join(b'"n%d":%d' % (one, 1_000_003 * one) for one in range(10))
    text = json.dumps(LONG_TEXT, ensure_ascii=False).encode()
    for number in range(records):
        yield (
            b'{"type":"RECORD","stream":"engagements","record":{%b,%b,"body":%b,"html":%b,'
            b'"metadata":{"status":"COMPLETED","durationMilliseconds":%d,"to":["+49 221 %d"]}},'
            b'"time_extracted":"2026-01-01T00:00:00.000000Z"}\n'
        ) % (narrow_record(number, change), integers, text, text, 1000 + number, number)
        yield from states(number)


def narrow_record(number: int, change: int) -> bytes:
    at_ms = FIRST_MS + 1000 * number
    return (
        b'"id":%d,"portalId":62515,"createdAt":%d,"lastUpdated":%d,"createdBy":215482,'
        b'"modifiedBy":215482,"timestamp":%d,"ownerId":%d,"active":true,"type":"%b",'
        b'"uid":"engagement:%032d","source":"CRM_UI_BULK_ACTION"'
    ) % (
        FIRST_ID + 7 * number,
        at_ms,
        at_ms + change,
        at_ms,
        number % 97,
        TYPES[number % len(TYPES)].encode(),
        number,
    )


def states(number: int) -> Iterator[bytes]:
    if number % A_STATE_EVERY == A_STATE_EVERY - 1:
        yield b'{"type":"STATE","value":{"reached":%d}}\n' % number


def write(path: Path, lines: Iterator[bytes]) -> Path:
    with path.open("wb") as file:
        file.writelines(lines)
    return path
