"""
Parses Singer messages; errors name the line.

Millions of RECORD lines are recognized by their prefix and decoded in rows/. This module parses all
other lines.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

from target_mysql.exceptions import InputError
from target_mysql.rows.json_codec import parse_json
from target_mysql.tables.columns import BIGINT_MAX, BIGINT_MIN
from target_mysql.tables.identifiers import refuse_surrogates

# Position from which to search the comma after the stream's name, past that after the type.
STREAM_NAME_START = len('{"type": "RECORD",')


@dataclass(frozen=True)
class SchemaMessage:
    stream: str
    schema: dict[str, Any] = field(repr=False)
    key_properties: tuple[str, ...]


@dataclass(frozen=True)
class StateMessage:
    """A STATE; `value` is the unchanged JSON text."""

    value: bytes


@dataclass(frozen=True)
class ActivateVersionMessage:
    stream: str
    version: int


@dataclass(frozen=True)
class RecordMessage:
    """A RECORD line with an unusual prefix."""

    stream: str


Message = SchemaMessage | StateMessage | ActivateVersionMessage | RecordMessage


def record_prefixes(stream: str) -> tuple[bytes, ...]:
    """
    Return the usual prefixes of a RECORD line of `stream`, up to the comma after the stream's name.

    Compact encoders and Python's json write them, with and without escapes.
    """
    names = {msgspec.json.encode(stream), json.dumps(stream).encode()}
    return tuple(
        begin + name
        for name in sorted(names)
        for begin in (b'{"type":"RECORD","stream":', b'{"type": "RECORD", "stream": ')
    )


def record_prefix(line: bytes) -> bytes:
    """Return the part of a line that `record_prefixes` may contain."""
    return line[: line.find(b",", STREAM_NAME_START)]


def parse_message(line: bytes, number: int) -> Message | None:
    """
    Return the message of a line, None for an empty line.

    Raises InputError for a line that is not a Singer message.
    """
    if not line.strip():
        return None
    try:
        message = parse_json(line)
    except ValueError as error:
        raise InputError(f"not JSON: {error}", line=number) from error
    if not isinstance(message, dict):
        raise InputError("not a JSON object", line=number)
    kind = message.get("type")
    try:
        if kind == "STATE":
            return StateMessage(_value_as_it_came(line, message))
        if kind == "SCHEMA":
            return _schema_message(message)
        if kind == "ACTIVATE_VERSION":
            version = _integer(message, "version")
            if not BIGINT_MIN <= version <= BIGINT_MAX:
                raise ValueError("version is beyond BIGINT")
            return ActivateVersionMessage(_text(message, "stream"), version)
        if kind == "RECORD":
            return RecordMessage(_text(message, "stream"))
    except ValueError as error:
        raise InputError(f"{kind} message: {error}", line=number) from error
    raise InputError(f"unknown message type {kind!r}", line=number)


class _State(msgspec.Struct):
    value: msgspec.Raw


def _value_as_it_came(line: bytes, message: dict[str, Any]) -> bytes:
    if "value" not in message:
        raise ValueError("needs a value")
    try:
        return bytes(msgspec.json.decode(line, type=_State).value)
    except (msgspec.MsgspecError, RecursionError):
        # It has a lone surrogate, which Python's own reader and writer let pass.
        return json.dumps(json.loads(line)["value"]).encode()


def _schema_message(message: dict[str, Any]) -> SchemaMessage:
    stream = _text(message, "stream")
    refuse_surrogates(stream)
    schema = message.get("schema")
    key = message.get("key_properties")
    if not isinstance(schema, dict):
        raise ValueError(f"stream {stream}: schema must be an object")
    # A tap without keys may leave them out or send null.
    key = [] if key is None else key
    if not isinstance(key, list) or not all(isinstance(name, str) for name in key):
        raise ValueError(f"stream {stream}: key_properties must be a list of names")
    return SchemaMessage(stream, schema, tuple(dict.fromkeys(key)))


def _text(message: dict[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string")
    return value


def _integer(message: dict[str, Any], name: str) -> int:
    value = message.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be an integer")
    return value
