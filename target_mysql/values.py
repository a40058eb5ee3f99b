"""
From one JSON value to the text of one field of the load file. Pure.

`to_…` writes a value that has its column's type; `fit_…` makes such a value of what a tap sent
instead, where nothing is lost by it, and raises ValueError where something would be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date as day
from datetime import datetime, timezone
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Raw

from target_mysql.sql import ESCAPE, FIELD_END, ROW_END
from target_mysql.tables import BIGINT_MAX, BIGINT_MIN, MAX_DECIMAL_DIGITS, Column, Kind

NULL: Final = ESCAPE + "N"
REPLACEMENT: Final = "\ufffd"  # for lone surrogates, which UTF-8 and so MySQL cannot hold
MAX_SHOWN_LENGTH = 60  # characters of a value in an error

_SPECIAL = re.compile(f"[{FIELD_END}{ROW_END}{ESCAPE}]")
_ESCAPED = re.compile(f"{ESCAPE}(.)", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
_DECODE_TEXT = msgspec.json.Decoder(str).decode
# Runs of \u escapes; other escapes are found, too, so that none is taken from its middle.
_ESCAPES = re.compile(rb"((?:\\u[0-9a-fA-F]{4})+)|\\.", re.DOTALL)

_EXACT = Context(prec=MAX_DECIMAL_DIGITS, traps=[Inexact, InvalidOperation])
_UNITS = [Decimal(1).scaleb(-scale) for scale in range(MAX_DECIMAL_DIGITS + 1)]

# A UTC date-time that MySQL takes as it stands, but for the letter at its end.
_UTC = re.compile(r"(?!0000)\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?Z?", re.ASCII)
_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s*(Z|z|UTC|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"(\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?(Z|z|[+-]\d\d:?\d\d)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,65}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def escape(text: str) -> str:
    """Return `text` with the load file's separators escaped."""
    return _SPECIAL.sub(lambda found: ESCAPE + found[0], text)


def unescape(field: str) -> str | None:
    """Return what a field of the load file says; None for NULL."""
    return None if field == NULL else _ESCAPED.sub(r"\1", field)


def parse_json(line: bytes) -> Any:
    """Return the value of a line of JSON, numbers digit for digit; ValueError where it is none."""
    try:
        return json.loads(line, parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except ArithmeticError as error:
        raise ValueError("a number's exponent is too large") from error


def to_date_time(text: str) -> str:
    """
    Return an RFC 3339 date-time as MySQL writes it, in UTC; without an offset it is UTC already.

    Digits beyond microseconds are cut. Raises ValueError for what is no date-time.
    """
    if _UTC.fullmatch(text):
        return text.removesuffix("Z")
    found = _DATE_TIME.fullmatch(text)
    if not found:
        raise ValueError(f"not a date-time: {shown(text)}")
    date, time, fraction, offset = found.groups()
    try:
        at = datetime.fromisoformat(f"{date} {time or '00:00'}{_offset(offset)}")
        at = at.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"not a date-time that MySQL holds: {shown(text)}") from error
    return f"{at.replace(tzinfo=None).isoformat(' ')}.{(fraction or '0')[:6]}"


# A page's records, and a batch's, are mostly of the same moment.
to_extracted_at = lru_cache(maxsize=64)(to_date_time)


def to_date(text: str) -> str:
    """Return an RFC 3339 date, or a date-time's date at midnight; ValueError for anything else."""
    date, time = text[:10], text[10:]
    if time and not re.fullmatch(r"[Tt ]00:00(:00(\.0+)?)?(Z|z|[+-]00:?00)?", time):
        raise ValueError(f"not a date: {shown(text)}")
    try:
        if not _DATE.fullmatch(date):
            raise ValueError("not a date")
        return day.fromisoformat(date).isoformat()
    except ValueError as error:
        raise ValueError(f"not a date that MySQL holds: {shown(text)}") from error


def to_time(text: str) -> str:
    """Return an RFC 3339 time as MySQL writes it, in UTC; ValueError for what is no time."""
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(f"not a time: {shown(text)}")
    time, fraction, offset = found.groups()
    try:
        # Any day serves: a time that an offset carries past midnight wraps.
        at = datetime.fromisoformat(f"2000-01-02 {time}{_offset(offset)}").astimezone(timezone.utc)
    except ValueError as error:
        raise ValueError(f"not a time: {shown(text)}") from error
    return f"{at:%H:%M:%S}.{(fraction or '0')[:6]}"


def to_decimal(number: Decimal, digits: int, scale: int) -> str:
    """Return `number` in plain digits; ValueError where DECIMAL(digits, scale) would round it."""
    if not number.is_finite():
        raise ValueError(f"not a number: {number}")
    if number.adjusted() >= digits - scale and number:
        raise ValueError(f"{shown(number)} has more than {digits - scale} digits before the point")
    try:
        # Python's own context would round, or refuse, what has more than 28 digits.
        return f"{number.quantize(_UNITS[scale], context=_EXACT):f}"
    except ArithmeticError as error:
        problem = f"{shown(number)} has more than {scale} digits behind the point"
        raise ValueError(problem) from error


def to_json(raw: Raw) -> str:
    """Return a JSON value as UTF-8 text, digit for digit; NULL for null."""
    data = unescaped(bytes(raw))
    return NULL if data == b"null" else data.decode()


def to_text(raw: Raw) -> str:
    """Return a string as it is, any other JSON value as its text; NULL for null."""
    data = bytes(raw)
    return _DECODE_TEXT(data) if data.startswith(b'"') else to_json(raw)


def unescaped(data: bytes) -> bytes:
    r"""Return JSON with its \u escapes as UTF-8, all else as it is; lone surrogates replaced."""
    return _ESCAPES.sub(_unescaped, data) if b"\\u" in data else data


def _unescaped(found: re.Match[bytes]) -> bytes:
    escapes = found[1]
    if not escapes:
        return found[0]
    quoted = b'"%b"' % escapes
    try:
        text = _DECODE_TEXT(quoted)
    except ValueError:
        text = sanitised(json.loads(quoted))
    return _ENCODE(text)[1:-1]


def sanitised(value: Any) -> Any:
    """Return a JSON value with lone surrogates replaced."""
    if isinstance(value, str):
        return _SURROGATE.sub(REPLACEMENT, value)
    if isinstance(value, list):
        return [sanitised(one) for one in value]
    if isinstance(value, dict):
        return {sanitised(name): sanitised(one) for name, one in value.items()}
    return value


def fitted(value: object, column: Column, written: Raw | None = None) -> object:
    """
    Return `value`, parsed JSON, as the decoder gives a value of the column's kind.

    `written` is the same as it was written, where that is known. Raises ValueError, saying why,
    where the column cannot hold the value.
    """
    if value is None:
        return None
    if written is not None and not isinstance(value, str) and column.kind in _AS_WRITTEN:
        fit: Any = to_json(written) if column.kind is Kind.STRING else written
    else:
        fit = _FIT[column.kind](sanitised(value))
    if column.kind is Kind.DECIMAL:
        to_decimal(fit, column.digits, column.scale)
    if column.max_length is not None:
        text = to_text(fit) if isinstance(fit, Raw) else str(fit)
        if len(text) > column.max_length:
            raise ValueError(
                f"{len(text)} characters, and only {column.max_length} fit into this key"
            )
    return fit


def shown(value: object) -> str:
    """Return a value as an error may show it: short, on one line."""
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= MAX_SHOWN_LENGTH else text[: MAX_SHOWN_LENGTH - 3] + "..."


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _offset(offset: str | None) -> str:
    """Return an offset as Python 3.10 reads it."""
    if offset is None or offset in ("Z", "z", "UTC"):
        return "+00:00"
    return offset if ":" in offset else f"{offset[:3]}:{offset[3:]}"


def _fit_integer(value: object) -> int:
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"not an integer: {shown(value)}")
    if not BIGINT_MIN <= value <= BIGINT_MAX:
        raise ValueError(f"{shown(value)} is beyond the 64 bits of BIGINT")
    return value


def _fit_decimal(value: object) -> Decimal:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError(f"not a number: {shown(value)}")
    return Decimal(value)


def _fit_number(value: object) -> float:
    number = float(_fit_decimal(value))
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{shown(value)} is beyond the range of DOUBLE")
    return number


def _fit_boolean(value: object) -> bool:
    if not isinstance(value, bool) and value not in (0, 1):
        raise ValueError(f"not a boolean: {shown(value)}")
    return bool(value)


def _fit_string(value: object) -> str:
    return value if isinstance(value, str) else _ENCODE(value).decode()


def _fit_moment(convert: Callable[[str], str]) -> Callable[[object], str]:
    def fit(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"not a date or time: {shown(value)}")
        convert(value)
        return value

    return fit


def _fit_raw(value: object) -> Raw:
    return Raw(_ENCODE(value))


# Kinds that keep the digits and the spaces of what is no string.
_AS_WRITTEN = (Kind.STRING, Kind.JSON, Kind.TEXT)
_FIT: Mapping[Kind, Callable[[object], Any]] = {
    Kind.INTEGER: _fit_integer,
    Kind.NUMBER: _fit_number,
    Kind.DECIMAL: _fit_decimal,
    Kind.BOOLEAN: _fit_boolean,
    Kind.STRING: _fit_string,
    Kind.DATE_TIME: _fit_moment(to_date_time),
    Kind.DATE: _fit_moment(to_date),
    Kind.TIME: _fit_moment(to_time),
    Kind.JSON: _fit_raw,
    Kind.TEXT: _fit_raw,
}
