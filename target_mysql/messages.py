"""
Lines to messages; the line's number in every error.

RECORD lines, of which there are millions, are known by how they begin and decoded in rows.py;
what is here reads the rest.
"""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import json
import os
import select
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import msgspec

from target_mysql.exceptions import InputError
from target_mysql.rows.values import parse_json
from target_mysql.tables.columns import BIGINT_MAX, BIGINT_MIN
from target_mysql.tables.table import refuse_surrogates

READ_SIZE = 1024 * 1024  # bytes; also how much a pipe is to hold, where Linux has it 64 KiB
# Where to look for the comma after the stream's name, past the one after the type.
STREAM_NAME_START = len('{"type": "RECORD",')


@dataclass(frozen=True)
class SchemaMessage:
    stream: str
    schema: dict[str, Any] = field(repr=False)
    key_properties: tuple[str, ...]


@dataclass(frozen=True)
class StateMessage:
    """A STATE; `value` is its JSON as it came."""

    value: bytes


@dataclass(frozen=True)
class ActivateVersionMessage:
    stream: str
    version: int


@dataclass(frozen=True)
class RecordMessage:
    """A RECORD that does not begin in one of the usual ways."""

    stream: str


Message = SchemaMessage | StateMessage | ActivateVersionMessage | RecordMessage


def record_prefixes(stream: str) -> tuple[bytes, ...]:
    """
    Return how a RECORD line of `stream` begins, up to the comma after the stream's name.

    The ways are those of compact encoders and of Python's json, with and without escapes.
    """
    names = {msgspec.json.encode(stream), json.dumps(stream).encode()}
    return tuple(
        begin + name
        for name in sorted(names)
        for begin in (b'{"type":"RECORD","stream":', b'{"type": "RECORD", "stream": ')
    )


def record_prefix(line: bytes) -> bytes:
    """Return what of a line `record_prefixes` may hold."""
    return line[: line.find(b",", STREAM_NAME_START)]


def read_lines(descriptor: int, tick_s: float) -> Iterator[list[bytes]]:
    """
    Yield the lines that are there, without their ends; none after `tick_s` seconds of silence.

    So what must happen in time happens while the tap is silent, too.
    """
    # So that the tap goes on while a batch is handed over. Not a pipe, or not allowed: no matter.
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, READ_SIZE)
    rest: list[bytes] = []
    is_first = True
    while True:
        ready, _, _ = select.select([descriptor], [], [], tick_s)
        if not ready:
            yield []
            continue
        data = os.read(descriptor, READ_SIZE)
        if not data:
            break
        if is_first:
            # Of programs on Windows; a pipe that gives less than its three bytes at once is not
            # worth another branch.
            data, is_first = data.removeprefix(codecs.BOM_UTF8), False
        # A line of many MB comes in many pieces: join them once, at its end.
        first, *lines = data.split(b"\n")
        rest.append(first)
        if lines:
            yield [b"".join(rest), *lines[:-1]]
            rest = [lines[-1]]
    if last := b"".join(rest):
        yield [last]


def write_whole(out: BinaryIO, data: bytes) -> None:
    """
    Write all of `data`; raises OSError.

    An unbuffered stream may take only a part, or nothing where it does not block.
    """
    rest, is_flushed = memoryview(data), False
    while not is_flushed:
        try:
            rest = rest[out.write(rest) or 0 :]
            if not rest:
                out.flush()
                is_flushed = True
        except BlockingIOError as error:
            rest = rest[error.characters_written :]
        if not is_flushed:
            select.select([], [out], [])


def parse_message(line: bytes, number: int) -> Message | None:
    """
    Return the message of a line, None of an empty one.

    Raises InputError for what is no Singer message.
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
