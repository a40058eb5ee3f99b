"""Reads from a catalog which streams and properties are chosen."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tap_hubspot_engagements.exceptions import ConfigError
from tap_hubspot_engagements.shortcut import Shortcut, to_shortcut
from tap_hubspot_engagements.streams import STREAMS, Stream

LOGGER = logging.getLogger(__name__)

ROOT = ()  # the breadcrumb of the stream itself


@dataclass(frozen=True)
class Selection:
    """A stream to replicate, and its chosen properties in the schema's order."""

    stream: Stream
    properties: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether every property is chosen."""
        return len(self.properties) == len(self.stream.schema["properties"])

    @cached_property
    def shortcut(self) -> Shortcut | None:
        """The quick way to the records of these properties, where there is one."""
        return to_shortcut(self.stream.tap_stream_id, self.properties, whole=self.whole)

    def schema(self, parent_selected: bool, source: str | None = None) -> dict[str, Any]:
        """
        Return the stream's JSON Schema with the chosen properties alone.

        With its parent selected too, `x-parent` says whose records these come and go with;
        `x-source` names the `source` that the records are from.
        """
        schema = self.stream.schema
        chosen = {name: schema["properties"][name] for name in self.properties}
        chosen_schema = {**schema, "properties": chosen}
        if self.stream.parent and parent_selected:
            keys = {"engagementId": "id"}
            chosen_schema["x-parent"] = {"stream": self.stream.parent, "keys": keys}
        if source:
            chosen_schema["x-source"] = source
        return chosen_schema


def default_selection() -> list[Selection]:
    """Return what the discovered catalog selects."""
    chosen = [stream for stream in STREAMS.values() if stream.selected]
    return [Selection(stream, _selected_properties(stream, {})) for stream in chosen]


def read_selection(catalog: Mapping[str, Any]) -> list[Selection]:
    """
    Return what a catalog, as parsed JSON, selects.

    Raises ConfigError where it is no catalog, names a stream that is not known, or selects none.
    """
    entries = catalog.get("streams")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError("catalog: must hold a list of streams")
    names = {str(entry.get("tap_stream_id", entry.get("stream"))): entry for entry in entries}
    unknown = [name for name in names if name not in STREAMS]
    if unknown:
        known = ", ".join(STREAMS)
        raise ConfigError(f"catalog: unknown stream {', '.join(unknown)}; there are {known}")
    selections = [
        Selection(stream, _selected_properties(stream, fields))
        for name, stream in STREAMS.items()
        if name in names and _is_selected(fields := _fields(names[name]), ROOT, default=False)
    ]
    if not selections:
        raise ConfigError(
            'catalog: selects no stream; set "selected": true in a stream\'s metadata'
        )
    return selections


def _fields(entry: Mapping[str, Any]) -> dict[Any, Any]:
    """Return a catalog entry's metadata by breadcrumb; a plain `selected` counts for the stream."""
    try:
        fields = {
            tuple(one["breadcrumb"]): dict(one["metadata"]) for one in entry.get("metadata") or []
        }
    except (KeyError, TypeError, ValueError) as error:
        name = entry.get("tap_stream_id")
        raise ConfigError(f"catalog: the metadata of {name} cannot be read: {error!r}") from error
    # The way of older catalogs, which --properties takes.
    if "selected" in entry and "selected" not in fields.get(ROOT, {}):
        fields[ROOT] = {**fields.get(ROOT, {}), "selected": entry["selected"]}
    return fields


def _is_selected(fields: Mapping[Any, Any], at: tuple[str, ...], default: bool) -> bool:
    here = fields.get(at, {})
    if here.get("selected") is not None:
        return bool(here["selected"])
    return bool(here.get("selected-by-default", default))


def _selected_properties(stream: Stream, fields: Mapping[Any, Any]) -> tuple[str, ...]:
    for name in sorted(stream.automatic):
        if fields.get(("properties", name), {}).get("selected") is False:
            LOGGER.warning(
                "catalog: %s of %s cannot be deselected: it is replicated all the same",
                name,
                stream.tap_stream_id,
            )
    return tuple(
        name
        for name in stream.schema["properties"]
        if name in stream.automatic
        or _is_selected(fields, ("properties", name), default=name not in stream.unselected)
    )
