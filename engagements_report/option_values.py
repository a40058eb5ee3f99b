"""Reads the values of options. Each function raises ArgumentTypeError for a wrong value."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from typing import TypeVar

from engagements_report.queries.periods import Hours
from engagements_report.queries.reports import REPORTS

N = TypeVar("N", int, float)

MAX_TIMEOUT_S = 86_400
MAX_AGE_LIMIT_S = 10 * 366 * 86_400
# Lower case, since some servers change a name to it; a name has at most 64 characters.
PREFIX = r"[a-z][a-z0-9_]{0,39}"
MAX_UNTOUCHED_DAYS = 36_600
SECONDS = {"m": 60, "h": 3600, "": 3600, "d": 86_400}


def read_report(text: str) -> str:
    if text not in REPORTS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(REPORTS)}")
    return text


def read_prefix(text: str) -> str:
    """Return a prefix of views' names, which need no quotes on any server."""
    if not re.fullmatch(PREFIX, text):
        raise argparse.ArgumentTypeError(f"{text!r} does not match {PREFIX}")
    return text


def read_age_s(text: str) -> int:
    """Return an age such as 90m, 2h, 1d or 2, which are hours, in seconds."""
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)([mhd]?)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age such as 90m, 2h or 1d")
    seconds = float(match[1]) * SECONDS[match[2]]
    if not 0 < seconds <= MAX_AGE_LIMIT_S:
        raise argparse.ArgumentTypeError(f"must be above 0, at most {MAX_AGE_LIMIT_S // 86_400}d")
    return math.ceil(seconds)


def read_hours(text: str) -> Hours:
    """Return hours such as 9-17."""
    match = re.fullmatch(r"(\d{1,2})-(\d{1,2})", text)
    if not match or not 0 <= int(match[1]) < int(match[2]) <= 24:
        raise argparse.ArgumentTypeError(f"{text!r} are not hours such as 9-17, from 0 to 24")
    return Hours(int(match[1]), int(match[2]))


def read_days(text: str) -> int:
    days = _number(int, text)
    if not 1 <= days <= MAX_UNTOUCHED_DAYS:
        raise argparse.ArgumentTypeError(f"must be from 1 to {MAX_UNTOUCHED_DAYS}")
    return days


def read_seconds(text: str) -> float:
    seconds = _number(float, text)
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise argparse.ArgumentTypeError(f"must be above 0, at most {MAX_TIMEOUT_S}")
    return seconds


def _number(kind: Callable[[str], N], text: str) -> N:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
