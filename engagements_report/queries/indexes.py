"""The indexes that make the reports of a few days fast, however many years there are."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from engagements_report.exceptions import DatabaseError, TableInUse
from engagements_report.queries.database import Database

RETRY_LIMIT_S, RETRY_WAIT_S = 300.0, 5.0


@dataclass(frozen=True)
class Index:
    """An index by its first column, which tells whether there is one that serves."""

    table: str
    columns: tuple[str, ...]

    @property
    def sql(self) -> str:
        """The statement that makes it; on InnoDB the table can be written to meanwhile."""
        name = f"report_{self.columns[0]}"
        return f"CREATE INDEX {name} ON {self.table} ({', '.join(self.columns)})"


CREATED = Index("engagements", ("createdAt",))
HAPPENED = Index("engagements", ("timestamp",))
TIED = Index("engagement_associations", ("objectId",))


def wanted(report: str | None, time: str) -> tuple[Index, ...]:
    """Return the indexes that a report, or all of them, are fast by."""
    by_time = {"createdAt": CREATED, "timestamp": HAPPENED}[time]
    return (by_time, TIED) if report in (None, "first-response") else (by_time,)


def missing(database: Database, indexes: tuple[Index, ...]) -> tuple[Index, ...]:
    """Return those of `indexes` whose table and columns are there, and no index like them."""
    columns, indexed = database.columns(), database.indexed()
    return tuple(
        index
        for index in indexes
        if columns.get(index.table, set()).issuperset(index.columns)
        and (index.table, index.columns[0]) not in indexed
    )


def create(
    database: Database, indexes: tuple[Index, ...], tell: Callable[[str], None]
) -> list[str]:
    """
    Make the missing ones of `indexes`; returns the statements. Raises DatabaseError.

    A table that others use is waited for, for RETRY_LIMIT_S; `tell` is given a line each time.
    """
    made = []
    for index in missing(database, indexes):
        if _create(database, index, tell):
            made.append(index.sql)
        elif missing(database, (index,)):
            raise DatabaseError(f"{index.table} has another index of that name: {index.sql}")
    return made


def _create(database: Database, index: Index, tell: Callable[[str], None]) -> bool:
    """Make the index; False where there is one of its name."""
    give_up_at = time.monotonic() + RETRY_LIMIT_S
    while True:
        try:
            return database.change(index.sql)
        except TableInUse as error:
            problem = f"no index on {index.table} can be made while others use it: {error}"
            if time.monotonic() + RETRY_WAIT_S > give_up_at:
                raise DatabaseError(f"{problem}: run again when that has ended") from error
            tell(f"{problem}: trying again in {RETRY_WAIT_S:g} s")
        time.sleep(RETRY_WAIT_S)
