"""
Where a batch's rows are before they are merged: in temporary tables, or in ordinary ones.

Temporary tables are seen by their connection alone and end with it. Some servers refuse them
(OceanBase and Vitess, with error 1235): there the target uses ordinary tables. A name has the
token of the run's table locks and a number that is never used again, so that no other run, and no
statement of a lost connection, writes into it. All of it is DDL, which commits implicitly: tables
are created before the transaction of the merge begins, and dropped after it has ended.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import re

from target_mysql.exceptions import DatabaseError, TargetError
from target_mysql.loading.batch import Batch
from target_mysql.loading.table_locks import TableLocks
from target_mysql.server import statements
from target_mysql.server.change_table import change_table
from target_mysql.server.database import Database
from target_mysql.server.errors import server_code
from target_mysql.tables.table import STAGING

LOGGER = logging.getLogger(__name__)

NOT_SUPPORTED = 1235
_NAME = re.compile(rf"{STAGING}(?P<token>[0-9a-f]{{32}})_\d+")


class Staging:
    """
    The staging tables of one run, whichever of its connections makes them.

    `uses_tables` says that they are ordinary tables from the start.
    """

    def __init__(self, locks: TableLocks, *, uses_tables: bool) -> None:
        self._locks = locks
        self._uses_tables = uses_tables
        self._numbers = itertools.count()

    def create(self, database: Database, batch: Batch) -> str:
        """Create an empty staging table for the batch; return its name."""
        if not self._uses_tables:
            try:
                return self._create(database, batch, temporary=True)
            except DatabaseError as error:
                if server_code(error) != NOT_SUPPORTED:
                    raise
                LOGGER.info("the server refuses temporary tables: staging in ordinary ones")
                self._uses_tables = True
        return self._create(database, batch, temporary=False)

    def drop(self, database: Database, name: str) -> None:
        """Drop a staging table; where the connection is lost, `drop_left_behind` does it."""
        with contextlib.suppress(TargetError):
            database.execute(statements.drop_staging(name, temporary=not self._uses_tables))

    def drop_left_behind(self, database: Database) -> None:
        """
        Drop the ordinary staging tables of this run, and of runs that have ended.

        A run holds the lock of a table before it stages rows. One that holds none any more commits
        nothing, and needs no staging table.
        """
        if not self._uses_tables:
            return
        with contextlib.suppress(TargetError):
            names = database.query(statements.READ_TABLE_NAMES, (STAGING, STAGING))
            live = self._locks.other_holders(database)
            for (name,) in names:
                found = _NAME.fullmatch(str(name))
                if found and found["token"] not in live:
                    change_table(
                        database, str(name), statements.drop_staging(str(name), temporary=False)
                    )

    def _create(self, database: Database, batch: Batch, *, temporary: bool) -> str:
        name = f"{STAGING}{self._locks.token}_{next(self._numbers)}"
        statement = statements.create_staging(
            name,
            batch.columns,
            batch.staging_key,
            database.server.dialect,
            temporary=temporary,
        )
        database.execute(statement)
        return name
