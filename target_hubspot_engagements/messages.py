"""
Parses Singer messages; errors name the line.

A RECORD's JSON stays bytes: most records of a run are unchanged, which a hash tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from hubspot_api.json_codec import parse_json, to_json
from target_hubspot_engagements.exceptions import InputError

MAX_VERSION = 2**63 - 1


class RecordMessage(NamedTuple):
    """A RECORD; `record` is the JSON, `version` the version of the stream's table."""

    stream: str
    record: bytes
    version: int | None


class SchemaMessage(NamedTuple):
    stream: str
    properties: tuple[str, ...]
    key_properties: tuple[str, ...]


class StateMessage(NamedTuple):
    """A STATE; `value` is the JSON, unchanged."""

    value: bytes


class ActivateVersionMessage(NamedTuple):
    stream: str
    version: int


Message = RecordMessage | SchemaMessage | StateMessage | ActivateVersionMessage


class _Line(msgspec.Struct, gc=False):
    type: str
    stream: str | None = None
    record: msgspec.Raw = msgspec.Raw()
    value: msgspec.Raw = msgspec.Raw()
    version: int | None = None
    schema: msgspec.Raw = msgspec.Raw()
    key_properties: list[str] | None = None


_decode = msgspec.json.Decoder(_Line).decode


def parse_message(text: bytes, number: int) -> Message | None:
    """
    Return the message of line `number`, None for an empty line.

    Raises InputError for a line that is not a Singer message.
    """
    if not text.strip():
        return None
    try:
        line = _decode(text)
        return _to_message(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _parse_unusual(text, number)
    except ValueError as error:
        raise InputError(f"line {number}: {error}") from error


def _parse_unusual(text: bytes, number: int) -> Message | None:
    """Parse a line whose JSON msgspec refuses, such as lone surrogates, NaN or deep nesting."""
    try:
        value = parse_json(text)
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")
        return _to_message(_decode(to_json(value)))
    except ValueError as error:
        raise InputError(f"line {number}: not a Singer message: {error}") from error


def _to_message(line: _Line) -> Message:
    if line.type == "STATE":
        if not bytes(line.value):
            raise ValueError("STATE without a value")
        return StateMessage(bytes(line.value))
    if line.type not in ("RECORD", "SCHEMA", "ACTIVATE_VERSION"):
        raise ValueError(f"unknown message type {line.type!r}")
    if line.stream is None:
        raise ValueError(f"{line.type} without a stream")
    if abs(line.version or 0) > MAX_VERSION:
        raise ValueError(f"version {line.version} has more than 64 bits")
    if line.type == "RECORD":
        record = bytes(line.record)
        if record[:1] != b"{":
            raise ValueError("RECORD without an object")
        return RecordMessage(line.stream, record, line.version)
    if line.type == "SCHEMA":
        return _to_schema(line.stream, line)
    if line.version is None:
        raise ValueError("ACTIVATE_VERSION without a version")
    return ActivateVersionMessage(line.stream, line.version)


def _to_schema(stream: str, line: _Line) -> SchemaMessage:
    schema: Any = parse_json(bytes(line.schema) or b"{}")
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        raise ValueError(f"SCHEMA of {stream} without properties")
    if not line.key_properties:
        raise ValueError(
            f"stream {stream}: no key_properties: the key tells which engagement a record is"
        )
    return SchemaMessage(stream, tuple(properties), tuple(line.key_properties))
