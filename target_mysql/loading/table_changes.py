"""
Locks a stream's table and changes it: for a SCHEMA, a wider value, a first version.

Each change runs with retries, and only while the table's lock is held. No row of the stream may
wait then: DDL commits implicitly.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from target_mysql.config import Config
from target_mysql.exceptions import ColumnTooNarrow, DatabaseError, InputError, LockedError
from target_mysql.loading import version_table
from target_mysql.loading.committer import Committer
from target_mysql.loading.migrate import migrate, widen
from target_mysql.loading.stored_states import StoredState, claims_rows, create_if_missing
from target_mysql.loading.table_locks import TableLocks
from target_mysql.messages import SchemaMessage
from target_mysql.server.database import Database
from target_mysql.server.introspection import read_columns
from target_mysql.server.version_statements import highest_version
from target_mysql.tables.identifiers import to_table_name
from target_mysql.tables.table import TABLE_VERSION, VERSION_COLUMN, Table, to_source, to_table

LOGGER = logging.getLogger(__name__)

LOCK_POLL_S = 0.5


class TableChanges:
    """Changes the tables of one run over the loader's own connection."""

    def __init__(
        self, database: Database, config: Config, locks: TableLocks, committer: Committer
    ) -> None:
        self._database = database
        self._config = config
        self._locks = locks
        self._with_retries = committer.with_retries
        # The stored state, if it claimed rows at the start of the run: the tap then resumes there.
        self._resumed: StoredState | None = None

    def lock(self, table_name: str) -> None:
        """Lock the table; raises LockedError if another load keeps it for too long."""
        self._lock(table_name, f"table {table_name}")

    def lock_state(self, state: StoredState) -> None:
        """Lock the state, create its table, and read it; raises LockedError likewise."""
        self._lock(state.lock_name, f"state {state.state_id}")
        self._with_retries(lambda: create_if_missing(self._database))
        if self._with_retries(lambda: claims_rows(self._database, state.state_id)):
            self._resumed = state

    def _lock(self, lock_name: str, subject: str) -> None:
        """Take a lock of `subject`, which errors name."""
        wait_s = self._config.lock_wait_seconds
        give_up_at = time.monotonic() + wait_s
        is_waiting = False
        while holder := self._with_retries(lambda: self._locks.try_acquire(lock_name)):
            if time.monotonic() >= give_up_at:
                advice = "" if wait_s else ", or set lock_wait_seconds to wait for it"
                raise LockedError(
                    f"{subject} is being loaded by another target-mysql ({holder}):"
                    f" run again when that has ended{advice}"
                )
            if not is_waiting:
                is_waiting = True
                LOGGER.info("%s: waiting up to %g s for %s", subject, wait_s, holder)
            time.sleep(LOCK_POLL_S)

    def plan(self, message: SchemaMessage, number: int) -> Table:
        """
        Return the table that a SCHEMA, the input's `number`th line, requests.

        Its source is stored with the table, which must be locked. Raises InputError, and
        DatabaseError if the table was dropped while the stored state claims its rows.
        """
        name = to_table_name(message.stream)
        existing = self._with_retries(lambda: read_columns(self._database, name))
        if not existing and self._resumed:
            self._check_never_loaded(name, self._resumed)
        try:
            source = to_source(message.schema)
            versions = highest_version(name) if TABLE_VERSION in existing else None
            self._with_retries(
                lambda: self._locks.describe(name, source, exists=bool(existing), versions=versions)
            )
            return to_table(
                message.stream,
                message.schema,
                message.key_properties,
                self._database.server.dialect,
                add_metadata_columns=self._config.needs_metadata_columns,
                flattening_levels=self._config.data_flattening_max_level,
                existing=existing,
                missing=self._config.missing_properties,
            )
        except ValueError as error:
            raise InputError(str(error), line=number, stream=message.stream) from error

    def _check_never_loaded(self, name: str, state: StoredState) -> None:
        """
        Raise DatabaseError if the missing table has had rows: the tap would not send them again.

        Rows without versions leave no trace, so a table of such rows is not noticed.
        """
        version = self._with_retries(lambda: self._locks.read_version(self._database, name))
        if version is not None:
            raise DatabaseError(
                f"table {name} was dropped, but state {state.state_id} claims its rows: restore the"
                ' table, or set "full_refresh": true in the state by --set-state, so that the tap'
                " sends everything again; for a tap that lacks this key, set the state to {}"
            )

    def migrate(self, table: Table) -> Table:
        """Create or alter the table in the database; return it with its actual columns."""

        def change() -> Table:
            if table.adds(TABLE_VERSION):
                version_table.create_if_missing(self._database)
            return migrate(table, self._database)

        return self._change(change)

    def add_version_column(self, table: Table) -> Table:
        return self.migrate(replace(table, columns=(*table.columns, VERSION_COLUMN)))

    def widen(self, table: Table, too_narrow: ColumnTooNarrow, number: int) -> Table:
        """Widen a column too narrow for line `number`; InputError if no index holds the result."""
        wider_type, length = too_narrow.wider_type, too_narrow.length
        try:
            return self._change(lambda: widen(table, wider_type, length, self._database))
        except ValueError as error:
            raise InputError(
                str(error),
                line=number,
                stream=table.stream,
                key=too_narrow.key,
                column=wider_type.name,
            ) from error

    def _change(self, change: Callable[[], Table]) -> Table:
        def attempt() -> Table:
            self._locks.confirm(self._database)
            return change()

        return self._with_retries(attempt)
