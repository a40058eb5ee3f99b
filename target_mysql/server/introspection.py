"""Reads the existing tables: columns, primary key, indexes, engine, definition."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from target_mysql.exceptions import DatabaseError
from target_mysql.server.database import Database
from target_mysql.tables.column_compatibility import ExistingColumn
from target_mysql.tables.identifiers import quote
from target_mysql.tables.index_room import IndexPart, with_index_room

READ_COLUMNS = (
    "SELECT column_name, column_type, is_nullable, column_default, extra, collation_name,"
    " column_comment FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position"
)
# MariaDB's JSON is LONGTEXT with a check. No other server lists checks by table.
READ_CHECKS = (
    "SELECT check_clause FROM information_schema.check_constraints"
    " WHERE constraint_schema = DATABASE() AND table_name = %s"
)
READ_ENGINE = (
    "SELECT t.engine, e.transactions FROM information_schema.tables t"
    " LEFT JOIN information_schema.engines e ON e.engine = t.engine"
    " WHERE t.table_schema = DATABASE() AND t.table_name = %s"
)
READ_UNIQUE_INDEXES = (
    "SELECT DISTINCT index_name FROM information_schema.statistics WHERE non_unique = 0"
    " AND index_name <> 'PRIMARY' AND table_schema = DATABASE() AND table_name = %s"
)
# Without full-text and spatial indexes, which do not limit the length of a column.
READ_INDEX_PARTS = (
    "SELECT index_name, column_name, sub_part FROM information_schema.statistics"
    " WHERE index_name <> 'PRIMARY' AND index_type IN ('BTREE', 'HASH')"
    " AND table_schema = DATABASE() AND table_name = %s AND column_name IS NOT NULL"
)
READ_KEY = (
    "SELECT column_name FROM information_schema.key_column_usage WHERE constraint_name = 'PRIMARY'"
    " AND table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position"
)
READ_TABLE_NAMES = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    " AND LEFT(table_name, CHAR_LENGTH(%s)) = %s"
)
A_VIEW = "a view"

# Not INVISIBLE, nor ON UPDATE, which give a new row no value.
_HAS_DEFAULT = re.compile("auto_increment|generated", re.IGNORECASE)
_IS_GENERATED = re.compile(
    "(virtual|stored|persistent) generated|^(virtual|persistent)", re.IGNORECASE
)
_WIDTH = re.compile(r"^((?:tiny|small|medium|big)?int)\((?!1\))\d+\)")


def read_columns(database: Database, name: str) -> dict[str, ExistingColumn]:
    """Return the columns of the table `name` by their names; empty without such a table."""
    checks = database.query(READ_CHECKS, (name,)) if database.server.is_mariadb else []
    json_checks = {_as_text(check) for (check,) in checks}
    rows = database.query(READ_COLUMNS, (name,))
    columns = {str(row[0]): _to_existing_column(row, json_checks) for row in rows}
    parts = database.query(READ_INDEX_PARTS, (name,)) if columns else []
    return with_index_room(columns, map(_to_index_part, parts), database.server.dialect)


def read_definition(database: Database, name: str) -> str:
    """Return the output of SHOW CREATE TABLE; raises DatabaseError without such a table."""
    rows = database.query(f"SHOW CREATE TABLE {quote(name)}")
    if not rows:
        raise DatabaseError(f"table {name} is gone: run again")
    return _as_text(rows[0][1])


def read_key(database: Database, name: str) -> tuple[str, ...]:
    """Return the columns of the primary key of the table `name`, in order."""
    return tuple(str(column) for (column,) in database.query(READ_KEY, (name,)))


def read_unique_indexes(database: Database, name: str) -> list[str]:
    """Return the names of the unique indexes of the table `name`, without its primary key."""
    return [str(index) for (index,) in database.query(READ_UNIQUE_INDEXES, (name,))]


def read_unsafe_engine(database: Database, name: str) -> str | None:
    """Return the engine of the table `name` if that lacks transactions, A_VIEW for a view."""
    ((engine, transactions),) = database.query(READ_ENGINE, (name,))
    return None if transactions == "YES" else str(engine or A_VIEW)


def read_table_names(database: Database, prefix: str) -> list[str]:
    """Return the names of the tables that begin with `prefix`."""
    return [_as_text(name) for (name,) in database.query(READ_TABLE_NAMES, (prefix, prefix))]


def _to_existing_column(row: Sequence[Any], json_checks: set[str]) -> ExistingColumn:
    """Return the column that a row of READ_COLUMNS describes."""
    name, sql_type, nullable, default, extra, collation, comment = row
    # MariaDB writes a default of NULL as text.
    has_default = default is not None and _as_text(default) != "NULL"
    return ExistingColumn(
        name=str(name),
        sql_type=_without_width(_as_text(sql_type)),
        nullable=nullable == "YES",
        has_default=has_default or bool(_HAS_DEFAULT.search(_as_text(extra))),
        is_generated=bool(_IS_GENERATED.search(_as_text(extra))),
        collation=collation and str(collation),
        comment=_as_text(comment),
        is_json=_as_text(sql_type) == "json"
        or f"json_valid({quote(str(name)) % ()})" in json_checks,
    )


def _to_index_part(row: Sequence[Any]) -> IndexPart:
    index, column, prefix_length = row
    return IndexPart(str(index), str(column), prefix_length and int(prefix_length))


def _without_width(sql_type: str) -> str:
    """Return a type as MySQL 8 writes it: integers without a width, except tinyint(1)."""
    return _WIDTH.sub(r"\1", sql_type)


def _as_text(value: object) -> str:
    # MySQL 8 and later give column_type as bytes.
    return value.decode() if isinstance(value, bytes) else str(value)
