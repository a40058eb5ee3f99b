"""A target in plain Python: tables by Singer's rules and `x-parent`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

Key = tuple[Any, ...]
Row = dict[str, Any]


class ModelTarget:
    """Tables by stream, rows by key; `state` is the last whose records are all in the tables."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Key, Row]] = {}
        self.state: dict[str, Any] | None = None
        self._keys: dict[str, list[str]] = {}
        self._parents: dict[str, tuple[str, str]] = {}
        self._versions: dict[tuple[str, Key], int] = {}

    def load(self, lines: Iterable[bytes]) -> None:
        """
        Load the lines of a run, without an incomplete line at the end.

        Like a process of a target, a load knows only the child streams of its own SCHEMAs.
        """
        self._parents.clear()
        for line in lines:
            if line.endswith(b"\n"):
                self._handle_message(json.loads(line))

    def _handle_message(self, message: Row) -> None:
        stream = message.get("stream", "")
        if message["type"] == "SCHEMA":
            self._keys[stream] = message["key_properties"]
            self.tables.setdefault(stream, {})
            if parent := message["schema"].get("x-parent"):
                ((ours, theirs),) = parent["keys"].items()
                assert theirs == "id"
                self._parents[stream] = (parent["stream"], ours)
        elif message["type"] == "RECORD":
            self._take_record(stream, message["record"], message.get("version"))
        elif message["type"] == "ACTIVATE_VERSION":
            older = [
                key
                for key in self.tables[stream]
                if self._versions[stream, key] < message["version"]
            ]
            for key in older:
                del self.tables[stream][key]
        else:
            assert message["type"] == "STATE"
            self.state = message["value"]

    def _take_record(self, stream: str, record: Row, version: int) -> None:
        key = tuple(record[name] for name in self._keys[stream])
        assert None not in key
        if record.get("_sdc_deleted_at"):
            self.tables[stream].pop(key, None)
        else:
            self.tables[stream][key] = record
        self._versions[stream, key] = version
        for child, (parent, ours) in self._parents.items():
            if parent == stream:
                rows = self.tables[child]
                for missing in [one for one, row in rows.items() if row[ours] == record["id"]]:
                    del rows[missing]
