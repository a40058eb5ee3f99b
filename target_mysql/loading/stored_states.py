"""
The table `_sdc_state`: the newest state of each `state_id`.

A state is written in the transaction of the rows before it, so the table never claims a row that is
missing, and a restored backup has the state of its rows. A load holds the lock of its `state_id`,
see table_locks.py, from before its first row until it ends.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from target_mysql.loading.table_locks import TableLocks
from target_mysql.server.database import Database
from target_mysql.server.introspection import read_table_names
from target_mysql.tables.dialect import Dialect
from target_mysql.tables.identifiers import STATE_LOCK, STORED_STATES

NO_STATE = "{}"  # of a first run
# Set to true in a state, it says that the tap sends everything again.
FULL_REFRESH = "full_refresh"
SHOWN_LENGTH = 40  # characters of a state_id in the name of its lock, which has at most 64

READ = f"SELECT value FROM {STORED_STATES} WHERE state_id = %s"
READ_TIMES = f"SELECT state_id, written_at FROM {STORED_STATES} ORDER BY state_id"
WRITE = (
    f"INSERT INTO {STORED_STATES} (state_id, value, written_at)"
    " VALUES (%s, %s, UTC_TIMESTAMP(6))"
    " ON DUPLICATE KEY UPDATE value = VALUES(value), written_at = VALUES(written_at)"
)


class StoredState:
    """The state `state_id` of one load, which holds its lock while writing the state."""

    def __init__(self, state_id: str, locks: TableLocks) -> None:
        self.state_id = state_id
        self._locks = locks

    @property
    def lock_name(self) -> str:
        """The name of the lock; a hash tells long names and cases apart on every server."""
        digest = hashlib.sha256(self.state_id.encode()).hexdigest()[:8]
        return f"{STATE_LOCK}{self.state_id[:SHOWN_LENGTH]}:{digest}"

    def write(self, database: Database, value: bytes) -> None:
        """
        Write the JSON text `value` in the open transaction of `database`.

        Raises LockedError if another load has taken the lock over.
        """
        database.execute(WRITE, (self.state_id, value.decode()))
        self._locks.confirm(database, {self.lock_name: None})


def create_if_missing(database: Database) -> None:
    """Create the table in a database that has none."""
    if not _exists(database):
        database.execute(create_statement(database.server.dialect))


def create_statement(dialect: Dialect) -> str:
    row_format = f" ROW_FORMAT={dialect.row_format}" if dialect.row_format else ""
    # 190 characters fit the 767 bytes of an index of MySQL 5.6.
    return (
        f"CREATE TABLE IF NOT EXISTS {STORED_STATES} (state_id VARCHAR(190) NOT NULL PRIMARY KEY,"
        " value LONGTEXT NOT NULL, written_at DATETIME(6) NOT NULL) ENGINE=InnoDB"
        f"{row_format} DEFAULT CHARACTER SET utf8mb4 COLLATE {dialect.collation}"
    )


def read_value(database: Database, state_id: str) -> str:
    """Return the JSON text of a state, NO_STATE without one."""
    rows = database.query(READ, (state_id,)) if _exists(database) else []
    return str(rows[0][0]) if rows else NO_STATE


def claims_rows(database: Database, state_id: str) -> bool:
    """
    Return whether the stored state makes a tap skip rows.

    A state that is empty, or an object with FULL_REFRESH, does not.
    """
    value = json.loads(read_value(database, state_id))
    return bool(value) and not (isinstance(value, dict) and value.get(FULL_REFRESH))


def read_times(database: Database) -> list[tuple[str, datetime]]:
    """Return each `state_id` with the time of its state, in UTC without a time zone."""
    rows = database.query(READ_TIMES) if _exists(database) else []
    return [(str(state_id), written_at) for state_id, written_at in rows]


def _exists(database: Database) -> bool:
    return STORED_STATES in read_table_names(database, STORED_STATES)
