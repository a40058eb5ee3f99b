"""
SQL files that run unchanged, and with other values in place of those in the file. Pure.

A comment before a value or a word is a name: `LIMIT /*:most*/ 10`. The mysql client reads the 10;
`fill` puts a placeholder for a bound value there, or a word of our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from engagements_report.queries.calendar import Offset
from engagements_report.queries.periods import NO_OWNER, Span

SQL = Path(__file__).parents[1] / "sql"
# What tells a live engagement, by the column that the condition needs.
LIVE_CONDITIONS = {
    "active": "COALESCE({0}.active, 1) = 1",
    "_sdc_deleted_at": "{0}._sdc_deleted_at IS NULL",
}
NO_OFFSETS = "SELECT 0 AS start_ms, 0 AS end_ms, 0 AS offset_ms"

Value = int | str | date | None
"""A value to bind."""


@dataclass(frozen=True)
class SqlText:
    """SQL of our own with placeholders such as `%(start_ms)s`, and the values to bind."""

    sql: str
    values: Mapping[str, Value] = field(default_factory=dict)


def read_sql(name: str) -> str:
    """Return the text of a SQL file, comments included."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def leading_comments(sql: str) -> str:
    """Return the comment lines at the top: question, grain, units, how to run the file."""
    lines = sql.splitlines()
    length = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return "\n".join(lines[:length]) + "\n"


def fill(sql: str, parts: Mapping[str, Value | SqlText]) -> SqlText:
    """
    Return `sql` without comments, with a placeholder for each value and the text of each SqlText.

    Raises KeyError for a name that `parts` lacks: no value of the file is used by accident.
    """
    lines = (line for line in sql.splitlines() if not line.lstrip().startswith("--"))
    bare = "\n".join(lines)
    values: dict[str, Value] = {}

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        part = parts[name]
        if isinstance(part, SqlText):
            values.update(part.values)
            return part.sql
        values[name] = part
        return f"%({name})s"

    return SqlText(_NAMED_VALUE.sub(replace, bare.replace("%", "%%")), values)


def _parentheses(depth: int) -> str:
    """Return a pattern of text in parentheses, with others inside, `depth` deep at most."""
    inner = _parentheses(depth - 1) if depth else "(?!)"
    return rf"\((?:[^()]|{inner})*\)"


# A name, then the default: a table or an expression in parentheses, a text, a number or a word.
_NAMED_VALUE = re.compile(rf"/\*:(\w+)\*/ ?(?:{_parentheses(4)}|'[^']*'|-?[\w.]+)")


def to_offsets(offsets: Sequence[Offset]) -> SqlText:
    """Return a table of (start_ms, end_ms, offset_ms); without offsets no time matches."""
    values: dict[str, Value] = {}
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
    return SqlText(f"({' UNION ALL '.join(rows) or NO_OFFSETS})", values)


def to_days(span: Span) -> SqlText:
    """Return a table of one row: first_day, the first with data, first_shown and last_day."""
    values = {"first_day": span.covered_first, "first_shown": span.first, "last_day": span.last}
    return SqlText(f"(SELECT {', '.join(f'%({name})s AS {name}' for name in values)})", values)


def to_list(name: str, options: Iterable[Value]) -> SqlText:
    """Return a list of values in parentheses, for IN."""
    values = {f"{name}_{n}": value for n, value in enumerate(options)}
    return SqlText(f"({', '.join(f'%({name})s' for name in values)})", values)


def to_condition(
    alias: str, *, live_by: Iterable[str], owners: Iterable[int] = (), types: Iterable[str] = ()
) -> SqlText:
    """
    Return the condition on table `alias`: one of the owners, one of the types, and live.

    `live_by` are the columns that tell a live engagement: keys of LIVE_CONDITIONS, none for all.
    """
    values: dict[str, Value] = {}
    live = " AND ".join(LIVE_CONDITIONS[column].format(alias) for column in live_by)
    conditions = [f"({live})"] if live else []
    lists: tuple[tuple[str, Iterable[Value]], ...] = (("ownerId", owners), ("type", types))
    for column, options in lists:
        by_name: dict[str, Value] = {f"{column}_{n}": value for n, value in enumerate(options)}
        if by_name:
            placeholders = ", ".join(f"%({name})s" for name in by_name)
            named = f"{alias}.{column}"
            # An engagement without an owner has NULL or 0.
            known = f"COALESCE({named}, 0)" if NO_OWNER in by_name.values() else named
            conditions.append(f"{known} IN ({placeholders})")
            values |= by_name
    return SqlText(" AND ".join(conditions) or "TRUE", values)


def without_times(condition: SqlText, time: str, other_days: Sequence[tuple[int, int]]) -> SqlText:
    """Return a condition on table `e` that leaves out times, each from a start to before an end."""
    sql, values = condition.sql, dict(condition.values)
    for n, (start_ms, end_ms) in enumerate(other_days):
        sql += f" AND NOT (e.`{time}` >= %(gap_start_{n})s AND e.`{time}` < %(gap_end_{n})s)"
        values |= {f"gap_start_{n}": start_ms, f"gap_end_{n}": end_ms}
    return SqlText(sql, values)


def empty_table(columns: Iterable[str]) -> SqlText:
    """Return a table of one row of NULLs, in place of a table that does not exist."""
    return SqlText(f"(SELECT {', '.join(f'NULL AS {name}' for name in columns)})")
