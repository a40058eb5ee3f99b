"""
The staging tables that hold a batch before the merge: temporary, or ordinary as a fallback.

Temporary tables belong to their connection and end with the connection. OceanBase and Vitess refuse
them with error 1235: there the target uses ordinary tables. The name of a staging table has the
token of the run's table locks and a number that is never reused, so that no other run, and no
statement of a lost connection, writes to the table. DDL commits implicitly: tables are created
before the transaction of the merge and dropped after its end.
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
from target_mysql.server.introspection import read_table_names
from target_mysql.tables.identifiers import STAGING

LOGGER = logging.getLogger(__name__)

NOT_SUPPORTED = 1235
_NAME = re.compile(rf"{STAGING}(?P<token>[0-9a-f]{{32}})_\d+")


class Staging:
    """
    The staging tables of a run, for all of its connections.

    With `uses_tables`, ordinary tables are used from the start.
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
        """Drop a staging table; after a lost connection, `drop_left_behind` does so."""
        with contextlib.suppress(TargetError):
            database.execute(statements.drop_staging(name, temporary=not self._uses_tables))

    def drop_left_behind(self, database: Database) -> None:
        """
        Drop the ordinary staging tables of this run, and of runs that have ended.

        A run stages rows only while holding a table lock. A run without any lock can commit
        nothing, so its staging tables are of no use.
        """
        if not self._uses_tables:
            return
        with contextlib.suppress(TargetError):
            names = read_table_names(database, STAGING)
            live = self._locks.other_holders(database)
            for name in names:
                match = _NAME.fullmatch(name)
                if match and match["token"] not in live:
                    change_table(database, name, statements.drop_staging(name, temporary=False))

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
