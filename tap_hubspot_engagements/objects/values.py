"""
Conversions of the texts that the objects API has for all values. Pure.

A text that does not convert is returned as it is: records.py keeps it in `extra`, and counts it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from tap_hubspot_engagements.properties import INT64_MAX, INT64_MIN
from tap_hubspot_engagements.times import EPOCH, MILLISECOND, parse_moment

Convert = Callable[[str], Any]

_NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
_is_whole = re.compile(r"-?[0-9]{1,100}").fullmatch


def to_int(text: str) -> int | str | None:
    """Return a whole number; HubSpot writes some of them as `5000.0`."""
    try:
        return msgspec.convert(text, int | None, strict=False)
    except msgspec.ValidationError:
        return text


def to_bool(text: str) -> bool | str | None:
    """Return the boolean of `true` or `false`, in any case of letters."""
    try:
        return msgspec.convert(text, bool | None, strict=False)
    except msgspec.ValidationError:
        return text


def to_ms(text: str) -> int | str:
    """Return Unix ms from ISO 8601, with or without milliseconds, or from ms in digits."""
    try:
        return parse_ms(text)
    except ValueError:
        return int(text) if _is_whole(text) else text


def parse_ms(text: str) -> int:
    """Return Unix ms as to_ms does; raise ValueError for another text, or beyond 64 bits."""
    try:
        # Nearly all texts end in a Z.
        at = datetime.fromisoformat(text[:-1])
        if text[-1] == "Z" and at.tzinfo is None:
            return (at - _NAIVE_EPOCH) // MILLISECOND
    except ValueError:
        pass
    if _is_whole(text):
        at_ms = int(text)
        if not INT64_MIN <= at_ms <= INT64_MAX:
            raise ValueError(text)
        return at_ms
    return (parse_moment(text) - EPOCH) // MILLISECOND


def to_texts(text: str) -> list[str]:
    """Return the parts between semicolons; a leading semicolon adds none."""
    return [part for part in text.split(";") if part]


def to_ids(text: str) -> list[int | str | None]:
    """Return the numbers between semicolons; a part that is no number stays text."""
    return [to_int(part) for part in text.split(";") if part]
