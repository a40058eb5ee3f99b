"""The indexes that make the reports of a few days fast, however many years there are."""

from __future__ import annotations

from dataclasses import dataclass

from engagements_report.database import Database
from engagements_report.statements import Text


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


def create(database: Database, indexes: tuple[Index, ...]) -> list[str]:
    """Make the missing ones of `indexes`; returns the statements. Raises DatabaseError."""
    statements = [index.sql for index in missing(database, indexes)]
    for statement in statements:
        database.ask(Text(statement))
    return statements
