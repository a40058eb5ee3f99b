"""Reads from a catalog which streams and properties are chosen."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zlib import crc32

from tap_hubspot_engagements.exceptions import ConfigError
from tap_hubspot_engagements.json_text import to_json
from tap_hubspot_engagements.shortcut import Shortcut, to_shortcut
from tap_hubspot_engagements.streams import FULL_TABLE, INCREMENTAL, STREAMS, Stream

LOGGER = logging.getLogger(__name__)

ROOT = ()  # the breadcrumb of the stream itself
METHOD = "replication-method"

Mark = tuple[str, ...]
"""A stream's name, a hash of its schema's properties, and those that are not selected."""


@dataclass(frozen=True)
class Selection:
    """A stream to replicate, and its chosen properties in the schema's order."""

    stream: Stream
    properties: tuple[str, ...]
    full_table: bool = False  # the catalog wants everything read in each run

    @property
    def mark(self) -> Mark:
        """What the state keeps, to notice what is selected later."""
        known = list(self.stream.schema["properties"])
        deselected = (name for name in known if name not in self.properties)
        return (self.stream.tap_stream_id, f"{crc32(to_json(known)):08x}", *deselected)

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


def newly_selected(before: Iterable[Mark], now: Iterable[Mark]) -> list[str]:
    """Return the streams and properties of `now` that were not selected before."""
    known = {name: rest for name, *rest in before}
    added: list[str] = []
    for stream, schema, *deselected in now:
        if stream not in known or known[stream][0] != schema:
            added.append(stream)
        else:
            added += [f"{stream}.{one}" for one in known[stream][1:] if one not in deselected]
    return added


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
        Selection(stream, _selected_properties(stream, fields), _wants_full_table(stream, fields))
        for name, stream in STREAMS.items()
        if name in names and _is_selected(fields := _fields(names[name]), ROOT, default=False)
    ]
    _warn_of_missing_parents(selections)
    if not selections:
        raise ConfigError(
            'catalog: selects no stream; set "selected": true in a stream\'s metadata'
        )
    return selections


def _warn_of_missing_parents(selections: Sequence[Selection]) -> None:
    names = {one.stream.tap_stream_id for one in selections}
    orphans = [one.stream for one in selections if one.stream.parent not in (None, *names)]
    for parent in sorted({str(stream.parent) for stream in orphans}):
        LOGGER.warning(
            "catalog: %s without %s: rows that HubSpot removes from an engagement stay until the"
            " next full pass; select %s, too",
            ", ".join(one.tap_stream_id for one in orphans if one.parent == parent),
            parent,
            parent,
        )


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
    fields.setdefault(ROOT, {}).setdefault(METHOD, entry.get("replication_method"))
    return fields


def _is_selected(fields: Mapping[Any, Any], at: tuple[str, ...], default: bool) -> bool:
    here = fields.get(at, {})
    for key in ("selected", "selected-by-default"):
        if here.get(key) is not None:
            return _truth(here[key], key, at)
    return default


def _truth(value: object, key: str, at: tuple[str, ...]) -> bool:
    """Return a boolean of the catalog, which some tools write as text."""
    known = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in known:
        return known[value.strip().lower()]
    where = ".".join(at) or "a stream"
    raise ConfigError(f"catalog: {key} of {where} must be true or false, not {value!r}")


def _wants_full_table(stream: Stream, fields: Mapping[Any, Any]) -> bool:
    """Tell whether the catalog wants the whole stream in each run; ConfigError for no method."""
    method = fields.get(ROOT, {}).get(METHOD) or stream.replication_method
    if method not in (INCREMENTAL, FULL_TABLE):
        raise ConfigError(
            f"catalog: {METHOD} of {stream.tap_stream_id} must be"
            f" {INCREMENTAL} or {FULL_TABLE}, not {method!r}"
        )
    if method != stream.replication_method == FULL_TABLE:
        LOGGER.warning("catalog: %s is always replicated whole", stream.tap_stream_id)
    return bool(method == FULL_TABLE)


def _selected_properties(stream: Stream, fields: Mapping[Any, Any]) -> tuple[str, ...]:
    for at in fields:
        # What lies deeper than a property is selected with it.
        if at[:1] == ("properties",) and not stream.schema["properties"].keys() & {*at[1:2]}:
            LOGGER.warning("catalog: %s has no %s", stream.tap_stream_id, ".".join(map(str, at)))
    for name in sorted(stream.automatic):
        if not _is_selected(fields, ("properties", name), default=True):
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
