"""JSON as taps write it: NaN, lone surrogates, escapes, and numbers digit for digit. Pure."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Raw

MAX_INT_DIGITS = 1_000  # far more than a column of integers holds
REPLACEMENT: Final = "\ufffd"  # for lone surrogates, which UTF-8 and so MySQL cannot hold
_SURROGATE = re.compile("[\ud800-\udfff]")
encode_json = msgspec.json.Encoder(decimal_format="number").encode
decode_string = msgspec.json.Decoder(str).decode
# Runs of \\uXXXX, which end between characters; and of other escapes, with the text behind them, so
# that none is read from its middle. Runs have a bound, as each repetition takes memory.
_ESCAPES = re.compile(
    rb"((?:\\u[0-9a-fA-F]{4}){1,1000}"
    rb"(?:(?<=\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})?)"
    rb"|(?:\\[^u][^\\]*){1,1000}"
)


def parse_json(line: bytes) -> Any:
    """Return the value of a line of JSON, numbers digit for digit; ValueError where it is none."""
    try:
        return json.loads(
            line, parse_int=parse_int, parse_float=Decimal, parse_constant=refuse_constant
        )
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except ArithmeticError as error:
        raise ValueError("a number's exponent is too large") from error


def parse_int(text: str) -> int | Decimal:
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
            line, parse_int=parse_int, parse_float=Decimal, parse_constant=replace_constant
        )
    except (RecursionError, ArithmeticError) as error:
        raise ValueError("nested too deep, or a number's exponent is too large") from error
    return (encode_json(without_lone_surrogates(value)), count) if count else (line, 0)


def to_raw(value: object) -> Raw:
    """Return parsed JSON as JSON."""
    return Raw(encode_json(without_lone_surrogates(value)))


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
        text = decode_string(quoted)
    except ValueError:
        text = without_lone_surrogates(json.loads(quoted))
    return encode_json(text)[1:-1]


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


def refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
