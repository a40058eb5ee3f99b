"""Values of records as the texts of HubSpot's properties, by the property's type. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

from hubspot_api.json_codec import to_json

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_is_number = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?").fullmatch


def to_text(value: Any) -> str:
    """Return a JSON value as a property's text; empty for null, which clears the property."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value):
        return ";".join(map(to_text, value))
    return to_json(value).decode() if isinstance(value, (dict, list)) else str(value)


def to_datetime_text(text: str) -> str:
    """
    Return a moment as Unix ms in digits, from ISO 8601 or from digits; UTC without a zone.

    Finer parts than ms are cut off. Raises ValueError for anything else.
    """
    if re.fullmatch(r"-?\d{1,18}", text):
        return text
    # Python 3.10 reads three or six digits of a second, and no Z.
    match = re.fullmatch(r"(.+?\d)(?:\.(\d+))?(?:\s*([Zz])|([+-]\d\d):?(\d\d))?", text.strip())
    try:
        if match is None:
            raise ValueError
        zone = f"{match[4]}:{match[5]}" if match[4] else "+00:00"
        has_time = len(match[1]) > len("2026-01-01")
        moment = datetime.fromisoformat(match[1] + (zone if has_time else ""))
    except ValueError:
        raise ValueError("must be a date-time such as 2026-01-31T08:00:00Z, or Unix ms") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    ms = int(f"{match[2] or '':0<3}"[:3])
    return str((moment - EPOCH) // timedelta(milliseconds=1) + ms)


def to_date_text(text: str) -> str:
    """Return a day as YYYY-MM-DD, or midnight UTC in Unix ms. Raises ValueError."""
    if re.fullmatch(r"-?\d{1,18}", text):
        return text
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise ValueError("must be a day such as 2026-01-31") from None


def to_number_text(text: str) -> str:
    """Return a number's text. Raises ValueError for anything else."""
    if not _is_number(text):
        raise ValueError("must be a number")
    return text


def to_bool_text(text: str) -> str:
    """Return `true` or `false`, also of 1 and 0. Raises ValueError for anything else."""
    texts = {"true": "true", "1": "true", "false": "false", "0": "false"}
    if text.lower() not in texts:
        raise ValueError("must be true or false")
    return texts[text.lower()]


CONVERSIONS: Mapping[str, Callable[[str], str]] = {
    "datetime": to_datetime_text,
    "date": to_date_text,
    "number": to_number_text,
    "bool": to_bool_text,
}
"""By the type that HubSpot's definition of a property names; other types take any text."""
