"""Brings a table in the database to the shape that a SCHEMA asks for, never losing a value."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from target_mysql import sql
from target_mysql.database import Database
from target_mysql.exceptions import DatabaseError
from target_mysql.tables import Table

LOGGER = logging.getLogger(__name__)


def migrate(table: Table, database: Database) -> Table:
    """
    Make or extend the table in the database; return it with the column types that it has there.

    Raises DatabaseError where the table's primary key is another than the stream's.
    """
    there = database.read_columns(table)
    if not there:
        dialect = database.server.dialect
        database.execute(sql.create_table(table, dialect, database.config.foreign_keys))
        LOGGER.info("created table %s with %d columns", table.name, len(table.columns))
        return table
    _check_key(table, database)
    as_there = _as_there(table, there)
    names_there = {name.casefold() for name in there}
    missing = [one for one in as_there.columns if one.name.casefold() not in names_there]
    if missing:
        database.execute(sql.add_columns(as_there, missing, database.server.dialect))
        added = ", ".join(column.name for column in missing)
        LOGGER.info("added to table %s: %s", table.name, added)
    return as_there


def _as_there(table: Table, there: Mapping[str, str]) -> Table:
    """
    Return `table` with the names and types that its columns have in the database.

    The staging table is made of these, so that a value that does not fit is refused there.
    """
    names = {name.casefold(): name for name in there}

    def name_there(name: str) -> str:
        return names.get(name.casefold(), name)

    columns = (replace(column, name=name_there(column.name)) for column in table.columns)
    return replace(
        table,
        columns=tuple(
            replace(column, sql_type=there.get(column.name, column.sql_type)) for column in columns
        ),
        key=tuple(map(name_there, table.key)),
    )


def _check_key(table: Table, database: Database) -> None:
    there = database.read_key(table)
    if [name.casefold() for name in there] != [name.casefold() for name in table.key]:
        raise DatabaseError(
            f"table {table.name} has the primary key ({', '.join(there)}) but stream"
            f" {table.stream} has ({', '.join(table.key)}): rename the table or make it fit"
        )
