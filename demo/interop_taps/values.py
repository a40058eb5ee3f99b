"""The same value in the notations of a source, of a RECORD and of MySQL."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from datetime import datetime, timedelta
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
TEMPORAL = (Kind.DATE_TIME, Kind.DATE, Kind.TIME)


def parse_json(text: str) -> Any:
    """Parse JSON and keep every digit of a number."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def normalize(kind: Kind, value: Any) -> Any:
    """
    Return a value that is equal for all notations of the same value.

    A value in no notation of its kind is returned as its text.
    """
    if value is None:
        return None
    try:
        return _NORMALIZERS[kind](value)
    except (ValueError, TypeError, InvalidOperation):
        return str(value)


def is_stored_as_sent(schema: Mapping[str, Any], sent: Any, stored: Any) -> bool:
    """
    Return whether a cell holds what a RECORD says of a property with this schema.

    NULL is right for a date that MySQL has not: trials run with `invalid_dates` = `null`.
    """
    kind = _kind_of_schema(schema, sent)
    if sent is None or stored is None:
        return sent is stored or (kind in TEMPORAL and normalize(kind, sent) == sent)
    if isinstance(sent, (dict, list)):
        return _is_equal(Kind.JSON, sent, stored)
    if isinstance(sent, (Decimal, float)) and not isinstance(sent, bool):
        return _is_same_number(sent, stored)
    if kind is Kind.TEXT and isinstance(stored, bytes):
        return _is_equal(Kind.BYTES, sent, stored)
    return _is_equal(kind, sent, stored) or _is_json_text(sent, stored)


def _is_equal(kind: Kind, sent: Any, stored: Any) -> bool:
    return bool(normalize(kind, sent) == normalize(kind, stored))


def _kind_of_schema(schema: Mapping[str, Any], sent: Any) -> Kind:
    if isinstance(sent, bool):
        return Kind.BOOLEAN
    return next((one for one in TEMPORAL if one.value == schema.get("format")), Kind.TEXT)


def _is_same_number(sent: Decimal | float, stored: Any) -> bool:
    if _is_equal(Kind.NUMBER, sent, stored):
        return True
    is_double = Decimal(repr(float(sent))) == Decimal(sent)
    return is_double and _is_equal(Kind.DOUBLE, sent, stored)


def _is_json_text(sent: Any, stored: Any) -> bool:
    """Return whether a JSON column holds this text."""
    try:
        return bool(json.loads(stored) == sent)
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
    return day


def _to_moment(value: Any) -> str:
    """Return the moment in UTC, with microseconds; without an offset it is in UTC."""
    match = MOMENT.fullmatch(_to_text(value))
    if not match:
        raise ValueError(f"{value} is no date-time")
    day, time, fraction, offset = match.groups()
    exact = datetime.fromisoformat(f"{day} {time or '00:00:00'}") - _offset(offset)
    return f"{exact.isoformat()}.{(fraction or '.')[1:]:0<6}"


def _to_time(value: Any) -> timedelta:
    """Return the time since midnight, in UTC if it has an offset."""
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
