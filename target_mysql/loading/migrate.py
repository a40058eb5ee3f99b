"""Brings an existing table to the shape that a SCHEMA requests, without losing a value."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from target_mysql.exceptions import DatabaseError, TableChanged
from target_mysql.loading import version_table
from target_mysql.server import statements
from target_mysql.server.change_table import change_table
from target_mysql.server.database import Database
from target_mysql.server.introspection import (
    A_VIEW,
    read_columns,
    read_definition,
    read_key,
    read_unique_indexes,
    read_unsafe_engine,
)
from target_mysql.tables.alter_plan import AlterPlan, to_alter_plan
from target_mysql.tables.column_compatibility import INDEX_ADVICE, ExistingColumn
from target_mysql.tables.columns import Column
from target_mysql.tables.dialect import BYTES_A_CHARACTER
from target_mysql.tables.identifiers import fold
from target_mysql.tables.kinds import Kind
from target_mysql.tables.table import TABLE_VERSION, Table
from target_mysql.tables.text_keys import (
    key_room,
    text_key_columns,
    with_lengths,
    with_longer_key,
)

LOGGER = logging.getLogger(__name__)


def migrate(table: Table, database: Database) -> Table:
    """
    Create or alter the table in the database; return the table with its actual columns.

    A single statement makes all changes. If another session changes the table meanwhile, the plan
    is made again. Raises DatabaseError if the table has another primary key, a second unique index,
    or an engine without transactions.
    """
    try:
        return _migrate(table, database)
    except TableChanged as error:
        LOGGER.info("%s: reading its columns again", error)
        return _migrate(table, database)


def _migrate(table: Table, database: Database) -> Table:
    dialect = database.server.dialect
    existing = read_columns(database, table.name)
    try:
        plan = to_alter_plan(table, existing, dialect)
    except ValueError as error:
        separator = " " if str(error).endswith(", or") else ": "
        raise DatabaseError(f"table {table.name}: {error}{separator}rename the table") from error
    if not existing:
        version_table.clear(database, table.name)
        foreign_key = database.config.foreign_keys and plan.table.can_reference_parent
        statement = statements.create_table(plan.table, dialect, foreign_key)
        change_table(database, table.name, statement)
        LOGGER.info("created table %s with %d columns", table.name, len(plan.table.columns))
        return replace(_with_definition(plan.table, database), is_new=True)
    lacks_key = _check_table(plan.table, database)
    plan = replace(plan, table=replace(plan.table, key=_key_in_order(plan.table, database)))
    plan = _with_key_that_fits(plan, database)
    for column in plan.modified:
        if (
            existing[column.name].base == "bigint"
            and column.kind is Kind.NUMBER
            and column.wider_type
        ):
            plan = plan.with_replaced(column, _first_exact(plan.table, column, database))
    if plan.table.adds(TABLE_VERSION) and TABLE_VERSION in map(fold, existing):
        _apply_versions(plan.table, plan.modified, database)
    if plan.changes or lacks_key:
        change_table(database, table.name, statements.alter_table(plan, lacks_key, dialect))
        _log_changes(plan, existing)
    return _with_definition(plan.table, database)


def _with_key_that_fits(plan: AlterPlan, database: Database) -> AlterPlan:
    """
    Return the plan with a key that fits in an index.

    Columns of a latin1 key can be longer than utf8mb4 allows.
    """
    texts = text_key_columns(plan.table)
    room = key_room(plan.table, database.server.dialect)
    if sum(one.max_length or 0 for one in texts) <= room:
        return plan
    (row,) = database.query(statements.longest_texts(plan.table, texts))
    lengths = dict(zip((one.name for one in texts), map(int, row), strict=True))
    try:
        longest = max(lengths, key=lambda name: lengths[name])
        table = with_longer_key(
            plan.table, longest, lengths[longest], lengths, database.server.dialect
        )
    except ValueError as error:
        raise DatabaseError(f"table {plan.table.name}: {error}") from error
    return plan.with_columns(table)


def _with_definition(table: Table, database: Database) -> Table:
    return replace(table, definition=read_definition(database, table.name))


def widen(table: Table, wider_type: Column, length: int, database: Database) -> Table:
    """
    Widen a column to `wider_type`, or to a wider column still; return the table.

    A text column gets at least `length` characters. Raises ValueError, with advice, if the indexes
    of the column cannot hold that.
    """
    if wider_type.max_length is None:
        column = _first_exact(table, wider_type, database)
        columns = tuple(column if one.name == column.name else one for one in table.columns)
        wider_table = replace(table, columns=columns)
    else:
        wider_table = _with_longer_text(table, wider_type, length, database)
    pairs = list(zip(table.columns, wider_table.columns, strict=True))
    changes = [column for before, column in pairs if column.sql_type != before.sql_type]
    if table.adds(TABLE_VERSION):
        _apply_versions(table, changes, database)
    statement = statements.modify_columns(wider_table, changes, database.server.dialect)
    change_table(database, table.name, statement)
    for before, column in pairs:
        if column.sql_type != before.sql_type:
            LOGGER.info(
                "table %s: %s is now %s, was %s",
                table.name,
                column.name,
                column.sql_type,
                before.sql_type,
            )
    return _with_definition(wider_table, database)


def _apply_versions(table: Table, changes: Sequence[Column], database: Database) -> None:
    """Write the stored versions into their rows if a column of the key changes."""
    if any(column.name in table.key for column in changes):
        version_table.apply(database, table)


def _with_longer_text(table: Table, wider_type: Column, length: int, database: Database) -> Table:
    """Return the table with an indexed text column of at least `length` characters."""
    # Read again: another column of the index may have grown since the SCHEMA came.
    index_room = read_columns(database, table.name)[wider_type.name].index_characters
    longest = database.server.dialect.key_bytes // BYTES_A_CHARACTER
    room = longest if index_room is None else min(index_room, longest)
    if length > room:
        raise ValueError(f"{length} characters, too many for VARCHAR({room}): {INDEX_ADVICE}")
    if wider_type.name not in table.key:
        return with_lengths(table, {wider_type.name: room})
    texts = text_key_columns(table)
    other_lengths = sum(one.max_length or 0 for one in texts if one.name != wider_type.name)
    free = min(room, key_room(table, database.server.dialect) - other_lengths)
    if length <= free:
        return with_lengths(table, {wider_type.name: free})
    (row,) = database.query(statements.longest_texts(table, texts))
    lengths = dict(zip((one.name for one in texts), map(int, row), strict=True))
    return with_longer_key(table, wider_type.name, length, lengths, database.server.dialect)


def _first_exact(table: Table, column: Column, database: Database) -> Column:
    """
    Return the first column, of `column` and its wider columns, that keeps all numbers exact.

    Raises ValueError if none does, as for a key, which cannot become LONGTEXT.
    """
    may_round = (Kind.NUMBER, Kind.DECIMAL)
    while column.kind in may_round and database.query(statements.find_inexact(table, column)):
        if column.wider_type is None:
            raise ValueError(
                f"existing values would lose digits in {column.sql_type}: have the tap send strings"
            )
        column = column.wider_type
    return column


def _check_table(table: Table, database: Database) -> bool:
    """Return whether the table lacks its primary key; raises the errors of `migrate`."""
    existing_key = read_key(database, table.name)
    ours = {column.name for column in table.columns}
    if (
        existing_key
        and not _same(existing_key, table.key)
        and (table.key or ours & set(existing_key))
    ):
        raise DatabaseError(
            f"table {table.name} has the primary key ({', '.join(existing_key)}) but stream"
            f" {table.stream} has ({', '.join(table.key)}): rename the table, or give it this key"
        )
    unique = read_unique_indexes(database, table.name)
    if unique and table.key:
        raise DatabaseError(
            f"table {table.name} has another unique index ({', '.join(unique)}), by which a row"
            " could overwrite another's: drop it, or make it one that is not unique"
        )
    engine = read_unsafe_engine(database, table.name)
    if engine == A_VIEW:
        raise DatabaseError(
            f"table {table.name} is a view: rename it, or load into another database"
        )
    if engine:
        raise DatabaseError(
            f"table {table.name} is {engine}, without transactions:"
            f" ALTER TABLE {table.name} ENGINE=InnoDB"
        )
    return bool(table.key) and not existing_key


def _same(names: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether two keys have the same columns, in any order."""
    return set(map(fold, names)) == set(map(fold, others))


def _key_in_order(table: Table, database: Database) -> tuple[str, ...]:
    """Return the table's key in the order of its index, which makes lookups fast."""
    order = list(map(fold, read_key(database, table.name)))
    return (
        tuple(sorted(table.key, key=lambda name: order.index(fold(name)))) if order else table.key
    )


def _log_changes(plan: AlterPlan, existing: Mapping[str, ExistingColumn]) -> None:
    name = plan.table.name
    if plan.added:
        LOGGER.info("added to table %s: %s", name, ", ".join(one.name for one in plan.added))
    for column in plan.modified:
        was = existing[column.name].sql_type
        LOGGER.info("table %s: %s is now %s, was %s", name, column.name, column.sql_type, was)
    for old, new_name in plan.renamed:
        LOGGER.warning(
            "table %s: the type of %s changed; its former values (%s) stay in %s",
            name,
            old.name,
            old.sql_type,
            new_name,
        )
    for old in plan.made_nullable:
        LOGGER.info(
            "table %s: %s is nullable now: the stream no longer has this property", name, old.name
        )
