"""
From what HubSpot sends to what the schema promises. Pure.

Nothing is dropped: a key that the schema does not know, and a value that does not have the type
that it names, go into `extra`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tap_hubspot_engagements.json_text import to_json

Engagement = Mapping[str, Any]
"""An engagement as HubSpot sends it: engagement, associations, attachments, metadata, and more."""

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
INNER, EXTRA = "engagement", "extra"

# Keys of the inner `engagement`, in the order of the schema, with the type that each has.
INNER_TYPES: Mapping[str, type] = {
    "id": int,
    "portalId": int,
    "active": bool,
    "createdAt": int,
    "lastUpdated": int,
    "createdBy": int,
    "modifiedBy": int,
    "timestamp": int,
    "ownerId": int,
    "type": str,
    "uid": str,
    "source": str,
    "sourceId": str,
    "teamId": int,
    "activityType": str,
    "bodyPreview": str,
    "bodyPreviewHtml": str,
    "bodyPreviewIsTruncated": bool,
    "gdprDeleted": bool,
    "allAccessibleTeamIds": list,
    "queueMembershipIds": list,
}
# Keys beside the inner `engagement`.
OUTER_TYPES: Mapping[str, type] = {
    "scheduledTasks": list,
    "attachments": list,
    "associations": dict,
    "metadata": dict,
}
PROPERTIES = (*INNER_TYPES, *OUTER_TYPES, EXTRA)

_Items = tuple[tuple[str, type], ...]
_INNER_ITEMS: _Items = tuple(INNER_TYPES.items())
_OUTER_ITEMS: _Items = tuple(OUTER_TYPES.items())
_INNER_KEYS = frozenset(INNER_TYPES)
_OUTER_KEYS = frozenset((INNER, *OUTER_TYPES))


class Made(NamedTuple):
    """A record, and the names of its values that did not have their type."""

    record: dict[str, Any]
    misfits: list[str]


def to_record(engagement: Engagement) -> Made:
    """Return the record of an engagement as HubSpot sends it, every property in it."""
    inner = engagement[INNER]
    record: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    misfits: list[str] = []
    for source, items in ((inner, _INNER_ITEMS), (engagement, _OUTER_ITEMS)):
        for name, kind in items:
            value = source.get(name)
            if value is not None and not has_type(value, kind):
                misfits.append(name)
                extra[name] = _as_text(value)
                value = None
            record[name] = value
    for name in sorted(inner.keys() - _INNER_KEYS):
        extra[_free_name(name, INNER, extra)] = inner[name]
    for name in sorted(engagement.keys() - _OUTER_KEYS):
        extra[_free_name(name, "record", extra)] = engagement[name]
    record[EXTRA] = extra or None
    return Made(record, misfits)


def has_type(value: object, kind: type) -> bool:
    """Whether a column of `kind` can hold `value`; a bool is no int, and an int has 64 bits."""
    if value.__class__ is not kind:
        return False
    return kind is not int or INT64_MIN <= value <= INT64_MAX  # type: ignore[operator]  # an int


def select(record: Mapping[str, Any], properties: Iterable[str]) -> dict[str, Any]:
    """Return `record` with these properties alone, in their order."""
    return {name: record[name] for name in properties}


def last_updated_ms(engagement: Engagement) -> int | None:
    """Return when the engagement was last updated, in Unix ms; None where it does not say."""
    value = engagement[INNER].get("lastUpdated")
    return value if value.__class__ is int else None


def _free_name(name: str, part: str, extra: Mapping[str, Any]) -> str:
    """
    Return the name in `extra` of a key that the schema has no property for in its `part`.

    The other part may have a key of this name, or a property: both are kept.
    """
    while name in extra or name in PROPERTIES:
        name = f"{part}.{name}"
    return name


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else to_json(value).decode()
