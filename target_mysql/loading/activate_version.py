"""
ACTIVATE_VERSION: deletes the rows of older versions, or flags them (soft delete), in small steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from target_mysql.loading.table_locks import TableLocks
from target_mysql.server import version_statements
from target_mysql.server.database import Database
from target_mysql.server.version_statements import Key, Lineage
from target_mysql.tables.table import DELETED_AT, Table

ROWS = 10_000  # in a statement: keeps locks short and transactions small

WithRetries = Callable[[Callable[[], Any]], Any]
"""Calls a function, and again after a failure that may pass."""


def delete_older_versions(
    lineage: Lineage,
    version: int,
    database: Database,
    with_retries: WithRetries,
    at: str | None,
    locks: TableLocks,
) -> Iterator[int]:
    """
    Soft-delete the rows of versions before `version` with the UTC date-time `at`; without `at`,
    delete them.

    The rows are those of the lineage's first table. Yields the number of rows after each statement.
    Each statement commits by itself, and only while the table's lock is held.
    """
    table = lineage.tables[0]

    def change_rows(statement: str, values: Sequence[object]) -> int:
        with database.transaction():
            count = database.execute(statement, values).affected
            locks.confirm(database, {table.name: version})
        return count

    flagged_at = at if table.has(DELETED_AT) else None
    for after, up_to in _ranges(table, database, with_retries):
        statement, values = version_statements.delete_older_versions_sql(
            lineage, version, ROWS, flagged_at, after, up_to
        )
        count = ROWS
        # A range has at most ROWS rows, unless others add some; a table without a key is a single
        # range.
        while count >= ROWS:
            count = with_retries(lambda: change_rows(statement, values))  # noqa: B023
            yield count
    if table.parent is None and table.key:
        outdated = (lineage.name, version)
        with_retries(lambda: change_rows(version_statements.DELETE_OLD_VERSIONS, outdated))


def _ranges(
    table: Table, database: Database, with_retries: WithRetries
) -> Iterator[tuple[Key, Key]]:
    """
    Yield ranges of the key, each for one statement, so that the table is scanned once.

    A range excludes its first key and includes its last. An empty key is an end of the table.
    """
    after: Key = ()
    while table.key:
        step, values_bound = (
            version_statements.find_key(table, ROWS, after=bool(after)),
            version_statements.bounds(after),
        )
        keys = with_retries(lambda: database.query(step, values_bound))  # noqa: B023
        if not keys:
            break
        yield after, keys[0]
        after = keys[0]
    yield after, ()
