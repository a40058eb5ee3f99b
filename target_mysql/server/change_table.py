"""
Creates or alters a table without blocking its readers for long.

Such a statement waits for all transactions that have read the table, and new readers queue behind
the statement. So it gives up after a few seconds, and the caller retries later.
"""

from __future__ import annotations

import contextlib
from typing import Any

from target_mysql.exceptions import DatabaseError, TableChanged, TargetError, TransientError
from target_mysql.server.database import Database
from target_mysql.server.errors import server_code

LOCK_WAIT_S = 3  # how long readers may have to wait behind the statement
SHORTEN_WAIT = (
    f"SET @_sdc_lock_wait = @@SESSION.lock_wait_timeout, SESSION lock_wait_timeout = {LOCK_WAIT_S}"
)
RESTORE_WAIT = "SET SESSION lock_wait_timeout = @_sdc_lock_wait"
LOCK_WAIT_TIMEOUT = 1205
# A table, column or index of that name exists already, or a column no longer exists.
SHAPE_ERRORS = (1050, 1054, 1060, 1061, 1091)
TABLE_EXISTS = 1050
MAX_HOLDERS = 3  # that are named
# Connections that use this database, except those that are idle outside of a transaction.
HOLDERS = (
    "SELECT p.id, p.user, p.host, p.command, p.time FROM information_schema.processlist p"
    " LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id"
    " WHERE p.id <> CONNECTION_ID() AND p.db = DATABASE()"
    " AND (t.trx_id IS NOT NULL OR p.command <> 'Sleep')"
    f" ORDER BY p.time DESC LIMIT {MAX_HOLDERS}"
)


def change_table(database: Database, table_name: str, statement: str) -> None:
    """
    Run `statement`, which creates or changes the table `table_name`.

    Raises TransientError, naming the connections that use the table, after LOCK_WAIT_S; and
    TableChanged if the statement no longer fits the table.
    """
    database.execute(SHORTEN_WAIT)
    try:
        done = database.execute(statement)
        if done.warnings and _says_table_exists(database):
            raise TableChanged(f"table {table_name} was made by another session meanwhile")
    except TransientError as error:
        if server_code(error) != LOCK_WAIT_TIMEOUT:
            raise
        raise TransientError(
            f"table {table_name} cannot be changed while others use it:"
            f" waiting for {_describe_holders(database)}"
        ) from error
    except DatabaseError as error:
        if server_code(error) in SHAPE_ERRORS:
            raise TableChanged(f"table {table_name}: {error}") from error
        raise
    finally:
        with contextlib.suppress(TargetError):  # on a lost connection there is nothing to restore
            database.execute(RESTORE_WAIT)


def _says_table_exists(database: Database) -> bool:
    return any(code == TABLE_EXISTS for _, code, _ in database.query("SHOW WARNINGS"))


def _describe_holders(database: Database) -> str:
    """Return which connections may be using the table, as far as this user may see them."""
    rows: list[Any] = []
    with contextlib.suppress(TargetError):  # only a user with the right PROCESS may look
        rows = database.query(HOLDERS)
    if not rows:
        return "a connection that this user may not see (the right PROCESS would show it)"
    return " or ".join(map(_describe_holder, rows))


def _describe_holder(row: Any) -> str:
    number, user, host, command, seconds = row
    what = "idle in a transaction" if command == "Sleep" else "running a statement"
    return f"connection {number} ({user} at {host}, {what} for {int(seconds)} s)"
