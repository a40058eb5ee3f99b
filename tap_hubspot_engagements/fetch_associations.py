"""Which streams the setting `fetch_associations` adds to a selection. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubspot_api.activity_properties import OBJECT_TYPES
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.exceptions import ConfigError
from tap_hubspot_engagements.selection import Selection, read_properties
from tap_hubspot_engagements.streams import ENGAGEMENTS, object_stream, pair_stream


@dataclass(frozen=True)
class Plan:
    """
    The streams of associations, and the streams of related records by the name of their type.

    A related stream may be selected, too; then it is the same selection.
    """

    pairs: tuple[Selection, ...] = ()
    related_selections: Mapping[str, Selection] = field(default_factory=dict)


def read_plan(
    config: Config, selections: Sequence[Selection], catalog: Mapping[str, Any] | None = None
) -> Plan:
    """
    Return the plan of a configuration; the catalog has the properties of related streams.

    Raises ConfigError if the stream of a root is not selected.
    """
    by_name = {selection.stream.tap_stream_id: selection for selection in selections}
    pairs: list[Selection] = []
    related_selections: dict[str, Selection] = {}
    faults: list[str] = []
    for root, names in config.fetch_associations:
        parent = ENGAGEMENTS.tap_stream_id if root in OBJECT_TYPES else root
        if parent not in by_name:
            faults.append(f"fetch_associations: {root} needs the stream {parent}: select it")
        for name in names:
            stream = pair_stream(root, name)
            pairs.append(Selection(stream, tuple(stream.schema["properties"])))
            related_selections[name] = by_name.get(name) or read_properties(
                catalog, object_stream(name)
            )
    if faults:
        raise ConfigError("; ".join(faults))
    return Plan(tuple(pairs), related_selections)
