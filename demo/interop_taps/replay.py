"""The content of a table after a tap's messages, by Singer's rules alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from demo.interop_taps.values import parse_json

DELETED_AT = "_sdc_deleted_at"


@dataclass
class Replay:
    """
    The rows of a stream, by `id`, after the messages so far.

    `schema` holds the latest schema of each property, `state` the value of the latest STATE.
    `versions` holds the version of each row, 0 without a version.
    """

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    deletions: set[str] = field(default_factory=set)
    schema: dict[str, Any] = field(default_factory=dict)
    key: list[str] = field(default_factory=list)
    state: Any = None
    stream: str = ""
    versions: dict[str, int] = field(default_factory=dict)

    def read(self, lines: Iterable[str]) -> None:
        """Apply messages, as lines of JSON."""
        for line in lines:
            message = parse_json(line)
            if message["type"] == "SCHEMA":
                self.stream, self.key = message["stream"], message["key_properties"]
                self.schema |= message["schema"]["properties"]
            elif message["type"] == "RECORD":
                self._upsert(message["record"], int(message.get("version") or 0))
            elif message["type"] == "ACTIVATE_VERSION":
                self._delete_older(int(message["version"]))
            elif message["type"] == "STATE":
                self.state = message["value"]

    @property
    def live(self) -> dict[str, dict[str, Any]]:
        """The rows that are not deleted."""
        return {key: row for key, row in self.rows.items() if key not in self.deletions}

    def _upsert(self, record: dict[str, Any], version: int) -> None:
        key = str(record["id"])
        self.rows.setdefault(key, {}).update(record)
        self.versions[key] = version
        is_deleted = record.get(DELETED_AT) is not None
        (self.deletions.add if is_deleted else self.deletions.discard)(key)

    def _delete_older(self, version: int) -> None:
        self.deletions |= {key for key, one in self.versions.items() if one < version}
