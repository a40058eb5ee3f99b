"""Stages the batches of all streams, then merges them in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    Stage every batch, then merge all of them in one transaction, parents first.

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
        wait_for_previous_commit()
        with database.transaction():
            results = _merge_all(database, dict(zip(names, batches, strict=True)))
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


def _merge_all(database: Database, batches: dict[str, Batch]) -> list[StatementResult]:
    """Merge the batches, given by the names of their staging tables."""
    staging_names = {batch.table.stream: name for name, batch in batches.items()}
    results = []
    for name, batch in batches.items():
        parents = staging_names.get(batch.table.parent.stream) if batch.table.parent else None
        parent_batch = batches[parents] if parents else None
        merge = _to_merge(name, batch, database.server.dialect, parents, parent_batch)
        if merge.finds_unchanged and not batch.table.is_new:
            database.execute(merge_statements.flag_unchanged(merge))
        results.append(_run_merge(database, merge))
        are_new = results[-1].inserted == len(batch.rows)
        if batch.versions and not are_new:
            _keep_versions(database, merge)
        for child in batch.children:
            if are_new and _has_no_orphans(child, batch.table):
                continue
            children = _staging_of_children(batch, child, staging_names, batches)
            collation = database.server.dialect.collation
            database.execute(merge_statements.delete_children(child, name, children, collation))
    if not database.config.hard_delete:
        return results
    return [
        replace(result, deleted=_delete_flagged(database, name, batch.table))
        for result, (name, batch) in zip(results, batches.items(), strict=True)
    ]


def _has_no_orphans(child: Table, parent: Table) -> bool:
    """
    Whether no row of `child` can be older than its parent's: then a new parent has none yet.

    With a part of the parent's key alone, a row of `child` belongs to several parents.
    """
    names = {theirs for _, theirs in child.parent.keys} if child.parent else set()
    has_one_parent = names.issuperset(parent.key)
    return child.is_new and parent.is_new and has_one_parent and statements.has_foreign_key(child)


def _staging_of_children(
    batch: Batch, child: Table, staging_names: Mapping[str, str], batches: Mapping[str, Batch]
) -> str | None:
    """
    Return the staging table of the child's rows, if both staging tables have a row for each key.
    """
    children = staging_names.get(child.stream)
    if children is None or not child.key or batch.missing_mask or batches[children].missing_mask:
        return None
    return children


def _to_merge(
    name: str,
    batch: Batch,
    dialect: Dialect,
    parents: str | None,
    parent_batch: Batch | None,
) -> Merge:
    return Merge(
        batch.table,
        name,
        batch.merged_columns,
        dialect,
        parents,
        parent_version=_parent_version(batch.table, parent_batch.table) if parent_batch else None,
        in_order=bool(batch.missing_mask),
        parents_repeat=bool(parent_batch and parent_batch.missing_mask),
    )


def _parent_version(table: Table, parent: Table) -> Column | None:
    """Return the parent's column of versions, if that counts for the rows of `table` as well."""
    return parent.added(TABLE_VERSION) if table.finds_parent_by_key(parent) else None


def _run_merge(database: Database, merge: Merge) -> StatementResult:
    """Run the upsert; a warning is an error, and errors name the table."""
    try:
        result = database.execute(merge_statements.merge_sql(merge, utc_now()))
        database.check_warnings(result)
    except DatabaseError as error:
        raise DatabaseError(f"table {merge.table.name}: {error}") from error
    return result


def _keep_versions(database: Database, merge: Merge) -> None:
    """Keep the versions of unchanged rows beside them; children have those of their parents."""
    if merge.finds_unchanged and merge.table.adds(TABLE_VERSION) and merge.table.parent is None:
        statement = version_statements.keep_versions(merge.table, merge.staging)
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


def _delete_flagged(database: Database, name: str, table: Table) -> int:
    """Delete the rows that the staged records flag as deleted; return their number."""
    if not table.deletion or not table.key:
        return 0
    return database.execute(merge_statements.delete_flagged(table, name)).affected
