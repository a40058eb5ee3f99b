"""The same value in the notations of a source, of a RECORD and of MySQL."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(\.\d{1,6})?(Z|[+-]\d\d(?::?\d\d)?)?)?"
)
# Python's timedelta writes a time as days before or after, and hours.
TIME = re.compile(
    r"(?:(-?\d+) days?, )?(-?)(\d{1,3}):(\d\d):(\d\d)(\.\d{1,6})?([+-]\d\d(?::?\d\d)?)?"
)


class Kind(Enum):
    """How values of a source's column are compared."""

    TEXT = "text"
    NUMBER = "number"
    DOUBLE = "double"
    SINGLE = "single"
    BOOLEAN = "boolean"
    DATE = "date"
    DATE_TIME = "date-time"
    TIME = "time"
    JSON = "json"
    BYTES = "bytes"
    BITS = "bits"


DAY = timedelta(1)
UNKNOWN_NOTATION = (ValueError, TypeError, InvalidOperation)
TEMPORAL = (Kind.DATE_TIME, Kind.DATE, Kind.TIME)


def parse_json(text: str) -> Any:
    """Parse JSON and keep every digit of a number."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def normalize(kind: Kind, value: Any) -> Any:
    """
    Return the same result for all notations of the same value.

    A value in an unknown notation is returned as text.
    """
    if value is None:
        return None
    try:
        return _NORMALIZERS[kind](value)
    except UNKNOWN_NOTATION:
        return str(value).replace("T", " ")  # of a date and a time


def is_stored_as_sent(schema: Mapping[str, Any], value: Any, cell: Any) -> bool:
    """
    Return whether a cell of MySQL equals the value of a RECORD, whose property has this schema.

    NULL is right for a date that MySQL cannot hold: trials run with `invalid_dates` = `null`.
    """
    kind = _kind_of_schema(schema, value)
    if value is None or cell is None:
        return value is cell or (kind in TEMPORAL and not _is_possible(kind, value))
    if isinstance(value, (dict, list)):
        return _is_equal(Kind.JSON, value, cell)
    if isinstance(value, (Decimal, float)) and not isinstance(value, bool):
        return _is_same_number(value, cell)
    if kind is Kind.TEXT and isinstance(cell, bytes):
        return _is_equal(Kind.BYTES, value, cell)
    return _is_equal(kind, value, cell) or _is_json_text(value, cell)


def _is_possible(kind: Kind, value: Any) -> bool:
    """Return whether there is such a date or time."""
    try:
        return bool(_NORMALIZERS[kind](value) is not None)
    except UNKNOWN_NOTATION:
        return False


def _is_equal(kind: Kind, value: Any, cell: Any) -> bool:
    return bool(normalize(kind, value) == normalize(kind, cell))


def _kind_of_schema(schema: Mapping[str, Any], value: Any) -> Kind:
    if isinstance(value, bool):
        return Kind.BOOLEAN
    return next((one for one in TEMPORAL if one.value == schema.get("format")), Kind.TEXT)


def _is_same_number(value: Decimal | float, cell: Any) -> bool:
    if _is_equal(Kind.NUMBER, value, cell):
        return True
    is_double = Decimal(repr(float(value))) == Decimal(value)
    return is_double and _is_equal(Kind.DOUBLE, value, cell)


def _is_json_text(value: Any, cell: Any) -> bool:
    """Return whether a JSON column holds this text."""
    try:
        return bool(json.loads(cell) == value)
    except (ValueError, TypeError):
        return False


def _to_text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _to_number(value: Any) -> Decimal:
    return Decimal(_to_text(value)).normalize() + 0  # no negative zero


def _to_double(value: Any) -> float:
    return float(_to_text(value))


def _to_single(value: Any) -> bytes:
    """Return the four bytes that the value has as a single-precision number."""
    return struct.pack("<f", float(_to_text(value)))


BOOLEANS = {"1": True, "true": True, "0": False, "false": False}


def _to_boolean(value: Any) -> bool | str:
    text = str(_to_bits(value) if isinstance(value, bytes) else value).lower()
    return BOOLEANS.get(text, text)


def _to_bits(value: Any) -> int:
    return int.from_bytes(value, "big") if isinstance(value, bytes) else int(value)


def _to_date(value: Any) -> str:
    day, _, rest = _to_text(value).partition("T" if "T" in _to_text(value) else " ")
    if rest and not rest.startswith("00:00:00"):
        raise ValueError(f"{value} is no date")
    return date.fromisoformat(day).isoformat()


def _to_moment(value: Any) -> str:
    """Return the moment in UTC, with microseconds; UTC is the default offset."""
    match = MOMENT.fullmatch(_to_text(value))
    if not match:
        raise ValueError(f"{value} is no date-time")
    day, time, fraction, offset = match.groups()
    exact = datetime.fromisoformat(f"{day} {time or '00:00:00'}") - _offset(offset)
    return f"{exact.isoformat()}.{(fraction or '.')[1:]:0<6}"


def _to_time(value: Any) -> timedelta:
    """Return the time since midnight, in UTC if the value has an offset."""
    match = TIME.fullmatch(_to_text(value))
    if not match:
        raise ValueError(f"{value} is no time")
    days, sign, hours, minutes, seconds, fraction, offset = match.groups()
    microseconds = int(f"{(fraction or '.')[1:]:0<6}")
    time = timedelta(0, int(seconds), microseconds, 0, int(minutes), int(hours))
    total = timedelta(int(days or 0)) + (-time if sign else time)
    return (total - _offset(offset)) % DAY if offset else total


def _offset(text: str | None) -> timedelta:
    if not text or text == "Z":
        return timedelta()
    digits = text[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if text[0] == "-" else size


def _to_json(value: Any) -> Any:
    return parse_json(_to_text(value)) if isinstance(value, (str, bytes)) else value


def _to_hex(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return bytes.fromhex(str(value).removeprefix("\\x").removeprefix("0x")).hex()


_NORMALIZERS = {
    Kind.TEXT: _to_text,
    Kind.NUMBER: _to_number,
    Kind.DOUBLE: _to_double,
    Kind.SINGLE: _to_single,
    Kind.BOOLEAN: _to_boolean,
    Kind.DATE: _to_date,
    Kind.DATE_TIME: _to_moment,
    Kind.TIME: _to_time,
    Kind.JSON: _to_json,
    Kind.BYTES: _to_hex,
    Kind.BITS: _to_bits,
}
