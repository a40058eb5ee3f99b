"""Rows with the known counts of June 2018, and the expected reports on them.

All in plain Python: the goldens beside this file are printed by `python -m tests.report.june_2018`.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from demo.known_answer import JUNE_2018

GOLDEN = Path(__file__).parent / "golden"
UTC = ZoneInfo("UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
WINDOW_DAYS = 14

Row = tuple[int | None, str | None]
"""createdAt in Unix ms, and type: all that the reports look at."""


def rows() -> Iterator[Row]:
    """Yield 64 rows, each between 10:00 and 15:00 UTC of the day."""
    for kind, day, number in JUNE_2018:
        ten = datetime.fromisoformat(f"{day}T10:00:00+00:00")
        for nth in range(number):
            at = ten + timedelta(minutes=29 * nth, milliseconds=nth)
            yield (at - EPOCH) // timedelta(milliseconds=1), kind


def day_of(at_ms: int, zone: ZoneInfo) -> date:
    return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone).date()


def daily(
    table_rows: Iterable[Row],
    zone: ZoneInfo = UTC,
    first: date = date.min,
    last: date = date.max,
) -> list[tuple[str, date, int]]:
    """Return (type, day, number) of rows that have both, ordered."""
    days = (
        (kind, day_of(at, zone)) for at, kind in table_rows if at is not None and kind is not None
    )
    counts = Counter((kind, day) for kind, day in days if first <= day <= last)
    return [(kind, day, number) for (kind, day), number in sorted(counts.items())]


def rolling(
    table_rows: Iterable[Row],
    zone: ZoneInfo = UTC,
    first: date | None = None,
    last: date | None = None,
    window_days: int = WINDOW_DAYS,
) -> list[tuple[str, date, int, int, int, str, str]]:
    """Return the rolling report's rows, averages as text with 4 decimals, "" for NULL."""
    daily_counts = daily(table_rows, zone)
    if not daily_counts:
        return []
    days = [day for _, day, _ in daily_counts]
    first_shown = first or min(days)
    last = last or max(days)
    covered_first = min(first_shown, min(days))
    counts = {(kind, day): number for kind, day, number in daily_counts}
    since = first_shown - timedelta(days=window_days - 1)
    kinds = sorted({kind for kind, day, _ in daily_counts if since <= day <= last})
    return [
        rolling_row(kind, first_shown + timedelta(days=nth), covered_first, counts, window_days)
        for kind in kinds
        for nth in range((last - first_shown).days + 1)
    ]


def rolling_row(
    kind: str, day: date, covered_first: date, counts: dict[tuple[str, date], int], window_days: int
) -> tuple[str, date, int, int, int, str, str]:
    window = [day - timedelta(days=back) for back in range(window_days)]
    total = sum(counts.get((kind, one), 0) for one in window)
    width = min(window_days, (day - covered_first).days + 1)
    full = average(total, window_days) if width == window_days else ""
    return kind, day, counts.get((kind, day), 0), total, width, average(total, width), full


def average(total: int, days: int) -> str:
    exact = Decimal(total) / Decimal(days)
    return str(exact.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP))


def to_csv(head: str, table: Iterable[tuple[object, ...]]) -> str:
    return "".join(f"{','.join(map(str, row))}\n" for row in [tuple(head.split()), *table])


DAILY_HEAD = "type day num_engagements"
ROLLING_HEAD = "type day num_engagements sum_14d days_in_window avg_14d avg_14d_full"


def goldens() -> dict[str, str]:
    """Return the text of each golden file by name."""
    wider = rolling(rows(), first=date(2018, 6, 14), last=date(2018, 7, 14))
    return {
        "daily.csv": to_csv(DAILY_HEAD, daily(rows())),
        "rolling.csv": to_csv(ROLLING_HEAD, rolling(rows())),
        "rolling_covered_0614_0714.csv": to_csv(ROLLING_HEAD, wider),
    }


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    for name, text in goldens().items():
        (GOLDEN / name).write_text(text, encoding="utf-8")
