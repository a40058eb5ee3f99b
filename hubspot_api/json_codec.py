"""
Parses and serializes JSON without loss of precision: integers keep every digit.

msgspec rather than orjson, at the same speed: orjson turns integers past 64 bits into floats.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import math
import re
from typing import Any

import msgspec

NUL_ESCAPE = re.compile(rb"\\u0000")  # faster than `in`
_NUL = re.compile("\x00")
_SURROGATE = re.compile("[\ud800-\udfff]")

MAX_DIGITS = 1000
_PIECE = 16 * 1024  # bytes

to_json = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def parse_json(text: bytes, strict: bool = True) -> Any:
    """
    Return the value of a JSON text.

    Lone surrogates, which UTF-8 cannot hold, become U+FFFD: a preview cut in the middle of an emoji
    ends in one. A number beyond the range of floats stays text, and so does an integer of more than
    MAX_DIGITS digits. Unless `strict`, texts may contain control characters. Raises ValueError for
    anything but JSON.
    """
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode(text)
    try:
        value = json.loads(
            text, parse_float=_to_float, parse_int=_to_int, parse_constant=str, strict=strict
        )
        return replace_text(value, _SURROGATE, "\ufffd")
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except ValueError as error:
        raise ValueError(str(error)) from error


def check_utf8(text: bytes) -> None:
    """Raise UnicodeDecodeError unless a text is UTF-8."""
    # In pieces that fit the processor's cache: a page with one emoji, decoded whole, takes four
    # bytes a character and five times as long.
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(text), _PIECE):
        decoder.decode(text[start : start + _PIECE])
    decoder.decode(b"", final=True)


def without_nul(value: Any) -> Any:
    """Return `value` without the U+0000 in its texts: PostgreSQL and others cannot hold it."""
    return replace_text(value, _NUL, "")


def replace_text(value: Any, pattern: re.Pattern[str], replacement: str) -> Any:
    """Return a JSON value with `pattern` replaced in its texts, keys of objects included."""
    if isinstance(value, str):
        return pattern.sub(replacement, value)
    if isinstance(value, list):
        return [replace_text(item, pattern, replacement) for item in value]
    if isinstance(value, dict):
        return {
            replace_text(name, pattern, replacement): replace_text(item, pattern, replacement)
            for name, item in value.items()
        }
    return value


def _to_int(text: str) -> int | str:
    # Conversion takes the square of the length, and Python refuses more than 4,300 digits.
    return int(text) if len(text) <= MAX_DIGITS else text


def _to_float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text
