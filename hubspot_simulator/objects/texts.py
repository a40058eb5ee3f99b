"""
Values as the objects API writes them: every property is a text or null.

Times are ISO 8601 in UTC, without milliseconds at a full second (recorded 2021 to 2026), lists are
joined by semicolons, booleans are `true` and `false`.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Literal

import msgspec

Kind = Literal["text", "time", "number", "bool", "list", "json"]

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Years 1 to 9999, the range of ISO 8601 without a sign; other times stay epoch ms.
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999


@lru_cache(maxsize=4096)  # a record's dates are alike, and each comes several times
def iso(at_ms: int) -> str:
    """Return a time in ISO 8601; epoch ms as digits for a year beyond 1 to 9999."""
    if not FIRST_MS <= at_ms <= LAST_MS:
        return str(at_ms)
    timespec = "milliseconds" if at_ms % 1000 else "seconds"
    moment = EPOCH + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec=timespec).removesuffix("+00:00") + "Z"


def iso_ms(at_ms: int) -> str:
    """Return a time in ISO 8601 with milliseconds, as `createdAt` and `updatedAt` always have."""
    text = iso(at_ms)
    return text if "." in text or text[-1] != "Z" else f"{text[:-1]}.000Z"


def to_text(value: Any, kind: Kind, *, epoch_ms: bool = False) -> str | None:
    """Return a property's text, None for an absent value; `epoch_ms` writes times as digits."""
    if value is None or value == []:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind == "time" and isinstance(value, int):
        return str(value) if epoch_ms else iso(value)
    if kind == "list" and isinstance(value, (list, tuple)):
        return ";".join(str(item) for item in value)
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return str(value)
    return msgspec.json.encode(value).decode()


def to_ms(text: str) -> int:
    """
    Return the Unix ms of a filter's time: digits, or ISO 8601; finer parts are cut off.

    Raises ValueError for other texts.
    """
    if text.lstrip("-").isdecimal():
        return int(text)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - EPOCH) // timedelta(milliseconds=1)
