"""
Singer messages as lines of bytes, the one door to stdout.

Written without singer-python: its way with records costs some twenty times as much and changes
values, and to import it takes longer than a small sync.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from datetime import datetime
from typing import Any, BinaryIO, cast

from tap_hubspot_engagements.exceptions import OutputError
from tap_hubspot_engagements.json_text import to_json
from tap_hubspot_engagements.selection import Selection
from tap_hubspot_engagements.state import State, to_rfc3339


def write_all(out: BinaryIO, data: bytes) -> None:
    """
    Write all of `data`; raises OSError where that cannot be done.

    A file without a buffer, which stdout is under PYTHONUNBUFFERED, may take a part, or nothing
    where it does not block and its reader is slow.
    """
    rest = memoryview(data)
    while rest:
        written = cast("int | None", out.write(rest))
        if written is None:
            select.select((), (out,), ())
        else:
            rest = rest[written:]


class Messages:
    """
    Writes messages to `out`, best a file without a buffer.

    Raises OutputError when nobody reads them any more.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write_schema(
        self, selection: Selection, parent_selected: bool, source: str | None = None
    ) -> None:
        stream = selection.stream
        message = {
            "type": "SCHEMA",
            "stream": stream.tap_stream_id,
            "schema": selection.schema(parent_selected, source),
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
        """Write a page's records, each of them JSON, in one go."""
        begin = b'{"type":"RECORD","stream":%b,"record":' % to_json(stream)
        end = b',"time_extracted":%b,"version":%d}\n' % (
            to_json(to_rfc3339(time_extracted)),
            version,
        )
        lines = [*records]
        if lines:
            lines[0] = begin + lines[0]
            lines[-1] += end
            self._write((end + begin).join(lines))

    def write_activate_version(self, stream: str, version: int) -> None:
        """Say that whatever of `stream` has an older version is gone."""
        self._write_message({"type": "ACTIVATE_VERSION", "stream": stream, "version": version})

    def write_state(self, state: State) -> None:
        """Write a STATE, and see all before it on its way."""
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
