"""The batches of all streams in one transaction: staged outside of it, merged in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from target_mysql.exceptions import DatabaseError
from target_mysql.loading.batch import Batch
from target_mysql.loading.staging import Staging
from target_mysql.loading.table_locks import TableLocks
from target_mysql.server import statements
from target_mysql.server.connection import StatementResult
from target_mysql.server.database import Database
from target_mysql.server.definition import find_alteration
from target_mysql.server.errors import RowRefused
from target_mysql.tables.table import TABLE_VERSION, Table


def stage_and_merge(
    database: Database,
    batches: Sequence[Batch],
    wait_for_previous_commit: Callable[[], None],
    locks: TableLocks,
    staging: Staging,
) -> list[StatementResult]:
    """
    Stage every batch, then merge all of them in one transaction, parents first.

    `wait_for_previous_commit` returns when the transaction may begin. The transaction commits only
    while the tables' locks are held, see `TableLocks.confirm`. Returns a result for each batch.
    """
    changed = {one.table.name: max(one.versions, default=None) for one in batches}
    for child in (child for one in batches for child in one.children):
        changed.setdefault(child.name, None)
    names: list[str] = []
    try:
        for batch in batches:
            names.append(staging.create(database, batch))
            _fill(database, names[-1], batch)
        wait_for_previous_commit()
        # Read before the transaction: a row that is read and renewed in it may not change between.
        parents = {batch.parent.name for batch in batches if batch.parent}
        highest = {name: locks.read_version(database, name) for name in parents}
        with database.transaction():
            done = _merge(database, dict(zip(names, batches, strict=True)), highest)
            _refuse_altered(database, batches)
            locks.confirm(database, changed)
            return done
    finally:
        for name in names:
            staging.drop(database, name)


def utc_now() -> str:
    """Return the time as MySQL writes it, in UTC."""
    return f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S.%f}"


def _fill(database: Database, name: str, batch: Batch) -> None:
    try:
        database.stage(name, batch.columns, batch.rows)
    except RowRefused as error:
        raise batch.refused(error.row, error.column, str(error)) from error


def _merge(
    database: Database, batches: dict[str, Batch], highest: Mapping[str, int | None]
) -> list[StatementResult]:
    """
    Merge the batches, by the names that they are staged under.

    `highest` has the highest version that the parents' tables had before.
    """
    staged = {batch.table.stream: name for name, batch in batches.items()}
    for name, batch in batches.items():
        for child in batch.children:
            database.execute(statements.delete_children(child, name))
    merged = []
    for name, batch in batches.items():
        parents = staged.get(batch.table.parent.stream) if batch.table.parent else None
        done = database.merge(
            batch.table,
            name,
            batch.merged_columns,
            parents,
            utc_now(),
            versioned_parent=_may_be_below_parent(
                batch, highest, batches[parents].versions if parents else frozenset()
            ),
            in_order=bool(batch.missing),
            parents_repeat=parents is not None and bool(batches[parents].missing),
        )
        merged.append(done)
    if not database.config.hard_delete:
        return merged
    return [
        replace(done, deleted=_delete_flagged(database, name, batch.table))
        for done, (name, batch) in zip(merged, batches.items(), strict=True)
    ]


def _may_be_below_parent(
    batch: Batch, highest: Mapping[str, int | None], of_parents: frozenset[int]
) -> bool:
    """
    Tell whether rows of the batch may have a lower version than their parents' rows.

    `highest` has the highest version of the parents' tables, `of_parents` those of their rows that
    are merged with these. To look each parent up would take a tenth of the merge, and in all but
    the oddest loads there is none with a higher version.
    """
    parent = batch.parent
    if parent is None or not parent.adds(TABLE_VERSION):
        return False
    versions = {one for one in (highest[parent.name], *of_parents) if one is not None}
    return bool(versions) and (not batch.versions or min(batch.versions) < max(versions))


def _refuse_altered(database: Database, batches: Sequence[Batch]) -> None:
    """
    Raise DatabaseError where somebody has altered a table since it was prepared.

    Asked after the merges, which keep others from altering the tables until the transaction ends.
    """
    for table in (batch.table for batch in batches):
        alteration = find_alteration(table.definition, database.read_definition(table.name))
        if alteration:
            raise DatabaseError(
                f"table {table.name} was altered while it was being loaded ({alteration}):"
                " the batch is not loaded: run again"
            )


def _delete_flagged(database: Database, staged: str, table: Table) -> int:
    """Delete the rows that the staged records say are deleted; returns how many."""
    if not table.deletion or not table.key:
        return 0
    return database.execute(statements.delete_flagged(table, staged)).affected
