"""The questions: which SQL answers each, with which values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

from engagements_report.calendar import DAY, MS, Offset, day_of, iter_offsets
from engagements_report.database import Database, Rows
from engagements_report.exceptions import UsageError

SQL = Path(__file__).parent / "sql"
UTC = ZoneInfo("UTC")
WINDOW_DAYS = 14  # as in rolling.sql
MAX_DAYS = 100_000  # what the calendar in rolling.sql can count
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DIGITS = " UNION ALL ".join(f"SELECT {digit} AS n" for digit in range(10))


@dataclass(frozen=True)
class Period:
    """Days of a zone, first and last included; None where the data says it."""

    first: date | None
    last: date | None
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.first and self.last and self.first > self.last:
            raise UsageError(f"--from {self.first} is after --to {self.last}")

    @property
    def in_words(self) -> str:
        since = f" from {self.first}" if self.first else ""
        until = f" to {self.last}" if self.last else ""
        return f"{since}{until} ({self.zone.key})"


def daily(database: Database, period: Period) -> Rows:
    """Return (type, day, num_engagements) of each type and day that has engagements."""
    if period == Period(None, None, UTC):
        return database.ask(_read("daily"))
    covered = _covered(database, period.zone)
    if covered is None:
        return Rows(("type", "day", "num_engagements"), ())
    first, last = period.first or covered[0], period.last or covered[1]
    offsets = list(iter_offsets(first, last, period.zone)) if first <= last else []
    statement, values = _with_offsets(_read("daily_in_zone"), offsets)
    return database.ask(statement, values)


def rolling(database: Database, period: Period) -> Rows:
    """
    Return a row a type and day with its count, and sum and averages over the 14 days up to it.

    The windows look back to the first day with data, also before the period's first. Without a
    last day it is the last complete one that has data.
    """
    columns = ("type", "day", "num_engagements", "sum_14d", "days_in_window", "avg_14d")
    nothing = Rows((*columns, "avg_14d_full"), ())
    covered = _covered(database, period.zone)
    if covered is None:
        return nothing
    today = datetime.now(timezone.utc).astimezone(period.zone).date()
    first_shown = period.first or covered[0]
    last = period.last or min(covered[1], today - DAY)
    if first_shown > last:
        return nothing
    first = min(first_shown, covered[0])
    if (last - first_shown).days >= MAX_DAYS:
        raise UsageError(f"{first_shown} to {last} is more than {MAX_DAYS} days: set --from")
    counted_from = max(first, first_shown - (WINDOW_DAYS - 1) * DAY)
    offsets = list(iter_offsets(counted_from, last, period.zone))
    statement, values = _with_offsets(_read("rolling"), offsets)
    days = {"first_day": first, "first_shown": first_shown, "last_day": last}
    return database.ask(statement, {**values, **days})


REPORTS = {"daily": daily, "rolling": rolling}


def _covered(database: Database, zone: ZoneInfo) -> tuple[date, date] | None:
    """Return the first and last day with engagements, None without any."""
    ((first_ms, last_ms),) = database.ask(_read("covered")).rows
    if first_ms is None:
        return None
    return day_of(_possible(first_ms), zone), day_of(_possible(last_ms), zone)


def _possible(at_ms: int) -> int:
    """Return `at_ms`, or the nearest time that a calendar can show with a day to spare."""
    earliest = datetime.min.replace(tzinfo=timezone.utc) + 2 * DAY
    latest = datetime.max.replace(tzinfo=timezone.utc) - 2 * DAY
    return max((earliest - EPOCH) // MS, min(at_ms, (latest - EPOCH) // MS))


def _with_offsets(statement: str, offsets: Sequence[Offset]) -> tuple[str, dict[str, object]]:
    """Put marks for a table of offsets, and the digits, into `statement`; values to bind."""
    values: dict[str, object] = {
        "start_ms": offsets[0].start_ms if offsets else 0,
        "end_ms": offsets[-1].end_ms if offsets else 0,
    }
    rows = []
    for number, offset in enumerate(offsets):
        values |= {
            f"start_{number}": offset.start_ms,
            f"end_{number}": offset.end_ms,
            f"offset_{number}": offset.offset_ms,
        }
        rows.append(
            f"SELECT %(start_{number})s AS start_ms, %(end_{number})s AS end_ms,"
            f" %(offset_{number})s AS offset_ms"
        )
    table = " UNION ALL ".join(rows) or "SELECT 0 AS start_ms, 0 AS end_ms, 0 AS offset_ms"
    return statement.replace("{offsets}", table).replace("{digits}", DIGITS), values


def _read(name: str) -> str:
    """Return the statement of a SQL file, its comments left out."""
    lines = (SQL / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))
