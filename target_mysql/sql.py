"""
Every statement this target sends, as text from a pure function; values are always bound.

A statement is a format: its %s marks are where values are bound, with or without any.
"""

from __future__ import annotations

from collections.abc import Sequence

from target_mysql.tables import (
    BATCHED_AT,
    DELETED_AT,
    LINE_COLUMN,
    STAGING,
    TABLE_VERSION,
    Column,
    Dialect,
    Parent,
    Table,
)

# Separators that JSON text cannot hold unescaped; see rows.py.
FIELD_END, ROW_END, ESCAPE = "\x1f", "\x1e", "\x1d"


SESSION = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'",
    "SET NAMES utf8mb4",
)
SERVER_FACTS = "SELECT VERSION(), @@version_comment, @@local_infile, @@max_allowed_packet"
DATABASE_EXISTS = "SELECT 1 FROM information_schema.schemata WHERE schema_name = %s"
READ_COLUMNS = (
    "SELECT column_name, column_type, column_key FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position"
)
READ_KEY = (
    "SELECT column_name FROM information_schema.key_column_usage WHERE constraint_name = 'PRIMARY'"
    " AND table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position"
)


def quote(name: str) -> str:
    """Return `name` as a quoted identifier, its percent signs doubled: they are no marks."""
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"


def names(columns: Sequence[Column], of: str | None = None) -> str:
    """Return the columns' quoted names, each with the table `of` before it where given."""
    before = f"{quote(of)}." if of else ""
    return ", ".join(before + quote(column.name) for column in columns)


def create_database(name: str) -> str:
    return f"CREATE DATABASE IF NOT EXISTS {quote(name)} CHARACTER SET utf8mb4"


def use(name: str) -> str:
    return f"USE {quote(name)}"


def create_table(table: Table, dialect: Dialect, foreign_keys: bool) -> str:
    lines = [_definition(column, column.name in table.key, dialect) for column in table.columns]
    if table.key:
        lines.append(f"PRIMARY KEY ({', '.join(map(quote, table.key))})")
    if foreign_keys and table.parent:
        lines.append(_foreign_key(table.parent))
    row_format = f" ROW_FORMAT={dialect.row_format}" if dialect.row_format else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {quote(table.name)} ({', '.join(lines)}) ENGINE=InnoDB"
        f"{row_format} DEFAULT CHARACTER SET utf8mb4 COLLATE {dialect.collation}"
    )


def add_columns(table: Table, columns: Sequence[Column], dialect: Dialect) -> str:
    """Add `columns` in one statement, each at the place that it has in `table`."""
    order = [column.name for column in table.columns]
    parts = []
    for column in columns:
        at = order.index(column.name)
        place = f"AFTER {quote(order[at - 1])}" if at else "FIRST"
        parts.append(f"ADD COLUMN {_definition(column, False, dialect)} {place}")
    return f"ALTER TABLE {quote(table.name)} {', '.join(parts)}"


def staging(number: int) -> str:
    """Return the name of a batch's `number`th temporary table; no other connection sees it."""
    return f"{STAGING}{number}"


def create_staging(
    name: str, columns: Sequence[Column], key: Sequence[str], dialect: Dialect
) -> str:
    """A temporary table for one stream's batch; its key lets the last row of a key win."""
    lines = [_definition(column, column.name in key, dialect) for column in columns]
    if key:
        lines.append(f"PRIMARY KEY ({', '.join(map(quote, key))})")
    text_key = any(column.max_length for column in columns if column.name in key)
    engine = "InnoDB" if text_key or not dialect.staging_engine else dialect.staging_engine
    return (
        f"CREATE TEMPORARY TABLE {quote(name)} ({', '.join(lines)}) ENGINE={engine}"
        f" DEFAULT CHARACTER SET utf8mb4 COLLATE {dialect.collation}"
    )


def drop_staging(name: str) -> str:
    return f"DROP TEMPORARY TABLE IF EXISTS {quote(name)}"


def load_staging(name: str, columns: Sequence[Column]) -> str:
    """
    Load a batch's rows; the name of the file means nothing, the rows come from memory.

    REPLACE makes a bad value an error: without it LOCAL cuts and clamps, in strict mode too.
    """
    return (
        f"LOAD DATA LOCAL INFILE 'batch' REPLACE INTO TABLE {quote(name)}"
        f" CHARACTER SET utf8mb4 FIELDS TERMINATED BY '{FIELD_END}' ESCAPED BY '{ESCAPE}'"
        f" LINES TERMINATED BY '{ROW_END}' ({names(columns)})"
    )


def insert_staging(name: str, columns: Sequence[Column], rows: int) -> str:
    """
    The same by INSERT, for servers that forbid LOAD DATA LOCAL.

    Binds the values of `rows` rows, one after the other.
    """
    row = f"({', '.join(['%s'] * len(columns))})"
    return f"REPLACE INTO {quote(name)} ({names(columns)}) VALUES {', '.join([row] * rows)}"


def delete_children(child: Table, parents: str) -> str:
    """Delete the rows of `child` that belong to any of the parents staged in `parents`."""
    assert child.parent is not None, "a child has one"
    return (
        f"DELETE {quote(child.name)} FROM {quote(child.name)}"
        f" JOIN {quote(parents)} ON {_of_parent(child.name, child.parent, parents)}"
    )


def merge(table: Table, staged: str, carried: Sequence[Column], parents: str | None = None) -> str:
    """
    Upsert the rows staged in `staged` into `table`; binds the batch's UTC date-time, where kept.

    Of the children of parents that are staged, in `parents`, those count that came after the
    parent: where it came twice the earlier ones are not its any more. Only `carried` columns are
    touched, but for _sdc_batched_at, and _sdc_deleted_at: a row that comes is not deleted.
    """
    targets = [quote(column.name) for column in carried]
    sources = [f"{quote(staged)}.{name}" for name in targets]
    updates = [
        f"{name} = {source}"
        for column, name, source in zip(carried, targets, sources, strict=True)
        if column.name not in table.key
    ]
    if table.adds(BATCHED_AT):
        targets.append(quote(BATCHED_AT))
        sources.append("%s")
        updates.append(f"{quote(BATCHED_AT)} = VALUES({quote(BATCHED_AT)})")
    if table.adds(DELETED_AT):
        updates.append(f"{quote(DELETED_AT)} = NULL")
    statement = (
        f"INSERT INTO {quote(table.name)} ({', '.join(targets)})"
        f" SELECT {', '.join(sources)} FROM {quote(staged)}{_later_than(parents, staged, table)}"
    )
    if not table.key:
        return statement
    nothing = f"{quote(table.key[0])} = {quote(table.name)}.{quote(table.key[0])}"
    return f"{statement} ON DUPLICATE KEY UPDATE {', '.join(updates) or nothing}"


def _later_than(parents: str | None, staged: str, table: Table) -> str:
    if parents is None or table.parent is None:
        return ""
    line, (_, theirs) = quote(LINE_COLUMN.name), table.parent.keys[0]
    return (
        f" LEFT JOIN {quote(parents)} ON {_of_parent(staged, table.parent, parents)}"
        f" WHERE {quote(parents)}.{quote(theirs)} IS NULL"
        f" OR {quote(staged)}.{line} > {quote(parents)}.{line}"
    )


def _of_parent(child: str, parent: Parent, parents: str) -> str:
    return " AND ".join(
        f"{quote(child)}.{quote(ours)} = {quote(parents)}.{quote(theirs)}"
        for ours, theirs in parent.keys
    )


def _foreign_key(parent: Parent) -> str:
    ours, theirs = (", ".join(map(quote, names)) for names in zip(*parent.keys, strict=True))
    return f"FOREIGN KEY ({ours}) REFERENCES {quote(parent.table)} ({theirs}) ON DELETE CASCADE"


def delete_older(table: Table, rows: int) -> str:
    """Delete at most `rows` rows of a version before the one bound."""
    return f"DELETE FROM {quote(table.name)} WHERE {_OLDER} LIMIT {rows}"


def flag_older(table: Table, rows: int) -> str:
    """Flag at most `rows` rows of a version before the second value; the first is the time."""
    return (
        f"UPDATE {quote(table.name)} SET {quote(DELETED_AT)} = %s"
        f" WHERE {quote(DELETED_AT)} IS NULL AND {_OLDER} LIMIT {rows}"
    )


_OLDER = f"({quote(TABLE_VERSION)} < %s OR {quote(TABLE_VERSION)} IS NULL)"


def _definition(column: Column, in_key: bool, dialect: Dialect) -> str:
    null = "NOT NULL" if in_key else "NULL"
    return f"{quote(column.name)} {column.sql_type} {null}"
