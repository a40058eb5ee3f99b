"""
The table `_sdc_versions`, which has the versions of rows that a full pass found unchanged.

See version_statements.py for what it is for. Its rows belong to the table that they name, and are
changed only while that table's lock is held.
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
    """Delete the versions of a table `name` that is there no more."""
    if _exists(database):
        values = (database.server.fold(name),)
        database.execute(version_statements.CLEAR_VERSIONS, values)


def settle(database: Database, table: Table) -> None:
    """
    Give the rows of `table` their versions, before a column of its key changes its type.

    A key of another type may have another text, and so lead to no version.
    """
    if table.parent is None and _exists(database):
        values = (database.server.fold(table.name),)
        database.execute(version_statements.settle_versions(table), values)


def _exists(database: Database) -> bool:
    return VERSIONS_TABLE in read_table_names(database, VERSIONS_TABLE)
