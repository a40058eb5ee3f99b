"""
The table `_sdc_versions`: versions of rows that full passes found unchanged.

version_statements.py says why. A row belongs to the table that it names, and is changed only while
that table's lock is held.
"""

from __future__ import annotations

from target_mysql.server import version_statements
from target_mysql.server.database import Database
from target_mysql.server.introspection import read_table_names
from target_mysql.tables.identifiers import VERSIONS_TABLE
from target_mysql.tables.table import Table


def create_if_missing(database: Database) -> None:
    """Create the table in a database that has none."""
    if not _exists(database):
        database.execute(version_statements.create_versions_table(database.server.dialect))


def clear(database: Database, name: str) -> None:
    """Delete the stored versions of a table `name` that no longer exists."""
    if _exists(database):
        values = (database.server.fold(name),)
        database.execute(version_statements.CLEAR_VERSIONS, values)


def apply(database: Database, table: Table) -> None:
    """
    Write the stored versions into the rows of `table`, before a column of its key changes its type.

    The text of a key depends on its type: afterwards no stored version might be found.
    """
    if table.parent is None and _exists(database):
        values = (database.server.fold(table.name),)
        database.execute(version_statements.apply_versions(table), values)


def _exists(database: Database) -> bool:
    return VERSIONS_TABLE in read_table_names(database, VERSIONS_TABLE)
