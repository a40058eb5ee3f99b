"""Deletes or flags the rows that an older version of a stream has left, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from target_mysql.loading.table_locks import TableLocks
from target_mysql.server import statements
from target_mysql.server.database import Database
from target_mysql.tables.table import DELETED_AT, Table

ROWS = 10_000  # in one statement: short locks, and no transaction too large to commit

Key = Sequence[object]
WithRetries = Callable[[Callable[[], Any]], Any]
"""Calls a function, and again after a failure that may pass."""


def delete_older_versions(
    table: Table,
    version: int,
    database: Database,
    with_retries: WithRetries,
    at: str | None,
    locks: TableLocks,
) -> Iterator[int]:
    """
    Flag the rows of versions before `version` as deleted at the UTC date-time `at`, or, without
    one, delete them. Yield how many, after each statement, which is committed by itself, and only
    while the table is held.
    """

    def delete_rows(statement: str, bound: Sequence[object]) -> int:
        with database.transaction():
            affected = database.execute(statement, bound).affected
            locks.confirm(database, {table.name: version})
        return affected

    flagged = at if table.has(DELETED_AT) else None
    values: list[object] = [version] if flagged is None else [flagged, version]
    for after, up_to in _ranges(table, database, with_retries):
        statement = statements.delete_older_versions_sql(
            table, ROWS, delete=flagged is None, after=bool(after), up_to=bool(up_to)
        )
        bound = [*values, *statements.bounds(after), *statements.bounds(up_to)]
        affected = ROWS
        # A range holds no more rows than that, unless others have added some; a table without a key
        # is one range.
        while affected >= ROWS:
            affected = with_retries(lambda: delete_rows(statement, bound))  # noqa: B023
            yield affected


def _ranges(
    table: Table, database: Database, with_retries: WithRetries
) -> Iterator[tuple[Key, Key]]:
    """
    Yield the keys after and up to which to look, both empty where there is no end, so that a table
    is walked once, however large it is.
    """
    after: Key = ()
    while table.key:
        step, bound = statements.find_key(table, ROWS, after=bool(after)), statements.bounds(after)
        found = with_retries(lambda: database.query(step, bound))  # noqa: B023
        if not found:
            break
        yield after, found[0]
        after = found[0]
    yield after, ()
