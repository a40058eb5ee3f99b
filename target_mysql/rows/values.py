"""
Serializes JSON values as fields of the load file. Pure.

The `to_...` functions take values of the right type; coercion.py first converts other values.
"""

from __future__ import annotations

import json
import re
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any

import msgspec
from msgspec import Raw

from target_mysql.exceptions import MAX_SHOWN_LENGTH, shown
from target_mysql.rows.json_codec import decode_string, encode_json, with_unicode_unescaped
from target_mysql.rows.load_file import NULL
from target_mysql.tables.columns import MAX_DECIMAL_DIGITS
from target_mysql.tables.dialect import BYTES_A_CHARACTER, JsonType

_JSON_STARTS = tuple('"{[-0123456789tfn \t\n\r')
MAX_JSON_NAME_BYTES = 65_535  # of a property's name in MySQL's JSON


# Numbers of up to 15 digits are the same after a DOUBLE has held them.
_SHORT_NUMBER = re.compile(rb"-?[\d.]{1,15}")
_NEGATIVE_ZERO = re.compile(rb"-0(?:\.0*)?(?:[eE][+-]?\d+)?")
_NUMERAL = re.compile(rb"-?\d.*", re.DOTALL)
# What may be a number that a JSON type would change.
_LONG_NUMBER = re.compile(r"[0-9][0-9.]{15}|[0-9][eE][+-]?[0-9]{2}")

_EXACT = Context(prec=MAX_DECIMAL_DIGITS, traps=[Inexact, InvalidOperation])
_UNITS = [Decimal(1).scaleb(-scale) for scale in range(MAX_DECIMAL_DIGITS + 1)]


def to_decimal(number: Decimal, digits: int, scale: int) -> str:
    """Return `number` in plain digits; ValueError if DECIMAL(digits, scale) would round it."""
    if not number.is_finite():
        raise ValueError(f"not a number: {number}")
    if number.adjusted() >= digits - scale and number:
        raise ValueError(f"{shown(number)} has more than {digits - scale} digits before the point")
    try:
        # Python's default context rounds, or refuses, more than 28 digits.
        return f"{number.quantize(_UNITS[scale], context=_EXACT):f}"
    except ArithmeticError as error:
        problem = f"{shown(number)} has more than {scale} digits behind the point"
        raise ValueError(problem) from error


def to_number(raw: Raw) -> str:
    """
    Return a JSON number unchanged; NULL for null.

    Raises ValueError for other values, and if a DOUBLE would lose precision.
    """
    data = bytes(raw)
    if _SHORT_NUMBER.fullmatch(data):
        return data.decode()
    text = to_number_text(raw)
    if text != NULL and not _is_double(text):
        raise ValueError(f"{text[:MAX_SHOWN_LENGTH]} has more digits than DOUBLE holds")
    return text


def to_number_text(raw: Raw) -> str:
    """Return a JSON number unchanged; NULL for null, ValueError for other values."""
    data = bytes(raw)
    if data == b"null":
        return NULL
    if not _NUMERAL.fullmatch(data):
        raise ValueError("not a number")
    return data.decode()


def _is_double(number: str) -> bool:
    """Whether a DOUBLE holds the number without loss of precision."""
    try:
        return Decimal(repr(float(number))) == Decimal(number)
    except ArithmeticError:
        return False


def to_json(raw: Raw, json_type: JsonType | None) -> str:
    """
    Return a JSON value as UTF-8 text with all digits; NULL for null.

    Raises ValueError if a column of `json_type` would refuse or change the value.
    """
    text = str(raw, "utf-8")
    if text == "null":
        return NULL
    if "\\u" in text:
        text = with_unicode_unescaped(text.encode()).decode()
    if json_type is not None and len(text) > json_type.safe_length:
        check_json(text, json_type)
    return text


def check_json(text: str, json_type: JsonType) -> None:
    """Raise ValueError if a column of `json_type` would refuse or change the JSON value."""
    may_be_deep = text.count("[") + text.count("{") > json_type.depth
    may_lose_digits = json_type.is_parsed and _LONG_NUMBER.search(text)
    most_bytes = len(text) * (1 if text.isascii() else BYTES_A_CHARACTER)
    may_have_long_name = json_type.is_parsed and most_bytes > MAX_JSON_NAME_BYTES
    if not (may_be_deep or may_lose_digits or may_have_long_name):
        return

    def refuse_inexact(number: str) -> None:
        if json_type.is_parsed and not (_is_64_bit(number) or _is_double(number)):
            raise ValueError(f"{number[:MAX_SHOWN_LENGTH]} would lose digits")

    def refuse_long_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for name, _ in pairs:
            if json_type.is_parsed and len(name.encode()) > MAX_JSON_NAME_BYTES:
                raise ValueError(f"a name has more than {MAX_JSON_NAME_BYTES} bytes")
        return dict(pairs)

    value = json.loads(
        text,
        parse_int=refuse_inexact,
        parse_float=refuse_inexact,
        object_pairs_hook=refuse_long_names,
    )
    if not _is_within(value, json_type.depth):
        raise ValueError(f"nested deeper than {json_type.depth}")


def _is_64_bit(number: str) -> bool:
    return number.lstrip("-").isdigit() and -(2**63) <= int(number) < 2**64


def _is_within(value: Any, depth: int) -> bool:
    """Whether arrays and objects are nested at most to this depth."""
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, (dict, list)):
        return True
    return depth > 0 and all(_is_within(one, depth - 1) for one in inner)


def to_text(raw: Raw, max_length: int | None = None) -> str:
    """
    Return a string unchanged, other JSON values as their text; NULL for null.

    Raises ValueError for more than `max_length` characters.
    """
    data = bytes(raw)
    text: str = decode_string(data) if data.startswith(b'"') else to_json(raw, None)
    if max_length is not None and len(text) > max_length:
        raise ValueError(f"{len(text)} characters, and only {max_length} fit")
    return text


def to_key_text(raw: Raw, max_length: int | None, pads: bool) -> str:
    """
    Return the text of a value in a key of several types, distinct for each value.

    Text that reads as JSON keeps its quotes: 1 and "1" are two keys. Raises ValueError as
    `check_key_text` does, and for more than `max_length` characters.
    """
    text = to_text(raw)
    if bytes(raw).startswith(b'"'):
        if _may_be_json(text):
            text = encode_json(text).decode()
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
    """Return a key's text; ValueError for a trailing space if the column `pads`."""
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
