"""Coerces a tap's values to the types of their columns, if that is lossless. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Raw

from target_mysql.exceptions import shown
from target_mysql.rows.datetimes import (
    to_date,
    to_date_time,
    to_key_date_time,
    to_key_time,
    to_time,
)
from target_mysql.rows.json_codec import (
    MAX_INT_DIGITS,
    REPLACEMENT,
    encode_json,
    to_raw,
    without_lone_surrogates,
)
from target_mysql.rows.values import (
    check_key_text,
    to_decimal,
    to_json,
    to_number,
    to_number_text,
    to_text,
)
from target_mysql.tables.columns import Column
from target_mysql.tables.kinds import Kind

_INTEGER = re.compile(r"[+-]?\d{1,65}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def check_key(value: object, column: Column, has_replacements: bool) -> None:
    """
    Raise ValueError if a key's value, parsed JSON, could become equal to another key.

    Lossless conversions of other columns would merge keys: 1, "1", "01", 1.0 and true. So would
    replaced surrogates.
    """
    types = _KEY_TYPES.get(column.kind)
    is_one = types is None or (
        isinstance(value, types) and isinstance(value, bool) is (types is bool)
    )
    if not is_one:
        raise ValueError(f"a key's value must be of its column's type: {shown(value)}")
    if has_replacements and isinstance(value, str) and REPLACEMENT in value:
        raise ValueError(f"{shown(value)} is no Unicode text, which a key must be")
    if column.kind is Kind.STRING and isinstance(value, str):
        check_key_text(value, column.pads)
    if column.kind is Kind.DATE_TIME:
        to_key_date_time(str(value))
    if column.kind is Kind.TIME:
        to_key_time(str(value))


def coerced(value: object, column: Column, raw: Raw | None = None) -> object:
    """
    Return `value`, parsed JSON, as the decoder gives values of the column's kind.

    `raw` is the JSON text of the value, if known. Raises ValueError with the reason if the column
    cannot hold the value.
    """
    if value is None:
        return None
    if raw is not None and not isinstance(value, str) and column.kind in _AS_WRITTEN:
        result: Any = to_json(raw, None) if column.kind is Kind.STRING else raw
    else:
        result = _COERCE[column.kind](without_lone_surrogates(value))
    _check_holds(result, column)
    return result


def _check_holds(result: Any, column: Column) -> None:
    """Raise ValueError if `result` is out of range for `column`, or would lose precision."""
    if column.kind is Kind.INTEGER and not column.limits[0] <= result <= column.limits[1]:
        raise ValueError(f"{shown(result)} is beyond {column.sql_type}")
    if column.kind is Kind.DECIMAL:
        to_decimal(result, column.digits, column.scale)
    if column.kind is Kind.NUMBER:
        to_number(result)
    if column.kind is Kind.NUMBER_AS_TEXT:
        to_number_text(result)
    if column.kind is Kind.JSON:
        to_json(result, column.json)
    if column.kind is Kind.MIXED:
        check_length(to_text(result), column)
    if column.kind is Kind.STRING:
        check_length(result, column)


def check_length(text: str, column: Column) -> None:
    """Raise ValueError, with advice, if `text` is too long for `column`."""
    if column.max_length is not None and len(text) > column.max_length:
        widest = column
        while widest.wider_type:
            widest = widest.wider_type
        advice = f": {column.length_advice}" if column.length_advice else ""
        raise ValueError(f"{len(text)} characters, too many for {widest.sql_type.upper()}{advice}")


def _coerce_integer(value: object) -> int:
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < MAX_INT_DIGITS:
        value = int(value) if value == value.to_integral_value() else value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"not an integer: {shown(value)}")
    return value


def _coerce_decimal(value: object) -> Decimal:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError(f"not a number: {shown(value)}")
    return Decimal(value)


def _coerce_number(value: object) -> Raw:
    return Raw(str(_coerce_decimal(value)).encode())


def _coerce_boolean(value: object) -> bool:
    if not isinstance(value, bool) and value not in (0, 1):
        raise ValueError(f"not a boolean: {shown(value)}")
    return bool(value)


def _coerce_string(value: object) -> str:
    return value if isinstance(value, str) else encode_json(value).decode()


def _coerce_temporal(convert: Callable[[str], str]) -> Callable[[object], str]:
    def result(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"not a date or time: {shown(value)}")
        convert(value)
        return value

    return result


# The required types of a key's value, by the kind of its column.
_KEY_TYPES: Mapping[Kind, Any] = {
    Kind.INTEGER: int,
    Kind.NUMBER: (int, Decimal),
    Kind.DECIMAL: (int, Decimal),
    Kind.NUMBER_AS_TEXT: (int, Decimal),
    Kind.BOOLEAN: bool,
    Kind.STRING: str,
    Kind.DATE_TIME: str,
    Kind.DATE: str,
    Kind.TIME: str,
}
# Kinds that store other values than strings as their JSON text.
_AS_WRITTEN = (Kind.STRING, Kind.JSON, Kind.MIXED, Kind.NUMBER, Kind.NUMBER_AS_TEXT)
_COERCE: Mapping[Kind, Callable[[object], Any]] = {
    Kind.INTEGER: _coerce_integer,
    Kind.NUMBER: _coerce_number,
    Kind.NUMBER_AS_TEXT: _coerce_number,
    Kind.DECIMAL: _coerce_decimal,
    Kind.BOOLEAN: _coerce_boolean,
    Kind.STRING: _coerce_string,
    Kind.DATE_TIME: _coerce_temporal(to_date_time),
    Kind.DATE: _coerce_temporal(to_date),
    Kind.TIME: _coerce_temporal(to_time),
    Kind.JSON: to_raw,
    Kind.MIXED: to_raw,
}
