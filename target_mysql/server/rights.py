"""
Finds the rights that a load needs and the user lacks, without a trace on the server.

Each statement of PROBES fails: with the right, because its table does not exist or a column comes
twice. The server checks the right first, whether a user, a role or a wildcard has it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from target_mysql.exceptions import DatabaseError
from target_mysql.server.database import Database
from target_mysql.server.errors import NOT_PRIMARY_ERRORS, server_code
from target_mysql.tables.identifiers import quote

DATABASE_DENIED, COMMAND_DENIED = 1044, 1142
# `table` and `parent` are names of tables that do not exist.
PROBES = {
    "SELECT": "SELECT 1 FROM {table}",
    "INSERT": "INSERT INTO {table} VALUES (1)",
    "UPDATE": "UPDATE {table} SET x = 1",
    "DELETE": "DELETE FROM {table}",
    "CREATE": "CREATE TABLE {table} (x INT, x INT)",
    "ALTER": "ALTER TABLE {table} ADD x INT",
    "REFERENCES": "CREATE TABLE {table} (x INT, x INT, FOREIGN KEY (x) REFERENCES {parent} (x))",
    "CREATE TEMPORARY TABLES": "CREATE TEMPORARY TABLE {table} (x INT, x INT)",
    "DROP": "DROP TABLE {table}",
}


def find_missing_rights(database: Database, name: str) -> list[str]:
    """
    Return the rights of PROBES on the database `name` that a load needs and the user lacks.

    The database need not exist. Raises DatabaseError if the server is read-only.
    """
    random_name = f"_sdc_probe_{os.urandom(8).hex()}"
    table, parent = (f"{quote(name)}.{quote(random_name + end)}" for end in ("", "_parent"))
    return [
        right
        for right in _needed_rights(database)
        if _is_denied(database, right, PROBES[right].format(table=table, parent=parent))
    ]


def _needed_rights(database: Database) -> Iterator[str]:
    config = database.config
    uses_tables = config.staging == "tables" or database.server.is_oceanbase
    for right in PROBES:
        if right == "REFERENCES" and not config.foreign_keys:
            continue
        if right == ("CREATE TEMPORARY TABLES" if uses_tables else "DROP"):
            continue
        yield right


def _is_denied(database: Database, right: str, probe: str) -> bool:
    try:
        database.execute(probe)
    except DatabaseError as error:
        code = server_code(error)
        if code in NOT_PRIMARY_ERRORS:
            raise
        # A missing CREATE denies the probe of REFERENCES, too: the message, in any language of
        # the server, names the right.
        return code == DATABASE_DENIED or (code == COMMAND_DENIED and right in str(error))
    return False
