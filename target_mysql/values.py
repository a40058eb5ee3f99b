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

from target_mysql.columns import MAX_DECIMAL_DIGITS, Column, JsonType, Kind
from target_mysql.sql import ESCAPE, FIELD_END, ROW_END

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

# Numbers of up to 15 digits are the same after a DOUBLE has held them.
_SHORT_NUMBER = re.compile(rb"-?[\d.]{1,15}")
_NUMERAL = re.compile(rb"-?\d.*", re.DOTALL)
# What may be a number that a JSON type would change.
_LONG_NUMBER = re.compile(rb"\d[\d.]{15}|\d[eE][+-]?\d\d")

_EXACT = Context(prec=MAX_DECIMAL_DIGITS, traps=[Inexact, InvalidOperation])
_UNITS = [Decimal(1).scaleb(-scale) for scale in range(MAX_DECIMAL_DIGITS + 1)]

# A UTC date-time that MySQL takes as it stands, but for the letter at its end. Days that not every
# month has take the long way.
_UTC = re.compile(
    r"(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
    r"[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z?",
    re.ASCII,
)
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


def to_number(raw: Raw) -> str:
    """
    Return a JSON number as it is written; NULL for null.

    Raises ValueError for anything else, and where a DOUBLE would lose digits of it.
    """
    data = bytes(raw)
    if _SHORT_NUMBER.fullmatch(data):
        return data.decode()
    text = to_numeral(raw)
    if text != NULL and not _is_double(text):
        raise ValueError(f"{text[:MAX_SHOWN_LENGTH]} has more digits than DOUBLE holds")
    return text


def to_numeral(raw: Raw) -> str:
    """Return a JSON number as it is written; NULL for null, ValueError for anything else."""
    data = bytes(raw)
    if data == b"null":
        return NULL
    if not _NUMERAL.fullmatch(data):
        raise ValueError("not a number")
    return data.decode()


def _is_double(number: str) -> bool:
    """Tell whether a DOUBLE holds the number exactly, as far as it is written."""
    try:
        return Decimal(repr(float(number))) == Decimal(number)
    except ArithmeticError:
        return False


def to_json(raw: Raw, held: JsonType | None) -> str:
    """
    Return a JSON value as UTF-8 text, digit for digit; NULL for null.

    Raises ValueError where a column of the type `held` would refuse or change it.
    """
    data = unescaped(bytes(raw))
    if data == b"null":
        return NULL
    if held is not None:
        may_be_deep = data.count(b"[") + data.count(b"{") > held.depth
        may_lose_digits = not held.keeps_digits and _LONG_NUMBER.search(data)
        if may_be_deep or may_lose_digits:
            _refuse_unheld(data, held)
    return data.decode()


def _refuse_unheld(data: bytes, held: JsonType) -> None:
    def refuse_inexact(number: str) -> None:
        if not (held.keeps_digits or _is_64_bit(number) or _is_double(number)):
            raise ValueError(f"{number[:MAX_SHOWN_LENGTH]} would lose digits")

    value = json.loads(data, parse_int=refuse_inexact, parse_float=refuse_inexact)
    if not _is_within(value, held.depth):
        raise ValueError(f"nested deeper than {held.depth}")


def _is_64_bit(number: str) -> bool:
    return number.lstrip("-").isdigit() and -(2**63) <= int(number) < 2**64


def _is_within(value: Any, depth: int) -> bool:
    """Tell whether arrays and objects are nested at most so deep."""
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, (dict, list)):
        return True
    return depth > 0 and all(_is_within(one, depth - 1) for one in inner)


def to_text(raw: Raw, max_length: int | None = None) -> str:
    """
    Return a string as it is, any other JSON value as its text; NULL for null.

    Raises ValueError where it has more characters than `max_length`.
    """
    data = bytes(raw)
    text: str = _DECODE_TEXT(data) if data.startswith(b'"') else to_json(raw, None)
    if max_length is not None and len(text) > max_length:
        raise ValueError(f"{len(text)} characters, and only {max_length} fit")
    return text


def to_raw(value: object) -> Raw:
    """Return parsed JSON as JSON."""
    return Raw(_ENCODE(sanitised(value)))


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
        fit: Any = to_json(written, None) if column.kind is Kind.STRING else written
    else:
        fit = _FIT[column.kind](sanitised(value))
    _refuse_misfit(fit, column)
    return fit


def _refuse_misfit(fit: Any, column: Column) -> None:
    """Raise ValueError where `column`, of a kind that holds `fit`, does not hold all of it."""
    if column.kind is Kind.INTEGER and not column.limits[0] <= fit <= column.limits[1]:
        raise ValueError(f"{shown(fit)} is beyond {column.sql_type}")
    if column.kind is Kind.DECIMAL:
        to_decimal(fit, column.digits, column.scale)
    if column.kind is Kind.NUMBER:
        to_number(fit)
    if column.kind is Kind.NUMERAL:
        to_numeral(fit)
    if column.kind is Kind.JSON:
        to_json(fit, column.json)
    if column.kind is Kind.TEXT:
        to_text(fit, column.max_length)
    if column.kind is Kind.STRING and len(fit) > (column.max_length or len(fit)):
        raise ValueError(f"{len(fit)} characters, too many for {column.sql_type}")


def clamped(value: object, kind: Kind) -> str:
    """
    Return the moment nearest to the text of one that MySQL cannot hold, for its year is too early
    or too late; ValueError for what is none.
    """
    found = _YEAR.match(value) if isinstance(value, str) else None
    if kind is Kind.TIME or not found:
        raise ValueError(f"not a date: {shown(value)}")
    early = found["sign"] == "-" or not int(found["year"])
    if not early and int(found["year"]) < LATEST_YEAR:
        raise ValueError(f"not a date: {shown(value)}")
    if kind is Kind.DATE:
        return "0001-01-01" if early else "9999-12-31"
    return "0001-01-01T00:00:00Z" if early else "9999-12-31T23:59:59.999999Z"


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


# A date-time whose offset may carry it out of the last year counts as too late.
_YEAR = re.compile(r"(?P<sign>[+-]?)(?P<year>\d{4,})-\d\d-\d\d(?![^Tt ])", re.ASCII)
LATEST_YEAR = 9999


def _fit_integer(value: object) -> int:
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"not an integer: {shown(value)}")
    return value


def _fit_decimal(value: object) -> Decimal:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError(f"not a number: {shown(value)}")
    return Decimal(value)


def _fit_number(value: object) -> Raw:
    return Raw(str(_fit_decimal(value)).encode())


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


# Kinds that keep the digits and the spaces of what is no string.
_AS_WRITTEN = (Kind.STRING, Kind.JSON, Kind.TEXT, Kind.NUMBER, Kind.NUMERAL)
_FIT: Mapping[Kind, Callable[[object], Any]] = {
    Kind.INTEGER: _fit_integer,
    Kind.NUMBER: _fit_number,
    Kind.NUMERAL: _fit_number,
    Kind.DECIMAL: _fit_decimal,
    Kind.BOOLEAN: _fit_boolean,
    Kind.STRING: _fit_string,
    Kind.DATE_TIME: _fit_moment(to_date_time),
    Kind.DATE: _fit_moment(to_date),
    Kind.TIME: _fit_moment(to_time),
    Kind.JSON: to_raw,
    Kind.TEXT: to_raw,
}
