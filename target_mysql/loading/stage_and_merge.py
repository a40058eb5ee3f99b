"""Stages the batches of all streams, then merges them in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from target_mysql.exceptions import DatabaseError, RowRefused
from target_mysql.loading.batch import Batch
from target_mysql.loading.staging import Staging
from target_mysql.loading.table_locks import TableLocks
from target_mysql.server import merge_statements, statements, version_statements
from target_mysql.server.database import Database
from target_mysql.server.definition import find_alteration
from target_mysql.server.introspection import read_definition
from target_mysql.server.merge_statements import Merge
from target_mysql.server.upload_connection import StatementResult
from target_mysql.tables.columns import Column
from target_mysql.tables.dialect import Dialect
from target_mysql.tables.table import TABLE_VERSION, Table


def stage_and_merge(
    database: Database,
    batches: Sequence[Batch],
    wait_for_previous_commit: Callable[[], None],
    locks: TableLocks,
    staging: Staging,
    write_state: Callable[[], None],
) -> list[StatementResult]:
    """
    Stage every batch, flag the unchanged rows, and merge the others in one transaction, parents
    first. The transaction flags the unchanged rows of children.

    `write_state` is called at the end of the transaction, to write the state of these rows. The
    transaction begins when `wait_for_previous_commit` returns, and commits only while the tables'
    locks are held, see `TableLocks.confirm`. Returns a result for each batch.
    """
    changes = {one.table.name: max(one.versions, default=None) for one in batches}
    for child in (child for one in batches for child in one.children):
        changes.setdefault(child.name, None)
    names: list[str] = []
    try:
        for batch in batches:
            names.append(staging.create(database, batch))
            _upload(database, names[-1], batch)
        merges = _to_merges(names, batches, database.server.dialect)
        wait_for_previous_commit()
        for merge in merges:
            # Not in the transaction, whose locks would last longer.
            if merge.table.parent is None:
                _flag_unchanged(database, merge)
        with database.transaction():
            results = _merge_all(database, merges, batches)
            _check_unaltered(database, batches)
            write_state()
            locks.confirm(database, changes)
            return results
    finally:
        for name in names:
            staging.drop(database, name)


def utc_now() -> str:
    """Return the current UTC time as a MySQL date-time."""
    return f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S.%f}"


def _upload(database: Database, name: str, batch: Batch) -> None:
    try:
        database.stage(name, batch.columns, batch.rows)
    except RowRefused as error:
        raise batch.refused(error.row, error.column, str(error)) from error


def _to_merges(names: Sequence[str], batches: Sequence[Batch], dialect: Dialect) -> list[Merge]:
    """Return how each batch is merged; `names` are their staging tables."""
    staged = {batch.table.stream: (name, batch) for name, batch in zip(names, batches, strict=True)}
    merges = []
    for name, batch in zip(names, batches, strict=True):
        parent = batch.table.parent
        parents, parent_batch = staged.get(parent.stream, (None, None)) if parent else (None, None)
        merge = Merge(
            batch.table,
            name,
            batch.merged_columns,
            dialect,
            parents,
            parent_version=_parent_version(batch.table, parent_batch),
            in_order=bool(batch.missing_mask),
            parents_repeat=bool(parent_batch and parent_batch.missing_mask),
        )
        merges.append(merge)
    return merges


def _merge_all(
    database: Database, merges: Sequence[Merge], batches: Sequence[Batch]
) -> list[StatementResult]:
    """Merge the batches, each with its children's old rows; return a result for each."""
    by_stream = {merge.table.stream: merge for merge in merges}
    results = []
    for merge, batch in zip(merges, batches, strict=True):
        if merge.table.parent is not None:
            # Not earlier: the merge of the parents may delete rows that are staged again.
            _flag_unchanged(database, merge)
        result = _run_merge(database, merge)
        are_new = result.inserted == len(batch.rows)
        if batch.versions and not are_new:
            _store_versions(database, merge)
        for child in batch.children:
            if not (are_new and _has_no_orphans(child, batch.table)):
                _delete_children(database, child, merge, by_stream.get(child.stream))
        results.append(result)
    if not database.config.hard_delete:
        return results
    return [
        replace(result, deleted=_delete_flagged(database, merge))
        for result, merge in zip(results, merges, strict=True)
    ]


def _flag_unchanged(database: Database, merge: Merge) -> None:
    if merge.finds_unchanged and not merge.table.is_new:
        database.execute(merge_statements.flag_unchanged(merge))


def _has_no_orphans(child: Table, parent: Table) -> bool:
    """
    Whether no row of `child` can be older than its parent's: then a new parent has none yet.

    With a part of the parent's key alone, a row of `child` belongs to several parents.
    """
    names = {theirs for _, theirs in child.parent.keys} if child.parent else set()
    has_one_parent = names.issuperset(parent.key)
    return child.is_new and parent.is_new and has_one_parent and statements.has_foreign_key(child)


def _delete_children(
    database: Database, child: Table, parents: Merge, children: Merge | None
) -> None:
    """
    Delete the rows of `child` that belong to the staged parents, except those that are staged.

    The staged children are known only if both staging tables have a single row for each key.
    """
    is_known = children and child.key and not parents.in_order and not children.in_order
    staged = children.staging if children and is_known else None
    collation = database.server.dialect.collation
    database.execute(merge_statements.delete_children(child, parents.staging, staged, collation))


def _parent_version(table: Table, parents: Batch | None) -> Column | None:
    """Return the parents' column of versions, if those count for the rows of `table` as well."""
    if parents is None or not table.finds_parent_by_key(parents.table):
        return None
    return parents.table.added(TABLE_VERSION)


def _run_merge(database: Database, merge: Merge) -> StatementResult:
    """Run the upsert; a warning is an error, and errors name the table."""
    try:
        result = database.execute(merge_statements.merge_sql(merge, utc_now()))
        database.check_warnings(result)
    except DatabaseError as error:
        raise DatabaseError(f"table {merge.table.name}: {error}") from error
    return result


def _store_versions(database: Database, merge: Merge) -> None:
    """Store the versions of unchanged rows; children have those of their parents."""
    if merge.finds_unchanged and merge.table.adds(TABLE_VERSION) and merge.table.parent is None:
        statement = version_statements.store_versions(merge.table, merge.staging)
        database.execute(statement, (database.server.fold(merge.table.name),))


def _check_unaltered(database: Database, batches: Sequence[Batch]) -> None:
    """
    Raise DatabaseError if another session has altered a table since its SCHEMA was handled.

    The merges before this check keep others from altering the tables until the transaction ends.
    """
    for table in (batch.table for batch in batches):
        alteration = find_alteration(table.definition, read_definition(database, table.name))
        if alteration:
            raise DatabaseError(
                f"table {table.name} was altered while it was being loaded ({alteration}):"
                " the batch is not loaded: run again"
            )


def _delete_flagged(database: Database, merge: Merge) -> int:
    """Delete the rows that the staged records flag as deleted; return their number."""
    if not merge.table.deletion or not merge.table.key:
        return 0
    return database.execute(merge_statements.delete_flagged(merge.table, merge.staging)).affected
