"""The SQL of the views that the existing tables allow, and what is left out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engagements_report.views.definitions import VIEWS, Column, Table, View

MOST_NAMES = 6  # of what is left out, in a line
METADATA_PREFIX = "_sdc_"  # of columns that target-mysql adds
# A reader needs SELECT on the tables, and the view outlives its creator's account.
READERS_RIGHTS = "SQL SECURITY INVOKER "

ExistingColumns = Mapping[str, Collection[str]]
"""The column names of each table."""


@dataclass
class LeftOut:
    """What cannot be read of a table: the columns, none for all, and what is left out for that."""

    columns: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ViewStatements:
    """CREATE statements by the views' names, and what is left out by the tables' names."""

    create: Mapping[str, str]
    left_out: Mapping[str, LeftOut]


def build_statements(
    existing: ExistingColumns, prefix: str, security: str = READERS_RIGHTS
) -> ViewStatements:
    """
    Return the statement of each view whose tables exist, with the columns that exist.

    `security` is the clause that says whose rights count, empty for the server's default.
    """
    create = {}
    left_out: dict[str, LeftOut] = {}
    for view in VIEWS:
        name = f"{prefix}{view.name}"
        aliases = {table.alias: table for table in view.tables}
        if lacking := _lacking(view.reads, aliases, existing):
            _leave_out(name, lacking, existing, left_out)
            continue
        columns = []
        for column_name, choices in _by_name(view.columns).items():
            lacks = [_lacking(column.reads, aliases, existing) for column in choices]
            readable = [column for column, lack in zip(choices, lacks, strict=True) if not lack]
            columns += readable[:1]
            if lacks[0]:
                part = f"part of {column_name}" if readable else column_name
                _leave_out(part, lacks[0], existing, left_out)
        create[name] = _create_statement(f"{security}VIEW `{name}`", view, columns)
    return ViewStatements(create, left_out)


def all_columns(view: View) -> tuple[str, ...]:
    """Return the names of the columns that a view has when all tables are loaded."""
    return tuple(_by_name(view.columns))


def drop_statement(name: str) -> str:
    return f"DROP VIEW IF EXISTS `{name}`"


def describe_left_out(table: str, left_out: LeftOut, *, may_read: bool) -> str:
    """Return a line on a table that is missing or lacks columns: what it costs, what to do."""
    shown = left_out.names[:MOST_NAMES]
    more = len(left_out.names) - len(shown)
    names = ", ".join(shown) + (f" and {more} more" if more else "")
    if not may_read:
        return f"this user may not read {table}: {names} left out: grant it the right SELECT"
    if not left_out.columns:
        return f"{table} is not loaded: {names} left out: select that stream in the tap's catalog"
    problem = f"{table} lacks {', '.join(left_out.columns)}: {names} left out"
    if all(column.startswith(METADATA_PREFIX) for column in left_out.columns):
        return f"{problem}: let target-mysql add it, with add_metadata_columns"
    return f"{problem}: select that field in the tap's catalog"


def _by_name(columns: Iterable[Column]) -> dict[str, list[Column]]:
    """Return the columns of each name, in order."""
    choices: dict[str, list[Column]] = {}
    for column in columns:
        choices.setdefault(column.name, []).append(column)
    return choices


def _lacking(
    reads: Iterable[str], aliases: Mapping[str, Table], existing: ExistingColumns
) -> list[tuple[str, str]]:
    """Return the (table, column) pairs of `reads` that do not exist."""
    pairs = (read.split(".", 1) for read in reads)
    named = ((aliases[alias].name, column) for alias, column in pairs)
    return [(table, column) for table, column in named if column not in existing.get(table, ())]


def _leave_out(
    name: str,
    lacking: Iterable[tuple[str, str]],
    existing: ExistingColumns,
    left_out: dict[str, LeftOut],
) -> None:
    """Enter a view or column into `left_out`, at each table for which it is left out."""
    for table, column in lacking:
        entry = left_out.setdefault(table, LeftOut())
        if table in existing and column not in entry.columns:
            entry.columns.append(column)
        if name not in entry.names:
            entry.names.append(name)


def _create_statement(what: str, view: View, columns: Sequence[Column]) -> str:
    """Return the statement; tables that no column reads are not joined."""
    used = {read.split(".", 1)[0] for column in columns for read in column.reads}
    used |= {read.split(".", 1)[0] for read in view.reads}
    first, *others = view.tables
    lines = [
        f"CREATE OR REPLACE {what} AS",
        "SELECT",
        ",\n".join(f"  {column.sql} AS `{column.name}`" for column in columns),
        f"FROM `{first.name}` AS {first.alias}",
        *(
            f"LEFT JOIN `{table.name}` AS {table.alias} ON {table.join}"
            for table in others
            if table.alias in used
        ),
    ]
    if view.condition:
        lines.append(f"WHERE {view.condition}")
    return "\n".join(lines)
