"""The indexes that make reports of a few days fast, however many years the table holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from engagements_report.exceptions import DatabaseError
from engagements_report.queries.database import Database
from engagements_report.queries.retries import with_retries


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
# By which the last load is found at once, where it takes a scan of all rows without.
BY_LOAD = Index("engagements", ("_sdc_batched_at",))
NEED_LAST_LOAD = (None, "first-response", "response", "quality")


def useful(report: str | None, time: str) -> tuple[Index, ...]:
    """Return the indexes that make a report fast, or all reports for None."""
    by_object = [BY_OBJECT] if report in (None, "first-response", "response") else []
    by_load = [BY_LOAD] if report in NEED_LAST_LOAD else []
    return (BY_TIME[time], *by_object, *by_load)


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

    Waits for a table that other connections use; `log` gets a line each time.
    """
    statements = []
    for index in missing(database, indexes):
        problem = f"cannot create an index on {index.table} while others use it"
        if with_retries(partial(database.create_index, index.sql), problem, log):
            statements.append(index.sql)
        elif missing(database, (index,)):
            raise DatabaseError(f"{index.table} has another index of that name: {index.sql}")
    return statements
