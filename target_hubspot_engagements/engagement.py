"""An engagement as the source has it, before HubSpot's definitions are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from target_hubspot_engagements.ledger import Key

METADATA_PREFIX = "_sdc_"
"""How the names of Singer's own columns begin."""

HUBSPOT_ID = "hubspotId"
"""The column that names an engagement that exists."""

Partners = Mapping[str, Sequence[str]]
"""Ids of associated records, by their type in the objects API, such as `contacts`."""


MAX_ID = 2**63 - 1
"""The largest id: HubSpot and the ledger hold 64 bits."""


@dataclass(frozen=True)
class Engagement:
    """
    The content of a record.

    `kind` is the type in the objects API. `values` are JSON values by HubSpot's property. None for
    `partners` leaves associations alone, and so does a missing type, unless `has_all_partners`
    says that there are no others. `contact_emails` are looked up, and associated, too.
    `hubspot_id` names an existing engagement. A `complete` engagement clears the properties that
    it does not have. `optional` names properties to leave out if HubSpot does not have them, or
    does not let them be written. `left_out` names the record's values that no property takes.
    """

    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)
    partners: Partners | None = None
    has_all_partners: bool = False
    contact_emails: tuple[str, ...] = ()
    hubspot_id: int | None = None
    is_deleted: bool = False
    complete: bool = False
    optional: frozenset[str] = frozenset()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceRecord:
    """
    A record that differs from the record that was written last.

    `line` is the line number in the input, `text` the JSON, `source_hash` the hash of `text`.
    """

    place: Key
    line: int
    text: bytes
    source_hash: bytes
    version: int | None = None
