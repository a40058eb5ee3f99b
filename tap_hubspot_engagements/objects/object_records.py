"""
Converts records of HubSpot's objects to records of a stream. Pure.

Every value that HubSpot sends for a property is a text, null or empty. A text that does not have
its column's type stays in `extra`, as does everything without a column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timezone
from typing import Any

from msgspec import Raw

from hubspot_api.json_codec import to_json
from tap_hubspot_engagements.objects.object_types import FIRST_COLUMNS, LAST_COLUMNS, Schema
from tap_hubspot_engagements.objects.values import to_bool, to_int, to_ms
from tap_hubspot_engagements.records import Converted, Record
from tap_hubspot_engagements.times import FIRST_MOMENT, LAST_MOMENT, ms_to_utc, to_rfc3339

_is_number = re.compile(r"-?(?:0|[1-9][0-9]{0,300})(?:\.[0-9]{1,300})?").fullmatch
_is_date = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_KNOWN = frozenset(("properties", "associations", "propertiesWithHistory", *FIRST_COLUMNS))


def to_object_record(columns: Mapping[str, Schema], value: Mapping[str, Any]) -> Converted:
    """
    Return the record of an object with `columns`, the properties of the stream's schema.

    `isAssociated` is false. Raises ValueError for an object without an id.
    """
    record: Record = {"id": int(value["id"])}
    extra = {name: value[name] for name in sorted(value.keys() - _KNOWN) if value[name] is not None}
    mismatches: list[str] = []
    texts = dict(value.get("properties") or {})
    texts |= {name: value.get(name) for name in FIRST_COLUMNS if name != "id"}
    for name, schema in columns.items():
        if name == "id" or name in LAST_COLUMNS:
            continue
        text = texts.pop(name, None)
        converted = None if text is None or text == "" else _convert(text, schema)
        if converted is _MISMATCH:
            mismatches.append(name)
            extra[name], converted = _as_text(text), None
        record[name] = converted
    extra |= {name: text for name, text in sorted(texts.items()) if text not in (None, "")}
    return ({**record, "isAssociated": False, "extra": extra or None},), mismatches


def changed_ms(value: Mapping[str, Any], date_property: str) -> int | None:
    """Return the date of an object's last change, in Unix ms; None if HubSpot does not name it."""
    text = (value.get("properties") or {}).get(date_property) or value.get("updatedAt")
    at_ms = to_ms(text) if isinstance(text, str) and text else None
    return at_ms if isinstance(at_ms, int) else None


_MISMATCH = object()


def _convert(value: Any, schema: Schema) -> Any:
    """Return a value in the type of a column; _MISMATCH if it does not have that type."""
    kind = schema.get("format") or schema["type"][-1]
    text = _as_text(value)
    return _CONVERSIONS.get(str(kind), _keep)(text)


def _keep(text: str) -> Any:
    return text


def _to_number(text: str) -> Any:
    # As JSON of its own: a float would lose digits.
    return Raw(text.encode()) if _is_number(text) else _MISMATCH


def _to_integer(text: str) -> Any:
    number = to_int(text)
    is_int64 = isinstance(number, int) and -(2**63) <= number < 2**63
    return number if is_int64 else _MISMATCH


def _to_boolean(text: str) -> Any:
    value = to_bool(text)
    return value if isinstance(value, bool) else _MISMATCH


def _to_date_time(text: str) -> Any:
    at_ms = to_ms(text)
    if not isinstance(at_ms, int):
        return _MISMATCH
    at = ms_to_utc(at_ms)
    return to_rfc3339(at) if FIRST_MOMENT < at < LAST_MOMENT else _MISMATCH


def _to_date(text: str) -> Any:
    if _is_date(text):
        return text
    at_ms = to_ms(text)
    if not isinstance(at_ms, int):
        return _MISMATCH
    at = ms_to_utc(at_ms)
    return at.astimezone(timezone.utc).date().isoformat() if at < LAST_MOMENT else _MISMATCH


_CONVERSIONS: Mapping[str, Callable[[str], Any]] = {
    "number": _to_number,
    "integer": _to_integer,
    "boolean": _to_boolean,
    "date-time": _to_date_time,
    "date": _to_date,
}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value).decode()


def merged_into(values: Sequence[Mapping[str, Any]], name: str) -> dict[int, int]:
    """Return the survivor's id of each id that was merged; `name` is the property with them."""
    survivors: dict[int, int] = {}
    for value in values:
        text = (value.get("properties") or {}).get(name)
        for part in str(text or "").split(";"):
            if part.strip().isdecimal():
                survivors[int(part)] = int(value["id"])
    return survivors
