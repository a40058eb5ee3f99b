"""What each stream is, as data: name, key, replication key, schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parent / "schemas"


@dataclass(frozen=True)
class Stream:
    """
    One kind of record.

    `unselected` are the properties that a catalog has to select to have them replicated.
    """

    tap_stream_id: str
    key_properties: tuple[str, ...]
    replication_method: str
    replication_key: str
    unselected: frozenset[str] = frozenset()

    @property
    def automatic(self) -> frozenset[str]:
        """The properties that are always replicated."""
        return frozenset((*self.key_properties, self.replication_key))

    @property
    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema of the stream's records."""
        return _read_schema(self.tap_stream_id)


ENGAGEMENTS = Stream(
    tap_stream_id="engagements",
    key_properties=("id",),
    replication_method="INCREMENTAL",
    replication_key="lastUpdated",
    unselected=frozenset({"metadata"}),
)
STREAMS = {stream.tap_stream_id: stream for stream in (ENGAGEMENTS,)}


@cache
def _read_schema(tap_stream_id: str) -> Mapping[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{tap_stream_id}.json").read_text("utf-8"))
    return schema
