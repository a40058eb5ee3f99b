"""The indexes that make reports of a few days fast, however many years the table holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from engagements_report.exceptions import DatabaseError, TableInUse
from engagements_report.queries.database import Database

RETRY_LIMIT_S, RETRY_WAIT_S = 300.0, 5.0


@dataclass(frozen=True)
class Index:
    """An index on one table; an existing index with the same first column serves as well."""

    table: str
    columns: tuple[str, ...]

    @property
    def sql(self) -> str:
        """The CREATE INDEX statement; InnoDB allows writes to the table meanwhile."""
        name = f"report_{self.columns[0]}"
        return f"CREATE INDEX {name} ON {self.table} ({', '.join(self.columns)})"


BY_TIME = {
    "createdAt": Index("engagements", ("createdAt",)),
    "timestamp": Index("engagements", ("timestamp",)),
}
BY_OBJECT = Index("engagement_associations", ("objectId",))


def useful(report: str | None, time: str) -> tuple[Index, ...]:
    """Return the indexes that make a report fast, or all reports for None."""
    is_by_object = report in (None, "first-response")
    return (BY_TIME[time], BY_OBJECT) if is_by_object else (BY_TIME[time],)


def missing(database: Database, indexes: tuple[Index, ...]) -> tuple[Index, ...]:
    """Return those of `indexes` whose table and columns exist, and that no index replaces."""
    columns, indexed = database.columns(), database.indexed_columns()
    return tuple(
        index
        for index in indexes
        if columns.get(index.table, set()).issuperset(index.columns)
        and (index.table, index.columns[0]) not in indexed
    )


def create(database: Database, indexes: tuple[Index, ...], log: Callable[[str], None]) -> list[str]:
    """
    Create those of `indexes` that are missing; return the statements. Raises DatabaseError.

    Waits up to RETRY_LIMIT_S for a table that other connections use; `log` gets a line each time.
    """
    statements = []
    for index in missing(database, indexes):
        if _create_with_retries(database, index, log):
            statements.append(index.sql)
        elif missing(database, (index,)):
            raise DatabaseError(f"{index.table} has another index of that name: {index.sql}")
    return statements


def _create_with_retries(database: Database, index: Index, log: Callable[[str], None]) -> bool:
    """Create the index; return False if an index of that name exists."""
    give_up_at = time.monotonic() + RETRY_LIMIT_S
    while True:
        try:
            return database.create_index(index.sql)
        except TableInUse as error:
            problem = f"cannot create an index on {index.table} while others use it: {error}"
            if time.monotonic() + RETRY_WAIT_S > give_up_at:
                raise DatabaseError(f"{problem}: run again when that has ended") from error
            log(f"{problem}: trying again in {RETRY_WAIT_S:g} s")
        time.sleep(RETRY_WAIT_S)
