"""
Serializes Singer messages to lines of bytes; the only writer to stdout.

Own code instead of singer-python's: that takes some twenty times as long for a record, changes
values, and takes longer to import than a small sync.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from datetime import datetime
from typing import Any, BinaryIO, cast

from hubspot_api.json_codec import to_json
from tap_hubspot_engagements.exceptions import OutputError
from tap_hubspot_engagements.selection import Selection
from tap_hubspot_engagements.state import State
from tap_hubspot_engagements.times import to_rfc3339


def write_all(out: BinaryIO, data: bytes) -> None:
    """
    Write all of `data`; raise OSError if that fails.

    An unbuffered file, which stdout is under PYTHONUNBUFFERED, may accept a part of the data. A
    non-blocking one whose reader is slow may accept nothing.
    """
    rest = memoryview(data)
    while rest:
        count = cast("int | None", out.write(rest))
        if count is None:
            select.select((), (out,), ())
        else:
            rest = rest[count:]


class Messages:
    """
    Writes messages to `out`, preferably an unbuffered file.

    Raises OutputError when the reader of `out` is gone.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write_schema(
        self, selection: Selection, is_parent_selected: bool, source: str | None = None
    ) -> None:
        """Write a SCHEMA message with `source` as `x-source`."""
        stream = selection.stream
        message = {
            "type": "SCHEMA",
            "stream": stream.tap_stream_id,
            "schema": selection.schema(is_parent_selected, source),
            "key_properties": stream.key_properties,
        }
        if stream.replication_key:
            message["bookmark_properties"] = [stream.replication_key]
        self._write_message(message)

    def write_records(
        self,
        stream: str,
        records: Sequence[bytes],
        time_extracted: datetime,
        version: int,
    ) -> None:
        """Write a page's records, each a serialized JSON object, in one call."""
        start = b'{"type":"RECORD","stream":%b,"record":' % to_json(stream)
        end = b',"time_extracted":%b,"version":%d}\n' % (
            to_json(to_rfc3339(time_extracted)),
            version,
        )
        lines = [*records]
        if lines:
            lines[0] = start + lines[0]
            lines[-1] += end
            self._write((end + start).join(lines))

    def write_activate_version(self, stream: str, version: int) -> None:
        """Tell the target that records of `stream` with an older version are deleted."""
        self._write_message({"type": "ACTIVATE_VERSION", "stream": stream, "version": version})

    def write_state(self, state: State) -> None:
        """Write a STATE message, and flush all messages so far."""
        self._write_message({"type": "STATE", "value": state})
        try:
            self._out.flush()
        except OSError as error:
            raise OutputError(f"cannot write: {error}: see what the target says") from error

    def _write_message(self, message: dict[str, Any]) -> None:
        self._write(to_json(message) + b"\n")

    def _write(self, lines: bytes) -> None:
        try:
            write_all(self._out, lines)
        except OSError as error:
            raise OutputError(f"cannot write: {error}: see what the target says") from error
