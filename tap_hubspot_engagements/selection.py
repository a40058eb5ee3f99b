"""Reads from a catalog which streams and properties are selected."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from hubspot_api.json_codec import to_json
from tap_hubspot_engagements.exceptions import ConfigError
from tap_hubspot_engagements.objects.object_types import to_schema
from tap_hubspot_engagements.streams import FULL_TABLE, INCREMENTAL, STREAMS, Stream, object_stream

LOGGER = logging.getLogger(__name__)

ROOT = ()  # the breadcrumb of the stream itself
METHOD = "replication-method"

Mark = tuple[str, ...]
"""A stream's name, a hash of its schema's properties, and the deselected ones."""

Fields = Mapping[Any, Mapping[str, Any]]
"""A catalog entry's metadata by breadcrumb."""


DELETED_AT = "_sdc_deleted_at"
"""The property that flags a record as deleted, by a convention of Singer's targets."""


@dataclass(frozen=True)
class Selection:
    """
    A stream to replicate, and the selected properties in the schema's order.

    With `full_table` the catalog wants a full pass in each run.
    """

    stream: Stream
    properties: tuple[str, ...]
    full_table: bool = False

    @property
    def mark(self) -> Mark:
        """The state's note of the selection, to notice later selections."""
        names = list(self.stream.schema["properties"])
        if self.stream.object_type:
            # The portal's properties may be more at each discovery: only the selected ones count.
            return (self.stream.tap_stream_id, *sorted(self.properties))
        deselected = (name for name in names if name not in self.properties)
        return (self.stream.tap_stream_id, f"{crc32(to_json(names)):08x}", *deselected)

    @property
    def has_all_properties(self) -> bool:
        """Whether no property is deselected."""
        return len(self.properties) == len(self.stream.schema["properties"])

    def schema(self, is_parent_selected: bool, source: str | None = None) -> dict[str, Any]:
        """
        Return the stream's JSON Schema with the selected properties alone.

        Records of deleted engagements have DELETED_AT in addition.
        If the parent is selected, too, `x-parent` names the stream that these records come and go
        with. `x-source` names the `source` of the records.
        """
        schema = self.stream.schema
        properties = {name: schema["properties"][name] for name in self.properties}
        if self.stream.read is None:
            properties[DELETED_AT] = {"type": ["null", "string"], "format": "date-time"}
        selected = {**schema, "properties": properties}
        if self.stream.parent and is_parent_selected:
            keys = {self.stream.parent_key: "id"}
            selected["x-parent"] = {"stream": self.stream.parent, "keys": keys}
        if source:
            selected["x-source"] = source
        return selected


def newly_selected(before: Iterable[Mark], now: Iterable[Mark]) -> list[str]:
    """Return the streams and properties of `now` that were not selected before."""
    earlier = {name: rest for name, *rest in before}
    added: list[str] = []
    for stream, schema, *deselected in now:
        if stream not in earlier or earlier[stream][0] != schema:
            added.append(stream)
        else:
            added += [f"{stream}.{name}" for name in earlier[stream][1:] if name not in deselected]
    return added


def default_selection() -> list[Selection]:
    """Return the selection of the discovered catalog."""
    streams = [stream for stream in STREAMS.values() if stream.selected]
    return [Selection(stream, _selected_properties(stream, {})) for stream in streams]


def read_selection(
    catalog: Mapping[str, Any], streams: Mapping[str, Stream] = STREAMS
) -> list[Selection]:
    """
    Return the selection of a catalog, which is parsed JSON.

    Raises ConfigError for anything but a catalog, for an unknown stream, and for an empty
    selection.
    """
    entries = _read_entries(catalog)
    unknown = [name for name in entries if name not in streams]
    if unknown:
        names_of_all = ", ".join(streams)
        raise ConfigError(f"catalog: unknown stream {', '.join(unknown)}; there are {names_of_all}")
    selections = [
        _read_stream(stream, entries[name], fields)
        for name, stream in streams.items()
        if name in entries and _is_selected(fields := _read_fields(entries[name]), ROOT, False)
    ]
    _warn_of_missing_parents(selections)
    if not selections:
        raise ConfigError(
            'catalog: selects no stream; set "selected": true in a stream\'s metadata'
        )
    return selections


def read_properties(catalog: Mapping[str, Any] | None, stream: Stream) -> Selection:
    """Return the properties that a catalog selects of an object stream, selected or not."""
    entry = _read_entries(catalog).get(stream.tap_stream_id) if catalog else None
    return _read_stream(stream, entry or {}, _read_fields(entry or {}))


def _read_entries(catalog: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    entries = catalog.get("streams")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError("catalog: must hold a list of streams")
    return {str(entry.get("tap_stream_id", entry.get("stream"))): entry for entry in entries}


def _read_stream(stream: Stream, entry: Mapping[str, Any], fields: Fields) -> Selection:
    """Return the selection of a stream; the catalog has the portal's own properties of objects."""
    if stream.object_type:
        schema = entry.get("schema")
        listed = schema.get("properties") if isinstance(schema, Mapping) else None
        own = {name: to_schema(one) for name, one in (listed or {}).items()}
        shipped = stream.schema["properties"]
        stream = object_stream(
            stream.tap_stream_id, {name: one for name, one in own.items() if name not in shipped}
        )
    full_table = _wants_full_table(stream, fields)
    return Selection(stream, _selected_properties(stream, fields), full_table)


def _warn_of_missing_parents(selections: Sequence[Selection]) -> None:
    names = {selection.stream.tap_stream_id for selection in selections}
    orphans = [
        selection.stream
        for selection in selections
        if selection.stream.parent not in (None, *names)
    ]
    for parent in sorted({str(stream.parent) for stream in orphans}):
        LOGGER.warning(
            "catalog: %s without %s: rows that HubSpot removes from an engagement stay until the"
            " next full pass; select %s, too",
            ", ".join(stream.tap_stream_id for stream in orphans if stream.parent == parent),
            parent,
            parent,
        )


def _read_fields(entry: Mapping[str, Any]) -> Fields:
    """
    Return a catalog entry's metadata by breadcrumb.

    A plain `selected` beside the metadata, as in older catalogs for --properties, selects the
    stream.
    """
    fields: dict[Any, dict[str, Any]] = {}
    try:
        for item in entry.get("metadata") or []:
            fields[tuple(item["breadcrumb"])] = dict(item["metadata"])
    except (KeyError, TypeError, ValueError) as error:
        name = entry.get("tap_stream_id")
        raise ConfigError(f"catalog: the metadata of {name} cannot be read: {error!r}") from error
    if "selected" in entry and "selected" not in fields.get(ROOT, {}):
        fields[ROOT] = {**fields.get(ROOT, {}), "selected": entry["selected"]}
    fields.setdefault(ROOT, {}).setdefault(METHOD, entry.get("replication_method"))
    return fields


def _is_selected(fields: Fields, breadcrumb: tuple[str, ...], default: bool) -> bool:
    metadata = fields.get(breadcrumb, {})
    for key in ("selected", "selected-by-default"):
        if metadata.get(key) is not None:
            return _parse_boolean(metadata[key], key, breadcrumb)
    return default


def _parse_boolean(value: object, key: str, breadcrumb: tuple[str, ...]) -> bool:
    """Return a boolean of the catalog, which some tools write as text."""
    texts = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in texts:
        return texts[value.strip().lower()]
    name = ".".join(breadcrumb) or "a stream"
    raise ConfigError(f"catalog: {key} of {name} must be true or false, not {value!r}")


def _wants_full_table(stream: Stream, fields: Fields) -> bool:
    """Tell whether the catalog wants a full pass in each run; ConfigError for no method."""
    method = fields.get(ROOT, {}).get(METHOD) or stream.replication_method
    if method not in (INCREMENTAL, FULL_TABLE):
        raise ConfigError(
            f"catalog: {METHOD} of {stream.tap_stream_id} must be"
            f" {INCREMENTAL} or {FULL_TABLE}, not {method!r}"
        )
    if method != stream.replication_method == FULL_TABLE:
        LOGGER.warning("catalog: %s is always replicated whole", stream.tap_stream_id)
    return bool(method == FULL_TABLE)


def _selected_properties(stream: Stream, fields: Fields) -> tuple[str, ...]:
    _warn_of_fields(stream, fields)
    return tuple(
        name
        for name in stream.schema["properties"]
        if name in stream.automatic
        or _is_selected(fields, ("properties", name), default=name not in stream.deselected)
    )


def _warn_of_fields(stream: Stream, fields: Fields) -> None:
    """Warn of unknown properties, and of deselected properties that are replicated nevertheless."""
    for breadcrumb in fields:
        # A breadcrumb below a property is selected with the property.
        is_known = stream.schema["properties"].keys() & {*breadcrumb[1:2]}
        if breadcrumb[:1] == ("properties",) and not is_known:
            path = ".".join(map(str, breadcrumb))
            LOGGER.warning("catalog: %s has no %s", stream.tap_stream_id, path)
    for name in sorted(stream.automatic):
        if not _is_selected(fields, ("properties", name), default=True):
            LOGGER.warning(
                "catalog: %s of %s cannot be deselected: it is replicated all the same",
                name,
                stream.tap_stream_id,
            )
