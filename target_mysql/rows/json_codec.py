"""
JSON with the deviations of real taps: NaN, lone surrogates; numbers keep their precision. Pure.
"""

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
# Matches runs of \uXXXX that end between characters. The second branch consumes other escapes
# whole, so that \\u0041 is not misread. Runs are limited, as each repetition takes memory.
_ESCAPES = re.compile(
    rb"((?:\\u[0-9a-fA-F]{4}){1,1000}"
    rb"(?:(?<=\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})?)"
    rb"|(?:\\[^u][^\\]*){1,1000}"
)


def parse_json(line: bytes) -> Any:
    """Parse a line of JSON, numbers without loss of precision; ValueError if malformed."""
    try:
        return json.loads(
            line, parse_int=parse_int, parse_float=Decimal, parse_constant=refuse_constant
        )
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except ArithmeticError as error:
        raise ValueError("a number's exponent is too large") from error


def parse_int(text: str) -> int | Decimal:
    """Return an integer; a Decimal for so many digits that Python refuses or is slow."""
    return int(text) if len(text) <= MAX_INT_DIGITS else Decimal(text)


def without_constants(line: bytes) -> tuple[bytes, int]:
    """
    Return a line with null for NaN and Infinity, and their number.

    Raises ValueError for other malformed JSON.
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
    """Serialize parsed JSON."""
    return Raw(encode_json(without_lone_surrogates(value)))


def with_unicode_unescaped(data: bytes) -> bytes:
    r"""Return JSON with \u escapes decoded to UTF-8 and lone surrogates replaced."""
    if b"\\u" not in data:
        return data
    # Not by `sub`, whose list of pieces takes up to 30 times the size of the text.
    text, at = bytearray(), 0
    for match in _ESCAPES.finditer(data):
        text += data[at : match.start()]
        text += _unescape_run(match)
        at = match.end()
    text += data[at:]
    return bytes(text)


def has_replacements(original: bytes, line: bytes) -> bool:
    """Whether lone surrogates of the JSON `original` were replaced in `line`."""
    mark = REPLACEMENT.encode()
    return line.count(mark) > original.count(mark) + original.lower().count(b"\\ufffd")


def _unescape_run(match: re.Match[bytes]) -> bytes:
    escapes = match[1]
    if not escapes:
        return match[0]
    literal = b'"%b"' % escapes
    try:
        text = decode_string(literal)
    except ValueError:
        text = without_lone_surrogates(json.loads(literal))
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
