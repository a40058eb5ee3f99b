"""
JSON in and out of the tap: integers of any size, and text that every target can hold.

msgspec rather than orjson, at the same speed: orjson makes floats of integers past 64 bits.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import math
import re
from typing import Any

import msgspec

NUL_ESCAPE = re.compile(rb"\\u0000")  # found sooner than by `in`
_NUL = re.compile("\x00")
_SURROGATE = re.compile("[\ud800-\udfff]")

MAX_DIGITS = 1000
_PIECE = 16 * 1024  # bytes

to_json = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def parse_json(text: bytes, strict: bool = True) -> Any:
    """
    Return the value of a JSON text; lone surrogates, which UTF-8 cannot hold, become U+FFFD.

    A preview cut in the middle of an emoji ends in one. A number that no float holds is returned
    as its text, and so is an integer of thousands of digits. Unless `strict`, control
    characters may stand in texts. Raises ValueError for what is no JSON.
    """
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode(text)
    try:
        value = json.loads(
            text, parse_float=_to_float, parse_int=_to_int, parse_constant=str, strict=strict
        )
        return replace_text(value, _SURROGATE, "\ufffd")
    except (ValueError, RecursionError) as error:
        raise ValueError(str(error)) from error


def check_utf8(text: bytes) -> None:
    """Raise UnicodeDecodeError where a text is not UTF-8."""
    # In pieces that the processor keeps at hand: a page with one emoji, decoded whole, becomes
    # four bytes a character, and takes five times as long.
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(text), _PIECE):
        decoder.decode(text[start : start + _PIECE])
    decoder.decode(b"", final=True)


def without_nul(value: Any) -> Any:
    """Return `value` without the U+0000 in its texts: PostgreSQL and others cannot hold it."""
    return replace_text(value, _NUL, "")


def replace_text(value: Any, pattern: re.Pattern[str], by: str) -> Any:
    """Return a JSON value with `pattern` replaced in its texts, names of objects included."""
    if isinstance(value, str):
        return pattern.sub(by, value)
    if isinstance(value, list):
        return [replace_text(one, pattern, by) for one in value]
    if isinstance(value, dict):
        return {
            replace_text(name, pattern, by): replace_text(one, pattern, by)
            for name, one in value.items()
        }
    return value


def _to_int(text: str) -> int | str:
    # Python refuses those of more than 4,300: to convert one takes the square of its length.
    return int(text) if len(text) <= MAX_DIGITS else text


def _to_float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text
