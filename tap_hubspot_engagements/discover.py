"""Builds the catalog of streams, with singer-python."""

from __future__ import annotations

from collections.abc import Mapping

from singer import metadata
from singer.catalog import Catalog, CatalogEntry
from singer.schema import Schema

from tap_hubspot_engagements.selection import ROOT
from tap_hubspot_engagements.streams import STREAMS, Stream


def build_catalog(streams: Mapping[str, Stream] = STREAMS) -> Catalog:
    """Return the catalog of streams, by default those of every portal, as selected by default."""
    return Catalog([_build_entry(stream) for stream in streams.values()])


def _build_entry(stream: Stream) -> CatalogEntry:
    fields = metadata.to_map(
        metadata.get_standard_metadata(
            schema=dict(stream.schema),
            key_properties=list(stream.key_properties),
            valid_replication_keys=[stream.replication_key] if stream.replication_key else [],
            replication_method=stream.replication_method,
        )
    )
    fields = metadata.write(fields, ROOT, "selected", stream.selected)
    if stream.parent:
        fields = metadata.write(fields, ROOT, "parent-tap-stream-id", stream.parent)
    for name in stream.schema["properties"]:
        at = ("properties", name)
        inclusion = "automatic" if name in stream.automatic else "available"
        fields = metadata.write(fields, at, "inclusion", inclusion)
        fields = metadata.write(fields, at, "selected-by-default", name not in stream.deselected)
    return CatalogEntry(
        tap_stream_id=stream.tap_stream_id,
        stream=stream.tap_stream_id,
        key_properties=list(stream.key_properties),
        schema=Schema.from_dict(stream.schema),
        metadata=metadata.to_list(fields),
        replication_key=stream.replication_key,
        replication_method=stream.replication_method,
    )
