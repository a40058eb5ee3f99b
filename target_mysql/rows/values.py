"""
From one JSON value to the text of one field of the load file. Pure.

`to_…` writes a value that has its column's type; `fit_…` makes such a value of what a tap sent
instead, where nothing is lost by it, and raises ValueError where something would be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any, Final

import msgspec
from msgspec import Raw

from target_mysql.exceptions import MAX_SHOWN_LENGTH, shown
from target_mysql.rows.datetimes import (
    to_date,
    to_date_time,
    to_key_date_time,
    to_key_time,
    to_time,
)
from target_mysql.rows.load_file import ESCAPE, FIELD_END, ROW_END
from target_mysql.tables.columns import MAX_DECIMAL_DIGITS, Column, JsonType, Kind

NULL: Final = ESCAPE + "N"
_JSON_STARTS = tuple('"{[-0123456789tfn \t\n\r')
MAX_JSON_NAME_BYTES = 65_535  # of a property's name in MySQL's JSON
MAX_INT_DIGITS = 1_000  # far more than a column of integers holds
REPLACEMENT: Final = "\ufffd"  # for lone surrogates, which UTF-8 and so MySQL cannot hold

_SURROGATE = re.compile("[\ud800-\udfff]")
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
_DECODE_TEXT = msgspec.json.Decoder(str).decode
# Runs of \\uXXXX, which end between characters; and of other escapes, with the text behind them, so
# that none is read from its middle. Runs have a bound, as each repetition takes memory.
_ESCAPES = re.compile(
    rb"((?:\\u[0-9a-fA-F]{4}){1,1000}"
    rb"(?:(?<=\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})?)"
    rb"|(?:\\[^u][^\\]*){1,1000}"
)

# Numbers of up to 15 digits are the same after a DOUBLE has held them.
_SHORT_NUMBER = re.compile(rb"-?[\d.]{1,15}")
_NEGATIVE_ZERO = re.compile(rb"-0(?:\.0*)?(?:[eE][+-]?\d+)?")
_NUMERAL = re.compile(rb"-?\d.*", re.DOTALL)
# What may be a number that a JSON type would change.
_LONG_NUMBER = re.compile(rb"\d[\d.]{15}|\d[eE][+-]?\d\d")

_EXACT = Context(prec=MAX_DECIMAL_DIGITS, traps=[Inexact, InvalidOperation])
_UNITS = [Decimal(1).scaleb(-scale) for scale in range(MAX_DECIMAL_DIGITS + 1)]

_INTEGER = re.compile(r"[+-]?\d{1,65}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def escape(text: str) -> str:
    """Return `text` with the load file's separators escaped."""
    # Not by a regular expression, which takes 60 bytes for each of what may be 100 million.
    for special in (ESCAPE, FIELD_END, ROW_END):
        text = text.replace(special, ESCAPE + special)
    return text


def unescape(field: str) -> str | None:
    """Return what a field of the load file says; None for NULL."""
    if field == NULL:
        return None
    for special in (ROW_END, FIELD_END, ESCAPE):
        field = field.replace(ESCAPE + special, special)
    return field


def parse_json(line: bytes) -> Any:
    """Return the value of a line of JSON, numbers digit for digit; ValueError where it is none."""
    try:
        return json.loads(
            line, parse_int=_parse_int, parse_float=Decimal, parse_constant=_refuse_constant
        )
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except ArithmeticError as error:
        raise ValueError("a number's exponent is too large") from error


def _parse_int(text: str) -> int | Decimal:
    """Return an integer; as Decimal where Python refuses, or takes long, to convert its digits."""
    return int(text) if len(text) <= MAX_INT_DIGITS else Decimal(text)


def without_constants(line: bytes) -> tuple[bytes, int]:
    """
    Return a line with null for NaN and Infinity, which are no JSON, and how many there were.

    Raises ValueError where it is no JSON all the same.
    """
    count = 0

    def replace_constant(_: str) -> None:
        nonlocal count
        count += 1

    try:
        value = json.loads(
            line, parse_int=_parse_int, parse_float=Decimal, parse_constant=replace_constant
        )
    except (RecursionError, ArithmeticError) as error:
        raise ValueError("nested too deep, or a number's exponent is too large") from error
    return (_ENCODE(without_lone_surrogates(value)), count) if count else (line, 0)


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
    text = to_number_text(raw)
    if text != NULL and not _is_double(text):
        raise ValueError(f"{text[:MAX_SHOWN_LENGTH]} has more digits than DOUBLE holds")
    return text


def to_number_text(raw: Raw) -> str:
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
    data = with_unicode_unescaped(bytes(raw))
    if data == b"null":
        return NULL
    if held is not None:
        may_be_deep = data.count(b"[") + data.count(b"{") > held.depth
        may_lose_digits = not held.keeps_digits and _LONG_NUMBER.search(data)
        may_have_long_name = not held.keeps_digits and len(data) > MAX_JSON_NAME_BYTES
        if may_be_deep or may_lose_digits or may_have_long_name:
            _refuse_unheld(data, held)
    return data.decode()


def _refuse_unheld(data: bytes, held: JsonType) -> None:
    def refuse_inexact(number: str) -> None:
        if not (held.keeps_digits or _is_64_bit(number) or _is_double(number)):
            raise ValueError(f"{number[:MAX_SHOWN_LENGTH]} would lose digits")

    def refuse_long_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for name, _ in pairs:
            if not held.keeps_digits and len(name.encode()) > MAX_JSON_NAME_BYTES:
                raise ValueError(f"a name has more than {MAX_JSON_NAME_BYTES} bytes")
        return dict(pairs)

    value = json.loads(
        data,
        parse_int=refuse_inexact,
        parse_float=refuse_inexact,
        object_pairs_hook=refuse_long_names,
    )
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


def to_key_text(raw: Raw, max_length: int | None, pads: bool) -> str:
    """
    Return a value of a key that may be of several types as text that no other value has.

    Text that reads as JSON keeps its quotes: 1 and "1" are two keys. Raises ValueError as
    `check_key_text` does, and where it has more characters than `max_length`.
    """
    text = to_text(raw)
    if bytes(raw).startswith(b'"'):
        if _may_be_json(text):
            text = _ENCODE(text).decode()
        check_key_text(text, pads)
    if max_length is not None and len(text) > max_length:
        raise ValueError(f"{len(text)} characters, and only {max_length} fit")
    return text


def _may_be_json(text: str) -> bool:
    if not text.startswith(_JSON_STARTS):
        return False
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return False
    except RecursionError:
        return True
    return True


def check_key_text(text: str, pads: bool) -> str:
    """Return a key's text; ValueError where the column, which `pads`, takes others for the same."""
    if pads and text.endswith(" "):
        raise ValueError(f"{shown(text)} ends with a blank, which keys on this server cannot have")
    return text


def to_key_number(raw: Raw) -> str:
    """Return a key's number as `to_number` does; ValueError also for null and a negative zero."""
    _refuse_negative_zero(raw)
    return to_number(raw)


def _refuse_negative_zero(raw: Raw) -> None:
    """Raise ValueError for -0.0, which JSON tells from 0 and no column does."""
    data = bytes(raw)
    if data.startswith(b"-0") and _NEGATIVE_ZERO.fullmatch(data):
        raise ValueError(f"{data.decode()} would be the same key as 0")


def to_key_decimal(raw: Raw, digits: int, scale: int) -> str:
    """Return a key's number as `to_decimal` does; ValueError for text, which is another key."""
    text = to_number_text(raw)
    if text == NULL:
        raise ValueError("null")
    _refuse_negative_zero(raw)
    try:
        number = Decimal(text)
    except ArithmeticError as error:
        raise ValueError("a number's exponent is too large") from error
    return to_decimal(number, digits, scale)


def check_key(value: object, column: Column, replaced: bool) -> None:
    """
    Raise ValueError where a key's value, parsed JSON, could become another's.

    What other columns convert would make one key of two: 1, "1", "01", 1.0 and true. So would lone
    surrogates, where they have been `replaced` in the record.
    """
    types = _KEY_TYPES.get(column.kind)
    is_one = types is None or (
        isinstance(value, types) and isinstance(value, bool) is (types is bool)
    )
    if not is_one:
        raise ValueError(f"a key's value must be of its column's type: {shown(value)}")
    if replaced and isinstance(value, str) and REPLACEMENT in value:
        raise ValueError(f"{shown(value)} is no Unicode text, which a key must be")
    if column.kind is Kind.STRING and isinstance(value, str):
        check_key_text(value, column.pads)
    if column.kind is Kind.DATE_TIME:
        to_key_date_time(str(value))
    if column.kind is Kind.TIME:
        to_key_time(str(value))


def to_raw(value: object) -> Raw:
    """Return parsed JSON as JSON."""
    return Raw(_ENCODE(without_lone_surrogates(value)))


def with_unicode_unescaped(data: bytes) -> bytes:
    r"""Return JSON with its \u escapes as UTF-8, all else as it is; lone surrogates replaced."""
    if b"\\u" not in data:
        return data
    # Not by `sub`, which keeps a list of all pieces: 30 times the size of what has many.
    text, at = bytearray(), 0
    for found in _ESCAPES.finditer(data):
        text += data[at : found.start()]
        text += _unescape_run(found)
        at = found.end()
    text += data[at:]
    return bytes(text)


def has_replacements(original: bytes, line: bytes) -> bool:
    """Tell whether lone surrogates of the JSON `original` were replaced in `line`."""
    mark = REPLACEMENT.encode()
    return line.count(mark) > original.count(mark) + original.lower().count(b"\\ufffd")


def _unescape_run(found: re.Match[bytes]) -> bytes:
    escapes = found[1]
    if not escapes:
        return found[0]
    quoted = b'"%b"' % escapes
    try:
        text = _DECODE_TEXT(quoted)
    except ValueError:
        text = without_lone_surrogates(json.loads(quoted))
    return _ENCODE(text)[1:-1]


def without_lone_surrogates(value: Any) -> Any:
    """Return a JSON value with lone surrogates replaced."""
    if isinstance(value, str):
        return _SURROGATE.sub(REPLACEMENT, value)
    if isinstance(value, list):
        return [without_lone_surrogates(one) for one in value]
    if isinstance(value, dict):
        return {
            without_lone_surrogates(name): without_lone_surrogates(one)
            for name, one in value.items()
        }
    return value


def coerced(value: object, column: Column, written: Raw | None = None) -> object:
    """
    Return `value`, parsed JSON, as the decoder gives a value of the column's kind.

    `written` is the same as it was written, where that is known. Raises ValueError, saying why,
    where the column cannot hold the value.
    """
    if value is None:
        return None
    if written is not None and not isinstance(value, str) and column.kind in _AS_WRITTEN:
        result: Any = to_json(written, None) if column.kind is Kind.STRING else written
    else:
        result = _COERCE[column.kind](without_lone_surrogates(value))
    _check_holds(result, column)
    return result


def _check_holds(result: Any, column: Column) -> None:
    """Raise ValueError where `column`, of a kind that holds `result`, does not hold all of it."""
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
    """Raise ValueError, saying what to do, where `text` is too long for `column`."""
    if column.max_length is not None and len(text) > column.max_length:
        widest = column
        while widest.wider_type:
            widest = widest.wider_type
        advice = f": {column.length_advice}" if column.length_advice else ""
        raise ValueError(f"{len(text)} characters, too many for {widest.sql_type.upper()}{advice}")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


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
    return value if isinstance(value, str) else _ENCODE(value).decode()


def _coerce_temporal(convert: Callable[[str], str]) -> Callable[[object], str]:
    def result(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"not a date or time: {shown(value)}")
        convert(value)
        return value

    return result


# What a key's value must be, where its column has one type.
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
# Kinds that keep the digits and the spaces of what is no string.
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
