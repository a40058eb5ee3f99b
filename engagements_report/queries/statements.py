"""
SQL files that run as they stand, and with other values put in. Pure.

A value or word that may change is named by a comment before it: `LIMIT /*:most*/ 10`. The mysql
client reads the 10; `fill` puts a mark in its place, to be bound, or one of our own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from engagements_report.queries.calendar import Offset

SQL = Path(__file__).parents[1] / "sql"
LIVE = "(COALESCE({0}.active, 1) = 1 AND {0}._sdc_deleted_at IS NULL)"

Value = int | str | date | None
"""What is bound."""


@dataclass(frozen=True)
class SqlText:
    """A piece of SQL of our own making, with marks, and the values to bind to them."""

    sql: str
    values: Mapping[str, Value] = field(default_factory=dict)


def read(name: str) -> str:
    """Return the text of a SQL file, its comments too."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def comments(sql: str) -> str:
    """Return the lines that a SQL file begins with: question, grain, units, how to run it."""
    lines = sql.splitlines()
    length = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return "\n".join(lines[:length]) + "\n"


def fill(sql: str, parts: Mapping[str, Value | SqlText]) -> SqlText:
    """
    Return `sql` without its comments, each named value a mark, each named word the part's.

    KeyError for a name that `parts` does not have: nothing keeps a value by being forgotten.
    """
    bare = "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))
    values: dict[str, Value] = {}

    def put(found: re.Match[str]) -> str:
        name = found[1]
        part = parts[name]
        if isinstance(part, SqlText):
            values.update(part.values)
            return part.sql
        values[name] = part
        return f"%({name})s"

    return SqlText(_NAMED.sub(put, bare.replace("%", "%%")), values)


# A name, and behind it what it stands for: a table in parentheses, a text, a number or a word.
_NAMED = re.compile(r"/\*:(\w+)\*/ ?(?:\([^()]*\)|'[^']*'|-?[\w.]+)")


def to_offsets(offsets: Sequence[Offset]) -> SqlText:
    """Return a table of (start_ms, end_ms, offset_ms), one row an offset; none: no time fits."""
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


NO_OFFSETS = "SELECT 0 AS start_ms, 0 AS end_ms, 0 AS offset_ms"


def to_condition(
    alias: str, *, live: bool, owners: Iterable[int] = (), types: Iterable[str] = ()
) -> SqlText:
    """Return what engagements must be to count: live, of one of the owners, of one of the types."""
    values: dict[str, Value] = {}
    conditions = [LIVE.format(alias)] if live else []
    asked: tuple[tuple[str, Iterable[Value]], ...] = (("ownerId", owners), ("type", types))
    for column, several in asked:
        named: dict[str, Value] = {f"{column}_{n}": value for n, value in enumerate(several)}
        if named:
            marks = ", ".join(f"%({name})s" for name in named)
            conditions.append(f"{alias}.{column} IN ({marks})")
            values |= named
    return SqlText(" AND ".join(conditions) or "TRUE", values)


def empty_table(columns: Iterable[str]) -> SqlText:
    """Return a table of one row of NULLs, to stand for a table that is not there."""
    return SqlText(f"(SELECT {', '.join(f'NULL AS {name}' for name in columns)})")
